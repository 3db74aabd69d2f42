/** Prometheus and Alertmanager on a machine, configured by the files of jobs/alerts, but for addresses and intervals. */
import { spawn } from 'node:child_process'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { until } from './cluster/poll.js'
import type { Machine } from './node/machines.js'
import { alertsFolder } from './promql.js'

export interface AlertingOptions {
  readonly machine: Machine
  /** For configuration and data; the machine sees it under the same name. */
  readonly folder: string
  /** What is scraped, with the labels that the discovery of Kubernetes would give it. */
  readonly target: { readonly address: string; readonly labels: Readonly<Record<string, string>> }
  /** Of Alertmanager's requests. */
  readonly webhook: { readonly url: string; readonly token: string }
}

export interface Alerting {
  /** The samples of an instant vector's series within the last minutes, by time: milliseconds since 1970, and value. */
  samples(series: string): Promise<readonly (readonly [atMs: number, value: string])[]>
  /** How many webhooks Alertmanager has sent, each with all its attempts. */
  notifications(): Promise<number>
}

/** What a user chooses for speed. */
const every = '1s'

interface Scrape {
  readonly job_name: string
  readonly kubernetes_sd_configs?: unknown
}

interface AlertmanagerConfig {
  readonly route: { readonly routes: readonly [object] }
  readonly receivers: readonly [object, { readonly webhook_configs: readonly [object] }]
}

/** Starts both, and resolves when the target has been scraped. They end with the machine. */
export async function startAlerting({ machine, folder, target, webhook }: AlertingOptions): Promise<Alerting> {
  await mkdir(folder, { recursive: true })
  const own = (name: string) => join(folder, name)
  const config = async <T>(file: string) => load(await readFile(join(alertsFolder, file), 'utf8')) as T
  const { scrape_configs: scrapes } = await config<{ readonly scrape_configs: readonly Scrape[] }>('prometheus.yaml')
  const { route, receivers } = await config<AlertmanagerConfig>('alertmanager.yaml')
  const [people, { webhook_configs: webhooks, ...receiver }] = receivers
  const labels = Object.fromEntries(
    Object.entries(target.labels).map(([name, value]) => [`__meta_kubernetes_${name}`, value]),
  )
  await Promise.all([
    copyFile(join(alertsFolder, 'rules-demo.yaml'), own('rules-demo.yaml')),
    writeFile(own('token'), `${webhook.token}\n`),
    writeFile(
      own('prometheus.json'),
      JSON.stringify({
        global: { scrape_interval: every, scrape_timeout: '900ms', evaluation_interval: every },
        rule_files: ['rules-demo.yaml'],
        alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9093'] }] }] },
        scrape_configs: scrapes
          .filter(({ job_name }) => job_name === 'services')
          .map(({ kubernetes_sd_configs: _, ...scrape }) => ({
            ...scrape,
            static_configs: [{ targets: [target.address], labels }],
          })),
      }),
    ),
    writeFile(
      own('alertmanager.json'),
      JSON.stringify({
        route: { ...route, routes: [{ ...route.routes[0], group_wait: '0s', group_interval: '5s' }] },
        receivers: [
          people,
          {
            ...receiver,
            webhook_configs: [
              {
                ...webhooks[0],
                url: webhook.url,
                http_config: { authorization: { type: 'Bearer', credentials_file: own('token') } },
              },
            ],
          },
        ],
      }),
    ),
  ])
  const start = (program: string, ...args: readonly string[]) => {
    const { command, args: all } = machine.place(program, args)
    spawn(command, all, { stdio: 'ignore' }).on('error', () => {})
  }
  start(
    'prometheus-alertmanager',
    `--config.file=${own('alertmanager.json')}`,
    `--storage.path=${own('alertmanager')}`,
    '--web.listen-address=127.0.0.1:9093',
    '--cluster.listen-address=',
  )
  start(
    'prometheus',
    `--config.file=${own('prometheus.json')}`,
    `--storage.tsdb.path=${own('prometheus')}`,
    '--web.listen-address=127.0.0.1:9090',
  )
  const get = (url: string) => machine.exec('busybox', 'wget', '-q', '-O', '-', url)
  const notifications: Alerting['notifications'] = async () => {
    const metric = /^alertmanager_notifications_total\{integration="webhook"\} (\d+)$/m
    return Number(metric.exec(await get('http://127.0.0.1:9093/metrics'))?.[1] ?? 0)
  }
  const samples: Alerting['samples'] = async (series) => {
    const query = `http://127.0.0.1:9090/api/v1/query?query=${encodeURIComponent(`${series}[5m]`)}`
    const answer = JSON.parse(await get(query)) as QueryAnswer
    return answer.data.result
      .flatMap(({ values }) => values)
      .map(([seconds, value]) => [seconds * 1_000, value] as const)
      .sort(([a], [b]) => a - b)
  }
  await until('Prometheus has scraped the demo', async () =>
    (await samples('helloworld_healthy').catch(() => [])).length > 0 ? true : undefined,
  )
  return { samples, notifications }
}

interface QueryAnswer {
  readonly data: { readonly result: readonly { readonly values: readonly (readonly [number, string])[] }[] }
}
