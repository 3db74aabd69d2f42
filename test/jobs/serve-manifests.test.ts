// jobs/serve, as far as no API server would object: that its parts mean the same pods, and what it has beside what it
// shares with others.
import { readdirSync, readFileSync } from 'node:fs'
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
    readonly volumes: readonly { readonly name: string; readonly projected?: { readonly sources: readonly object[] } }[]
  }
}

interface Term {
  readonly podAffinityTerm: { readonly labelSelector: Selector }
}

interface NetworkPolicy {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly podSelector: Selector; readonly ingress?: unknown; readonly egress: unknown }
}

const jobs = join(import.meta.dirname, '../../jobs')
const read = <T>(file: string) => load(readFileSync(join(jobs, file), 'utf8')) as T
const readAll = (file: string) =>
  loadAll(readFileSync(join(jobs, file), 'utf8')) as { kind: string; metadata: { name: string } }[]
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
    expect(spec).toMatchObject({ serviceAccountName: 'active-passive-serve', enableServiceLinks: false })
    const [sleep, deadline] = [3, 40]
    expect(container?.lifecycle).toEqual({ preStop: { sleep: { seconds: sleep } } })
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(sleep + deadline)
  })

  it('sees another token without a restart: its Secret is mounted as a folder', () => {
    expect(spec.volumes).toContainEqual({ name: 'token', secret: { secretName: 'active-passive-token' } })
    const [{ args, volumeMounts }] = spec.containers as unknown as [{ args: string[]; volumeMounts: unknown }]
    expect(volumeMounts).toContainEqual({ name: 'token', mountPath: '/etc/active-passive', readOnly: true })
    expect(args).toContain('--token-file=/etc/active-passive/token')
  })

  it('has a token that lasts for as short a time as can be: one that became void is not replaced before most of it', () => {
    expect(spec).toMatchObject({ automountServiceAccountToken: false })
    const account = spec.volumes.find(({ name }) => name === 'account')
    expect(account?.projected?.sources[0]).toEqual({ serviceAccountToken: { path: 'token', expirationSeconds: 600 } })
  })

  it('is restarted when it is not alive, and asked for nothing when it is not ready', () => {
    expect(spec.containers[0]).toMatchObject({
      livenessProbe: { httpGet: { path: '/livez' } },
      readinessProbe: { httpGet: { path: '/readyz' } },
    })
  })
})

describe('the accounts of jobs/', () => {
  it.each([
    ['once', []],
    ['serve', ['watch']],
  ] as const)('%s has the rights of jobs/base, and %j, by an account of its own', (folder, more) => {
    const base = read<{ rules: readonly { resources: readonly string[]; verbs: readonly string[] }[] }>(
      'base/role.yaml',
    )
    const [account, role, binding] = readAll(`${folder}/account.yaml`)
    const name = `active-passive-${folder}`
    expect(account).toMatchObject({ kind: 'ServiceAccount', metadata: { name }, automountServiceAccountToken: false })
    const rules = base.rules.map((rule) =>
      rule.resources.includes('events') ? rule : { ...rule, verbs: [...rule.verbs, ...more] },
    )
    expect(role).toMatchObject({ kind: 'Role', metadata: { name }, rules })
    expect(binding).toMatchObject({ kind: 'RoleBinding', roleRef: { kind: 'Role', name }, subjects: [{ name }] })
  })

  it('have nothing in common: what one folder has, no other takes away', () => {
    const objects = ['base', 'cronjob', 'once', 'serve'].map((folder) =>
      readdirSync(join(jobs, folder))
        .filter((file) => file !== 'kustomization.yaml')
        .flatMap((file) => readAll(`${folder}/${file}`))
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    )
    const [, , ...others] = objects
    const names = [[...(objects[0] ?? []), ...(objects[1] ?? [])], ...others].flat()
    expect(names).toHaveLength(new Set(names).size)
  })
})
