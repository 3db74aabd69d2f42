/**
 * Ports, addresses, probes, selectors and states, as we resolve them and as Kubernetes does: its own packages are asked
 * about the same objects.
 */
import type { V1Pod, V1Service } from '@kubernetes/client-node'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { groupServices, selects } from '../../handler/group/groups.js'
import { judgeByState } from '../../handler/health/judge.js'
import { type Plan, planCheck } from '../../handler/health/plan.js'
import { unresolvedPorts } from '../../handler/health/service-ports.js'
import { labelSelector } from '../../handler/kube/list.js'
import { readPod, readService } from '../../handler/kube/read.js'
import { parseCheck } from '../../handler/settings/check.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import { findReference, goVersion } from '../support/cluster/binaries.js'
import { type Answer, type Reference, startReference } from '../support/reference.js'
import { reportSkipped } from '../support/skipped.js'
import { type Case, pods, services, TABLE } from './kubernetes-cases.js'
import { limit, parameters, Tally } from './runs.js'

const program = findReference()
if (program === undefined) {
  reportSkipped(
    'NO REFERENCE of Kubernetes’ rules: the tests that compare ours with them are SKIPPED. ' +
      `Build it once with \`npm run cluster -- --build\` (needs Go ≥ ${goVersion}).`,
  )
}

const NOT_COUNTED = { failures: 0, failedAtMs: undefined }

/** What we make of the objects, in the reference's words. */
function ours({ pod: podJson, service: serviceJson }: Case) {
  // As they come: read from JSON, each time anew.
  const pod = readPod(JSON.parse(JSON.stringify(podJson)) as V1Pod)
  const service = readService(JSON.parse(JSON.stringify(serviceJson)) as V1Service)
  const unresolved = unresolvedPorts(service, pod)
  const [group] = groupServices([service], 'role')
  const planned = (text: string): Plan => {
    const check = parseCheck(text)
    if (!check) throw new Error(`no check: ${text}`)
    return planCheck(pod, { ...DEFAULT_SETTINGS, 'health-check': [check] }, [])
  }
  return { pod, service, unresolved, group, planned }
}

/** Where a plan goes, for targets that we run: `10.0.0.1 8080`; why not, otherwise. */
function destinations({ targets }: Plan): readonly string[] {
  return targets.map((target) => {
    if (target.kind === 'unusable') return target.text
    if (target.kind === 'exec') return 'exec'
    if (target.kind !== 'http') return `${target.kind} ${target.host} ${target.port}`
    const { protocol, hostname, port } = new URL(target.url)
    const number = port || (protocol === 'https:' ? 443 : 80)
    return `${protocol.slice(0, -1)} ${hostname.replace(/^\[|\]$/g, '')} ${number}`
  })
}

/** Compares everything. @returns what kind of case it was */
async function compare(reference: Reference, one: Case): Promise<readonly string[]> {
  const { pod, service, unresolved, group, planned } = ours(one)
  const selector = group?.selector ?? service.selector
  const asked = { ...one, service: { ...one.service, spec: { ...specOf(one.service), selector } } }
  const answer = await reference.ask({ ...asked, labelSelector: labelSelector(selector) })

  expect(pod.ip ?? '', 'the address').toBe(answer.podIP)
  expect(pod.ready, 'the Ready condition').toBe(answer.ready)
  if (Object.keys(selector).length > 0) {
    expect(selects({ namespace: pod.namespace, services: [service], selector }, pod), 'selected').toBe(answer.selected)
    expect(answer.listed, 'listed').toBe(answer.selected)
  }
  // Nothing is asked of a pod that has ended.
  if (!answer.terminal) {
    comparePorts({ service, unresolved, planned }, answer)
    compareProbes(planned('probe'), pod, answer)
  }
  compareStates([planned('ready'), planned('probe')], answer)
  return kindsOf(answer)
}

function specOf(service: object): object {
  return (service as { readonly spec?: object }).spec ?? {}
}

/** A Service's ports, and an explicit check of each of those names that such a check may use. */
function comparePorts(
  { service, unresolved, planned }: Omit<ReturnType<typeof ours>, 'pod' | 'group'>,
  answer: Answer,
) {
  expect(unresolved, 'ports without a number').toHaveLength(answer.ports.filter((port) => 'error' in port).length)
  for (const [n, { targetPort, protocol }] of (service.ports ?? []).entries()) {
    const expected = answer.ports[n]
    if (typeof targetPort !== 'string' || protocol !== 'TCP' || expected === undefined) continue
    const [found] = destinations(planned(`tcp://:${targetPort}`))
    if ('error' in expected) expect(found, targetPort).toBe(`no container port named "${targetPort}"`)
    else expect(found, targetPort).toBe(answer.podIP ? `tcp ${answer.podIP} ${expected.number}` : 'no IP address')
  }
}

