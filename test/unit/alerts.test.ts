// The alerting rules, run by Prometheus' own promtool; and what promtool doesn't ask of them.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { reportSkipped } from '../support/skipped.js'

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

const folder = join(import.meta.dirname, '../../jobs/alerts')

/** All that the rules may read, with the page of kube-state-metrics' docs/metrics that describes it. */
const METRICS: Readonly<Record<string, string>> = {
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

const { groups } = read<{ readonly groups: readonly { readonly rules: readonly Rule[] }[] }>('rules.yaml')
const rules = groups.flatMap((group) => group.rules)
const alerts = rules.filter(({ alert }) => alert !== undefined)
const { tests } = read<{ readonly tests: readonly { readonly alert_rule_test?: readonly Case[] }[] }>('rules.test.yaml')
const cases = tests.flatMap((test) => test.alert_rule_test ?? [])

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined
if (!hasPromtool) {
  reportSkipped(
    'NO PROMTOOL: the tests of the alerting rules are SKIPPED. It is part of Prometheus; on Debian: apt install prometheus.',
  )
}

describe.skipIf(!hasPromtool)('promtool', () => {
  it('finds no fault in the rules', () => {
    expect(promtool('check', 'rules', 'rules.yaml')).toEqual({ status: 0, stderr: '' })
  })

  it('sees each alert fire where it has to, and be quiet where it has to', () => {
    expect(promtool('test', 'rules', 'rules.test.yaml')).toEqual({ status: 0, stderr: '' })
  })
})

describe('the alerting rules', () => {
  it.each(alerts)('$alert has a severity, a summary, and a description with a remedy', ({ labels, annotations }) => {
    expect(['critical', 'warning']).toContain(labels?.severity)
    expect(annotations?.summary).toMatch(/\{\{ \$labels\.namespace \}\}/)
    expect(annotations?.description).toMatch(/`kubectl /)
  })

  it.each(alerts)('$alert has a promtool test in which it fires, and one in which it does not', ({ alert }) => {
    const fires = cases.filter(({ alertname }) => alertname === alert).map((test) => (test.exp_alerts ?? []).length > 0)
    expect(fires).toContain(true)
    expect(fires).toContain(false)
  })

  it('are tested under names that exist', () => {
    const names = alerts.map(({ alert }) => alert)
    expect(cases.filter(({ alertname }) => !names.includes(alertname))).toEqual([])
  })

  it('read what kube-state-metrics documents, and what they record themselves', () => {
    const used = new Set(rules.flatMap(({ expr }) => metricsOf(expr)))
    const recorded = rules.flatMap(({ record }) => record ?? [])
    expect([...used].sort()).toEqual([...Object.keys(METRICS), ...recorded].sort())
  })

  it('are all that the ConfigMap holds', () => {
    expect(read('kustomization.yaml')).toMatchObject({
      configMapGenerator: [{ name: 'active-passive-alerts', files: ['rules.yaml'] }],
      generatorOptions: { disableNameSuffixHash: true },
    })
  })
})

function read<T>(file: string): T {
  return load(readFileSync(join(folder, file), 'utf8')) as T
}

function promtool(...words: readonly string[]): { readonly status: number | null; readonly stderr: string } {
  const { status, stderr } = spawnSync('promtool', words, { cwd: folder, encoding: 'utf8' })
  return { status, stderr }
}

/** The names in an expression that are neither functions, keywords, label names nor parts of texts. */
function metricsOf(expr: string): readonly string[] {
  const bare = expr
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replace(/\b(?:by|on|group_left)\s*\([^)]*\)/g, '')
  const words = [...bare.matchAll(/\b[a-z_][\w:]*\b(?!\s*\()/gi)].map(([word]) => word)
  return words.filter((word) => !['and', 'or', 'unless'].includes(word))
}
