// jobs/serve, as far as no API server would object: that its parts mean the same pods, and what it has beside what it
// shares with others.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load, loadAll } from 'js-yaml'
import { describe, expect, it } from 'vitest'

type Labels = Readonly<Record<string, string>>

interface Selector {
  readonly matchLabels: Labels
}

interface Template {
  readonly metadata: { readonly labels: Labels }
  readonly spec: {
    readonly securityContext: unknown
    readonly terminationGracePeriodSeconds: number
    readonly affinity: { readonly podAntiAffinity: Readonly<Record<string, readonly Term[]>> }
    readonly containers: readonly Readonly<Record<string, unknown>>[]
    readonly volumes: readonly unknown[]
  }
}

interface Term {
  readonly podAffinityTerm: { readonly labelSelector: Selector }
}

interface NetworkPolicy {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly podSelector: Selector; readonly ingress?: unknown; readonly egress: unknown }
}

const read = <T>(file: string) => load(readFileSync(join(import.meta.dirname, '../../jobs', file), 'utf8')) as T
const selects = ({ matchLabels }: Selector, labels: Labels) =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value)

const deployment = read<{ spec: { selector: Selector; template: Template } }>('serve/deployment.yaml').spec
const { metadata, spec } = deployment.template
const own = read<NetworkPolicy>('serve/network-policy.yaml')
const policy = read<NetworkPolicy>('policy/network-policy.yaml')
const passes = read<{ spec: { jobTemplate: { spec: { template: Template } } } }>('cronjob/cronjob.yaml').spec
  .jobTemplate

describe('jobs/serve', () => {
  it.each([
    ['Deployment', deployment.selector],
    ['PodDisruptionBudget', read<{ spec: { selector: Selector } }>('serve/pod-disruption-budget.yaml').spec.selector],
    ['Service', { matchLabels: read<{ spec: { selector: Labels } }>('serve/service.yaml').spec.selector }],
    ['NetworkPolicy', own.spec.podSelector],
    ...Object.values(spec.affinity.podAntiAffinity)
      .flat()
      .map(({ podAffinityTerm }) => ['anti-affinity', podAffinityTerm.labelSelector] as const),
  ] as const)("its %s means its own pods, and not the CronJob's", (_what, selector) => {
    expect(selects(selector, metadata.labels)).toBe(true)
    expect(selects(selector, passes.spec.template.metadata.labels)).toBe(false)
  })

  it('can be asked and reaches pods where jobs/policy, which selects its pods too, lets nobody in', () => {
    expect(own.metadata.name).not.toBe(policy.metadata.name)
    expect(selects(policy.spec.podSelector, metadata.labels)).toBe(true)
    expect(policy.spec.ingress).toBeUndefined()
    expect(own.spec.ingress).toEqual([{ ports: [{ protocol: 'TCP', port: 8080 }] }])
    expect(own.spec.egress).toEqual(policy.spec.egress)
  })

  it("is as confined as the CronJob's pods, and has time to finish a pass after SIGTERM", () => {
    const [container] = spec.containers
    const pass = passes.spec.template.spec
    expect(container?.securityContext).toEqual(pass.containers[0]?.securityContext)
    expect(spec.securityContext).toEqual(pass.securityContext)
    expect(spec).toMatchObject({ serviceAccountName: 'active-passive', enableServiceLinks: false })
    const [sleep, deadline] = [3, 40]
    expect(container?.lifecycle).toEqual({ preStop: { sleep: { seconds: sleep } } })
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(sleep + deadline)
  })

  it('sees another token without a restart: its Secret is mounted as a folder', () => {
    expect(spec.volumes).toEqual([{ name: 'token', secret: { secretName: 'active-passive-token' } }])
    const [{ args, volumeMounts }] = spec.containers as unknown as [{ args: string[]; volumeMounts: unknown }]
    expect(volumeMounts).toEqual([{ name: 'token', mountPath: '/etc/active-passive', readOnly: true }])
    expect(args).toContain('--token-file=/etc/active-passive/token')
  })

  it('watches and does nothing else beyond the Role of jobs/base', () => {
    const text = readFileSync(join(import.meta.dirname, '../../jobs/serve/watch.yaml'), 'utf8')
    expect(loadAll(text)).toMatchObject([
      { kind: 'Role', rules: ['pods', 'services'].map((name) => ({ resources: [name], verbs: ['watch'] })) },
      { kind: 'RoleBinding', roleRef: { name: 'active-passive-watch' } },
    ])
  })
})