function compareProbes(plan: Plan, { containers }: ReturnType<typeof ours>['pod'], { probes, podIP }: Answer) {
  const declared = containers.flatMap(({ name, readinessProbe }) => (readinessProbe ? [{ name, readinessProbe }] : []))
  const settings = declared.map(({ name, readinessProbe: { kind, timeoutMs, failureThreshold = 3 } }) => [
    name,
    kind,
    timeoutMs / 1_000,
    failureThreshold,
  ])
  expect(settings, 'the probes').toEqual(
    probes.map(({ container, kind, timeoutSeconds, failureThreshold }) => [
      container,
      kind === 'none' ? 'exec' : kind, // neither is a request
      timeoutSeconds,
      failureThreshold,
    ]),
  )
  // A probe with a host of its own is left to the kubelet.
  const run = probes.filter(
    (one, n) =>
      (one.kind === 'http' || one.kind === 'tcp' || one.kind === 'grpc') && !hostOf(declared[n]?.readinessProbe),
  )
  const went = plan.kind === 'ready' ? [] : destinations(plan)
  expect(went, 'probes that are run').toHaveLength(run.length)
  for (const [n, { kind, scheme, port }] of run.entries()) {
    if ('error' in port) expect(went[n]).toMatch(/^(no container port named|invalid port) /)
    else expect(went[n]).toBe(podIP ? `${kind === 'http' ? scheme : kind} ${podIP} ${port.number}` : 'no IP address')
  }
}

function hostOf(probe: object | undefined): string | undefined {
  return (probe as { readonly host?: string } | undefined)?.host
}

/** A pod that is no endpoint is never healthy; one whose phase is final has failed without a probe. */
function compareStates(plans: readonly Plan[], { inEndpoints, terminal, ready }: Answer) {
  for (const plan of plans) {
    const state = judgeByState(plan, NOT_COUNTED, true)
    const mayBeHealthy = state === undefined && plan.targets.every(({ kind }) => kind !== 'unusable')
    if (!inEndpoints || !ready) expect(mayBeHealthy, 'healthy, and no endpoint').toBe(false)
    if (terminal) expect(state, 'final, and no word of it').toBeDefined()
  }
}

function kindsOf({ ports, probes, ready, inEndpoints, terminal, selected, podIP }: Answer): readonly string[] {
  const outcome = (port: object) => ('error' in port ? 'none' : 'found')
  return [
    ...ports.map((port) => `port ${outcome(port)}`),
    ...probes.map(({ kind, port }) => `${kind} ${kind === 'exec' || kind === 'none' ? '' : outcome(port)}`.trim()),
    ready ? 'ready' : 'not ready',
    inEndpoints ? 'endpoint' : 'no endpoint',
    terminal ? 'final' : 'not final',
    selected ? 'selected' : 'not selected',
    podIP.includes(':') ? 'IPv6' : podIP ? 'IPv4' : 'no address',
  ]
}

const EVERYTHING = [
  ...[
    'port found',
    'port none',
    'http found',
    'http none',
    'tcp found',
    'tcp none',
    'grpc found',
    'exec',
    'ready',
    'not ready',
  ],
  ...['endpoint', 'no endpoint', 'final', 'not final', 'selected', 'not selected', 'IPv4', 'IPv6', 'no address'],
]

describe.skipIf(program === undefined)('as Kubernetes has it,', limit, () => {
  let reference: Reference
  beforeAll(() => {
    reference = startReference(program as string)
  })
  afterAll(() => reference.close())

  test.each(TABLE)('%s', async (_name, one, expected) => {
    const selector = ours(one).group?.selector ?? {}
    const service = { ...one.service, spec: { ...specOf(one.service), selector } }
    const answer = await reference.ask({ pod: one.pod, service, labelSelector: labelSelector(selector) })
    expect(answer).toMatchObject(expected)
    await compare(reference, one)
  })

  test('whatever a pod and a Service say', async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(fc.record({ pod: pods, service: services }), async (one) => {
        for (const kind of new Set(await compare(reference, one))) tally.add(kind)
      }),
      parameters(),
    )
    tally.expectAll(EVERYTHING)
  })
})
