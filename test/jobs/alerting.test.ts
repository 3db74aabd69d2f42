// jobs/alerts as a whole: the demo fails, Prometheus sees it, Alertmanager asks for a pass. All but the addresses, the
// intervals and the discovery is as in the files: some builds of Prometheus come without Kubernetes, and what it would
// find is written down here.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import got from 'got'
import { load } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readWebhook } from '../../handler/serve/http/alertmanager.js'
import { until } from '../support/cluster/poll.js'
import { freePort } from '../support/cluster/ports.js'
import { type Keeper, startKeeper } from '../support/cluster/processes.js'
import { repository } from '../support/handler.js'
import { alertsFolder, check, has } from '../support/promql.js'

interface PrometheusConfig {
  readonly scrape_configs: readonly { readonly job_name: string; readonly kubernetes_sd_configs?: unknown }[]
}

interface AlertmanagerConfig {
  readonly route: { readonly routes: readonly [object] }
  readonly receivers: readonly [object, { readonly webhook_configs: readonly [{ readonly http_config: object }] }]
}

interface Webhook {
  readonly headers: IncomingHttpHeaders
  readonly url: string | undefined
  readonly body: { readonly alerts: readonly { readonly labels: Readonly<Record<string, string>> }[] }
}

const read = <T>(file: string) => load(readFileSync(join(alertsFolder, file), 'utf8')) as T
const hasAll = ([['prometheus'], ['prometheus-alertmanager']] as const).every(([program]) => has(program, program))

describe.skipIf(!hasAll)('the demo, Prometheus and Alertmanager', { timeout: 60_000 }, () => {
  const received: Webhook[] = []
  const serve = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as Webhook['body']
    received.push({ headers: request.headers, url: request.url, body })
    response.end('{}')
  })
  let folder: string
  let keeper: Keeper
  let app: string
  let prometheus: string

  /** The labels under which Kubernetes' discovery finds the port of a pod behind a Service. */
  const found = (address: string, service: string, port: string) => ({
    targets: [address],
    labels: {
      __meta_kubernetes_namespace: 'shop',
      __meta_kubernetes_service_name: service,
      __meta_kubernetes_endpointslice_port_name: port,
      __meta_kubernetes_pod_name: `${service}-0`,
    },
  })
  const write = (name: string, content: unknown): string => {
    const file = join(folder, name)
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    return file
  }
  const start = (name: string, command: string, ...args: readonly string[]) =>
    keeper.run({ name, command, args, log: join(folder, `${name}.log`) })
  const asked = (alertname: string) =>
    until(`a request because of ${alertname}`, () =>
      received.find(({ body }) => body.alerts.some(({ labels }) => labels.alertname === alertname)),
    )

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'active-passive-alerting-'))
    keeper = startKeeper(folder)
    for (const file of readdirSync(alertsFolder).filter((name) => /^rules[^.]*\.yaml$/.test(name))) {
      copyFileSync(join(alertsFolder, file), join(folder, file))
    }
    await new Promise<void>((resolve) => serve.listen(0, '127.0.0.1', resolve))
    const webhook = `http://127.0.0.1:${(serve.address() as AddressInfo).port}/alertmanager`
    const [appPort, prometheusPort, alertmanagerPort] = [await freePort(), await freePort(), await freePort()]
    app = `127.0.0.1:${appPort}`
    prometheus = `127.0.0.1:${prometheusPort}`

    const config = read<PrometheusConfig>('prometheus.yaml')
    const targets = [found(app, 'helloworld', 'http'), found(app, 'helloworld', 'admin'), found(app, 'other', 'http')]
    const prometheusFile = write('prometheus.yaml', {
      ...config,
      global: { scrape_interval: '500ms', scrape_timeout: '400ms', evaluation_interval: '500ms' },
      alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanagerPort}`] }] }] },
      scrape_configs: config.scrape_configs.map(({ kubernetes_sd_configs: _, ...scrape }) => ({
        ...scrape,
        static_configs: scrape.job_name === 'services' ? targets : [],
      })),
    })
    expect(check('promtool', 'check', 'config', prometheusFile)).toMatchObject({ status: 0, stderr: '' })

    const { route, receivers, ...rest } = read<AlertmanagerConfig>('alertmanager.yaml')
    const [people, { webhook_configs: webhooks, ...receiver }] = receivers
    const authorization = { type: 'Bearer', credentials_file: write('token', 'first\n') }
    const alertmanagerFile = write('alertmanager.yaml', {
      ...rest,
      route: { ...route, routes: [{ ...route.routes[0], group_interval: '1s' }] },
      receivers: [
        people,
        { ...receiver, webhook_configs: [{ ...webhooks[0], url: webhook, http_config: { authorization } }] },
      ],
    })

    mkdirSync(join(folder, 'data'))
    // As in its pod, where no package.json says that it is a module.
    copyFileSync(join(repository, 'jobs/demo/app/helloworld.js'), join(folder, 'helloworld.js'))
    await start('helloworld', 'env', `PORT=${appPort}`, process.execPath, join(folder, 'helloworld.js'))
    await start(
      'alertmanager',
      'prometheus-alertmanager',
      `--config.file=${alertmanagerFile}`,
      `--storage.path=${join(folder, 'data/alertmanager')}`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      '--cluster.listen-address=',
    )
    await start(
      'prometheus',
      'prometheus',
      `--config.file=${prometheusFile}`,
      `--storage.tsdb.path=${join(folder, 'data/prometheus')}`,
      `--web.listen-address=${prometheus}`,
    )
  })
  afterAll(async () => {
    await keeper?.end()
    serve.close()
  })

  it('scrapes what is behind the Service, and nothing else, with the labels that name the group', async () => {
    const query = `http://${prometheus}/api/v1/query?query=helloworld_healthy`
    const result = await until('Prometheus has scraped the demo', async () => {
      const answer = await got(query, { retry: { limit: 0 } })
        .json<{ data: { result: readonly { metric: object; value: readonly [number, string] }[] } }>()
        .catch(() => undefined)
      return answer?.data.result.length ? answer.data.result : undefined
    })
    expect(result).toMatchObject([
      { metric: { namespace: 'shop', service: 'helloworld', pod: 'helloworld-0' }, value: [expect.anything(), '1'] },
    ])
    expect(received).toEqual([])
  })

  it('asks for a pass over the group when its active pod fails, with the token', async () => {
    await got.post(`http://${app}/fail`)
    const { url, headers, body } = await asked('HelloworldUnhealthy')
    expect(url).toBe('/alertmanager')
    expect(headers).toMatchObject({ authorization: 'Bearer first', 'content-type': 'application/json' })
    const labels = { namespace: 'shop', service: 'helloworld', pod: 'helloworld-0' }
    expect(body).toMatchObject({
      version: '4',
      status: 'firing',
      truncatedAlerts: 0,
      groupLabels: { namespace: 'shop', service: 'helloworld' },
      alerts: [{ status: 'firing', labels }],
    })
    expect(readWebhook(body)).toEqual({ selection: [{ ...labels, otherwise: 'all' }] })
  })

  it('asks when it does not answer at all, with the token as it is by then', async () => {
    write('token', 'second\n')
    await got.post(`http://${app}/hang`)
    const { headers } = await asked('HelloworldSilent')
    expect(headers.authorization).toBe('Bearer second')
  })
})
