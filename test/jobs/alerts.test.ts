// The alerting rules and configurations, checked by Prometheus' own promtool and Alertmanager's amtool; and what those
// don't ask of them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { repository } from '../support/handler.js'
import { alertsFolder, check, has, metricsOf } from '../support/promql.js'
import { SERVE_METRICS } from '../support/serve-metrics.js'

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

interface Case {
  readonly alertname: string
  readonly exp_alerts?: readonly unknown[]
}

/** All that rules.yaml may read, with the page of kube-state-metrics' docs/metrics that describes it. */
const KUBE_STATE_METRICS: Readonly<Record<string, string>> = {
  kube_cronjob_created: 'workload/cronjob-metrics.md',
  kube_cronjob_spec_suspend: 'workload/cronjob-metrics.md',
  kube_cronjob_status_last_successful_time: 'workload/cronjob-metrics.md',
  kube_endpointslice_endpoints: 'service/endpointslice-metrics.md',
  kube_endpointslice_info: 'service/endpointslice-metrics.md',
  kube_job_failed: 'workload/job-metrics.md',
  kube_job_owner: 'workload/job-metrics.md',
  kube_job_status_start_time: 'workload/job-metrics.md',
  kube_namespace_status_phase: 'cluster/namespace-metrics.md',
  kube_pod_labels: 'workload/pod-metrics.md',
  kube_pod_owner: 'workload/pod-metrics.md',
  kube_pod_status_phase: 'workload/pod-metrics.md',
  kube_service_annotations: 'service/service-metrics.md',
}

/** Each file of rules with what it may read. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  'rules.yaml': Object.keys(KUBE_STATE_METRICS),
  'rules-serve.yaml': Object.keys(SERVE_METRICS),
  'rules-demo.yaml': ['up', 'helloworld_healthy'],
}
const names = Object.keys(FILES)
const page = readFileSync(join(repository, 'docs/alerts.md'), 'utf8')
const sections = [...page.matchAll(/^### (\w+)$/gm)].map(([, name = '']) => name)
const testOf = (file: string): string => file.replace('.yaml', '.test.yaml')
const hasPromtool = has('promtool', 'prometheus')

describe.each(Object.entries(FILES))('the alerting rules of %s', (file, metrics) => {
  const { groups } = read<{ readonly groups: readonly { readonly rules: readonly Rule[] }[] }>(file)
  const rules = groups.flatMap((group) => group.rules)
  const alerts = rules.filter(({ alert }) => alert !== undefined)
  const { tests } = read<{ readonly tests: readonly { readonly alert_rule_test?: readonly Case[] }[] }>(testOf(file))
  const cases = tests.flatMap((test) => test.alert_rule_test ?? [])

  describe.skipIf(!hasPromtool)('promtool', () => {
    it('finds no fault in them', () => {
      expect(check('promtool', 'check', 'rules', file)).toMatchObject({ status: 0, stderr: '' })
    })

    it('sees each alert fire where it has to, and be quiet where it has to', { timeout: 60_000 }, () => {
      expect(check('promtool', 'test', 'rules', testOf(file))).toMatchObject({ status: 0, stderr: '' })
    })
  })

  it.each(alerts)('$alert has a severity, a summary, and a description with a remedy', ({ labels, annotations }) => {
    expect(['critical', 'warning']).toContain(labels?.severity)
    expect(annotations?.summary).toMatch(/\{\{ \$labels\.namespace \}\}/)
    expect(annotations?.description).toMatch(/`kubectl /)
  })

  it.each(alerts)('$alert leads to its section of docs/alerts.md', ({ alert, annotations }) => {
    expect(annotations?.runbook_url).toBe(`docs/alerts.md#${alert?.toLowerCase()}`)
    expect(sections).toContain(alert)
  })

  it.each(alerts)('$alert has a promtool test in which it fires, and one in which it does not', ({ alert }) => {
    const fires = cases.filter(({ alertname }) => alertname === alert).map((test) => (test.exp_alerts ?? []).length > 0)
    expect(fires).toContain(true)
    expect(fires).toContain(false)
  })

  it('are tested under names that exist', () => {
    const alertNames = alerts.map(({ alert }) => alert)
    expect(cases.filter(({ alertname }) => !alertNames.includes(alertname))).toEqual([])
  })

  it('read what is documented, and what they record themselves', () => {
    const recorded = rules.flatMap(({ record }) => record ?? [])
    const used = new Set(rules.flatMap(({ expr }) => metricsOf(expr)))
    expect([...used].filter((name) => !metrics.includes(name) && !recorded.includes(name))).toEqual([])
    expect(recorded.filter((name) => !used.has(name))).toEqual([])
  })
})

describe('docs/alerts.md', () => {
  it('has a section on each alert, and on nothing else', () => {
    const alerts = names.flatMap((file) =>
      read<{ readonly groups: readonly { readonly rules: readonly Rule[] }[] }>(file).groups.flatMap(({ rules }) =>
        rules.flatMap(({ alert }) => alert ?? []),
      ),
    )
    expect([...sections].sort()).toEqual([...alerts].sort())
  })

  it.each(sections)('says of %s what it means, what to look at, and what to do', (name) => {
    const [, section = ''] = page.split(`\n### ${name}\n`)
    const [text = ''] = section.split(/^##/m)
    for (const word of ['**Meaning.**', '**Look at**', '**Do**']) expect(text).toContain(word)
  })
})

describe('jobs/alerts', () => {
  it('reads all that is said to be needed of kube-state-metrics', () => {
    const text = readFileSync(join(alertsFolder, 'rules.yaml'), 'utf8')
    expect(Object.keys(KUBE_STATE_METRICS).filter((name) => !text.includes(name))).toEqual([])
  })

  it('makes ConfigMaps of all rules and of the dashboard; prometheus.yaml names the same rules', () => {
    expect(read('kustomization.yaml')).toMatchObject({
      configMapGenerator: [
        { name: 'active-passive-alerts', files: names },
        { name: 'active-passive-dashboard', files: ['dashboard.json'] },
      ],
      generatorOptions: { disableNameSuffixHash: true },
    })
    expect(read('prometheus.yaml')).toMatchObject({ rule_files: names })
  })

  it('asks the port and the path of jobs/serve, with the Secret of jobs/serve', () => {
    const text = readFileSync(join(alertsFolder, 'alertmanager.yaml'), 'utf8')
    expect(text).toContain('url: http://active-passive.default.svc:8080/alertmanager\n')
    expect(text).toContain('credentials_file: /etc/alertmanager/secrets/active-passive-token/token\n')
  })
})

describe.skipIf(!has('amtool', 'prometheus-alertmanager'))('amtool', () => {
  it('finds no fault in alertmanager.yaml', () => {
    expect(check('amtool', 'check-config', 'alertmanager.yaml')).toMatchObject({ status: 0, stderr: '' })
  })

  it.each([
    ['trigger=active-passive', 'active-passive'],
    ['alertname=ActivePassiveServeDown', 'people'],
  ])('sends %s to %s', (label, receiver) => {
    const { stdout } = check('amtool', 'config', 'routes', 'test', '--config.file=alertmanager.yaml', label)
    expect(stdout.trim()).toBe(receiver)
  })
})

function read<T>(file: string): T {
  return load(readFileSync(join(alertsFolder, file), 'utf8')) as T
}
