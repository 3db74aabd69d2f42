// An error that nobody expects in the work on one group: its own report has it, and the other groups go on.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Plan } from '../../handler/health/plan.js'
import { CLAIM, FAILURES, PIN } from '../../handler/kube/keys.js'
import type { Kube, Pod, Service } from '../../handler/kube/port.js'
import { Backoff } from '../../handler/pass/backoff.js'
import { fairShares } from '../../handler/pass/fair-share.js'
import type { Shared } from '../../handler/pass/pass.js'
import { SingleFlight } from '../../handler/pass/single-flight.js'
import { checkOf } from '../../handler/report/check.js'
import { exitCode } from '../../handler/report/exit-code.js'
import type { Report } from '../../handler/report/report.js'
import { systemClock } from '../../handler/util/clock.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

const boom = () => {
  throw new TypeError('boom')
}

let world: InProcess
beforeEach(async () => {
  world = await startInProcess()
  for (const name of ['odd', 'third']) {
    world.addService({ name, selector: { app: name, role: 'active' } })
    for (const n of [0, 1]) world.addPod({ name: `${name}-${n}`, labels: { app: name } })
  }
})
afterEach(() => world.close())

const groupOf = ({ groups }: Report, service: string) => groups.find(({ services }) => services[0] === service)
const failuresOf = (name: string) => world.annotations(name)[FAILURES]
const isOdd = ({ name }: { readonly name: string }) => name.startsWith('odd')

/** The others were handed over in this pass, and this group says what it has met. */
function expectFenced(report: Report): void {
  expect(['app', 'third'].map((name) => groupOf(report, name))).toMatchObject([
    { decision: { kind: 'first' }, activeAfter: 'a', faults: [] },
    { decision: { kind: 'first' }, activeAfter: 'third-0', faults: [] },
  ])
  expect(groupOf(report, 'odd')?.faults).toMatchObject([
    {
      code: 'defect',
      object: 'group default/odd',
      message: 'a defect of this program: TypeError: boom',
      stack: expect.stringContaining('fence.test'),
    },
  ])
  expect(world.actives()).toEqual(expect.arrayContaining(['a', 'third-0']))
  expect(exitCode(report)).toBe(1)
}

/** The pod with a field that throws. */
function hostile(pod: Pod, field: keyof Pod): Pod {
  return Object.defineProperty({ ...pod }, field, { get: boom, enumerable: true })
}

/** The object with a field that throws where code of this file looks at it. */
function throwingIn<T extends object>(file: string, object: T, field: keyof T): T {
  const value = object[field]
  const get = () => (new Error().stack?.includes(`/${file}.ts`) ? boom() : value)
  return Object.defineProperty({ ...object }, field, { get, enumerable: true })
}

/** The real client, of which some calls for the odd group throw. @param nth the first call of each that does, from 1 */
function throwing(verbs: readonly (keyof Kube)[], nth = 1): Kube {
  const kube = world.connect()
  const made = new Map<string, number>()
  const call = (verb: keyof Kube, about: boolean) => {
    const before = made.get(verb) ?? 0
    if (about) made.set(verb, before + 1)
    if (about && verbs.includes(verb) && before + 1 >= nth) boom()
  }
  return {
    get requests() {
      return kube.requests
    },
    listServices: (...args) => kube.listServices(...args),
    listPods: async (...args) => {
      call('listPods', args[0].labels?.app === 'odd')
      return kube.listPods(...args)
    },
    patchPod: async (...args) => {
      call('patchPod', isOdd(args[0]))
      return kube.patchPod(...args)
    },
    patchPodMetadata: async (...args) => {
      call('patchPodMetadata', isOdd(args[0]))
      return kube.patchPodMetadata(...args)
    },
    patchService: async (...args) => {
      call('patchService', isOdd(args[0]))
      return kube.patchService(...args)
    },
    testService: async (...args) => {
      call('testService', isOdd(args[0]))
      return kube.testService(...args)
    },
  }
}

interface Changes {
  pod?(pod: Pod): Pod
  service?(service: Service): Service
}

/** The real client, whose lists are changed on their way. */
function listing({ pod = (same) => same, service = (same) => same }: Changes): Kube {
  const kube = world.connect()
  return {
    ...throwing([]),
    listPods: async (...args) => (await kube.listPods(...args)).map(pod),
    listServices: async (...args) => (await kube.listServices(...args)).map(service),
  }
}

describe('before anything is written', () => {
  const probeThrowingFor = (names: readonly string[]) => async (plan: Pick<Plan, 'pod'>) =>
    names.includes(plan.pod.name) ? boom() : ({ healthy: true, text: '200', ms: 1 } as const)

  it('a probe of each pod, which says nothing about them', async () => {
    const report = await world.pass(
      { settings: { 'promote-unhealthy': false } },
      { probe: probeThrowingFor(['odd-0', 'odd-1']) },
    )
    expectFenced(report)
    expect(groupOf(report, 'odd')).toMatchObject({ decision: { kind: 'blocked' }, activeAfter: undefined })
    expect(failuresOf('odd-0')).toBeUndefined()
  })

  it('a probe of a pod that waits: the active one stays, and nothing is counted', async () => {
    world.addPod({ name: 'odd-2', labels: { app: 'odd', role: 'active' } })
    const report = await world.pass({}, { probe: probeThrowingFor(['odd-0', 'odd-1']) })
    expectFenced(report)
    expect(groupOf(report, 'odd')).toMatchObject({ decision: { kind: 'keep' }, activeAfter: 'odd-2' })
  })

  it('a probe of the active pod: it stays, though another one is healthy', async () => {
    world.addPod({ name: 'odd-2', labels: { app: 'odd', role: 'active' } })
    const report = await world.pass({}, { probe: probeThrowingFor(['odd-2']) })
    expectFenced(report)
    expect(groupOf(report, 'odd')).toMatchObject({
      decision: { kind: 'blocked', reason: { code: 'unchecked' } },
      activeAfter: 'odd-2',
    })
    expect(failuresOf('odd-2')).toBeUndefined()
  })

  it('a probe of the first candidate: the next one takes over', async () => {
    const report = await world.pass({}, { probe: probeThrowingFor(['odd-0']) })
    expectFenced(report)
    expect(groupOf(report, 'odd')).toMatchObject({ decision: { kind: 'first' }, activeAfter: 'odd-1' })
  })

  const ofPods = ['annotations', 'ready', 'readySinceMs', 'containers', 'owner', 'writers', 'terminating'] as const

  it.each(ofPods)('whoever looks at `%s` of a pod', async (field) => {
    const kube = listing({ pod: (pod) => (isOdd(pod) ? hostile(pod, field) : pod) })
    const report = await world.pass({}, { kube })
    expectFenced(report)
    expect(world.actives()).not.toContain('odd-0')
  })

  it('whoever looks at an annotation of a Service', async () => {
    const annotations = Object.defineProperty({}, 'active-passive/health-check', { get: boom, enumerable: true })
    const kube = listing({ service: (service) => (isOdd(service) ? { ...service, annotations } : service) })
    expectFenced(await world.pass({}, { kube }))
  })

  it('a pod that cannot be read', async () => {
    const kube = listing({ pod: (pod) => (pod.name === 'odd-1' ? { ...pod, unread: new Error('odd') } : pod) })
    const report = await world.pass({}, { kube })
    const message = 'it cannot be read, and no pass moves the role of its group: a defect of this program: Error: odd'
    expect(groupOf(report, 'odd')?.faults).toMatchObject([{ code: 'defect', object: 'pod default/odd-1', message }])
    expect(world.actives()).toEqual(['a', 'third-0'])
  })

  it('a pod that cannot be read, to which the Service was left pinned: nobody says that the pod is not there', async () => {
    await world.pass()
    const uid = world.api.store.get('pods', NAMESPACE, 'odd-1')?.metadata.uid ?? ''
    world.api.store.update('services', NAMESPACE, 'odd', (service) => {
      service.spec = { ...(service.spec as object), selector: { app: 'odd', [PIN]: uid } }
    })
    const kube = listing({ pod: (pod) => (pod.name === 'odd-0' ? { ...pod, unread: new Error('odd') } : pod) })
    const odd = groupOf(await world.pass({}, { kube }), 'odd')
    expect(odd?.warnings).toMatchObject([expect.stringContaining(`its selector was pinned to a pod (${PIN}: ${uid})`)])
    expect(world.service('odd').selector).toEqual({ app: 'odd', role: 'active' })
  })
})

describe('in a handover', () => {
  const settings = { settle: 0 }

  it('the claim: nothing of the group is touched', async () => {
    const report = await world.pass({ settings }, { kube: throwing(['patchService']) })
    expectFenced(report)
    expect(world.service('odd').selector).toEqual({ app: 'odd', role: 'active' })
    expect(world.actives()).toEqual(['a', 'third-0'])
  })

  it.each([
    ['the first seal', ['patchPod'], 1],
    ['the check', ['testService'], 1],
    ['the promotion', ['patchPod'], 2],
  ] as const)('%s: it is released as after an error of the API server', async (_step, verbs, nth) => {
    const report = await world.pass({ settings, quickCheck: true }, { kube: throwing(verbs, nth) })
    expectFenced(report)
    const odd = groupOf(report, 'odd')
    expect(odd).toMatchObject({ decision: { kind: 'first' }, latch: 'claimed' })
    expect(odd?.writes.map(({ kind, name, result }) => `${kind} ${name} ${result}`)).toEqual(
      expect.arrayContaining(['service odd applied']),
    )
    const { selector, annotations } = world.service('odd')
    expect(selector).toEqual({ app: 'odd', role: 'active' })
    expect(annotations).not.toHaveProperty(CLAIM)
    expect(world.actives()).not.toContain('odd-0')
  })

  it('the release: the pod is active, the Service is named as claimed, and the next pass releases it', async () => {
    const report = await world.pass({ settings }, { kube: throwing(['patchService'], 2) })
    const odd = groupOf(report, 'odd')
    expect(odd?.activeAfter).toBe('odd-0')
    expect(odd?.faults.map(({ code }) => code).sort()).toEqual(['defect', 'latched'])
    expect(world.service('odd').annotations).toHaveProperty([CLAIM])
    await world.pass({ settings })
    expect(world.service('odd').annotations).not.toHaveProperty([CLAIM])
    expect(world.service('odd').selector).not.toHaveProperty([PIN])
    expect(world.actives()).toEqual(['a', 'odd-0', 'third-0'])
  })
})

describe('after it', () => {
  it('whoever is told of groups is told of this one too', async () => {
    const told: Report[] = []
    const probe = async ({ pod }: { readonly pod: Pod }) =>
      isOdd(pod) ? boom() : ({ healthy: true, text: '200', ms: 1 } as const)
    await world.pass({ shared: shared((report) => void told.push(report)) }, { probe })
    const codes = told.map(({ groups }) =>
      groups.flatMap(({ services, faults }) => [...services, ...faults.map(({ code }) => code)]),
    )
    expect(codes).toEqual(expect.arrayContaining([['app'], ['odd', 'defect'], ['third']]))
  })

  it('what is looked at for the report alone: its handover stays in it', async () => {
    const kube = listing({
      service: (service) =>
        isOdd(service) ? Object.defineProperty({ ...service }, 'headless', { get: boom }) : service,
    })
    const report = await world.pass({}, { kube })
    expectFenced(report)
    expect(groupOf(report, 'odd')).toMatchObject({ activeAfter: 'odd-0', handover: { to: 'odd-0' }, latch: 'claimed' })
  })

  const shared = (onGroup: Shared['onGroup']): Shared => ({
    turns: fairShares(systemClock, 64),
    ...{ singleFlight: new SingleFlight(), backoff: new Backoff(), busy: 'awaited', onRead: () => {}, onGroup },
  })

  it('whoever is told of the group: its handover stays in the report', async () => {
    const onGroup = ({ groups }: Report) => void (groups[0]?.services[0] === 'odd' && boom())
    const report = await world.pass({ shared: shared(onGroup) })
    expectFenced(report)
    expect(groupOf(report, 'odd')).toMatchObject({ activeAfter: 'odd-0', handover: { to: 'odd-0' } })
  })

  it('the note of a repair', async () => {
    await world.pass()
    world.api.store.update('services', NAMESPACE, 'odd', ({ metadata }) => {
      metadata.annotations = { [CLAIM]: '0123 odd-1' }
    })
    const { groups } = await world.pass({}, { kube: throwing(['patchPodMetadata']) })
    expect(groups.map(({ decision, faults }) => [decision.kind, faults.map(({ code }) => code)])).toEqual([
      ['keep', []],
      ['keep', ['defect']],
      ['keep', []],
    ])
    expect(groups[1]?.writes).toMatchObject([{ name: 'odd', result: 'applied' }])
    expect(world.service('odd').annotations).not.toHaveProperty([CLAIM])
  })

  it('what is sent to people', async () => {
    const announce = ({ services }: { readonly services: readonly { readonly name: string }[] }) =>
      services[0]?.name === 'odd' ? boom() : Promise.resolve([])
    const report = await world.pass({}, { announce })
    expectFenced(report)
    expect(groupOf(report, 'odd')?.activeAfter).toBe('odd-0')
  })
})

it.each([
  ['first', {}],
  ['switchover', { switchover: 'rehearsal' }],
] as const)('A dry run goes on with the others, to a %s', async (kind, options) => {
  const kube = listing({ pod: (pod) => (isOdd(pod) ? hostile(pod, 'ready') : pod) })
  const { groups } = await world.pass({ dryRun: true, ...options }, { kube })
  expect(groups.map(({ decision }) => decision.kind)).toEqual([kind, 'error', kind])
})

describe('what is only hinted at', () => {
  it('the labels of other pods that a Service without any may have meant', async () => {
    world.addService({ name: 'empty', selector: { app: 'oddd', role: 'active' } })
    const kube = listing({ pod: (pod) => throwingIn('empty-selectors', pod, 'phase') })
    const report = await world.pass({}, { kube })
    expect(groupOf(report, 'empty')).toMatchObject({ decision: { kind: 'empty' }, faults: [{ code: 'defect' }] })
    expect(world.actives()).toEqual(['a', 'odd-0', 'third-0'])
  })

  it('a Service that is in no group', async () => {
    world.addService({ name: 'stray', selector: { app: 'odd', role: 'Active' } })
    const kube = listing({ service: (service) => throwingIn('near-misses', service, 'selector') })
    const { warnings } = await world.pass({}, { kube })
    expect(warnings).toMatchObject([expect.stringContaining('namespace default: a defect of this program: TypeError')])
    expect(world.actives()).toEqual(['a', 'odd-0', 'third-0'])
  })
})

it('A namespace is one too: what makes its groups throws, and the next one is read', async () => {
  const kube = world.connect()
  const listServices: Kube['listServices'] = async (scope, signal) =>
    scope.namespace === 'odd' ? boom() : kube.listServices(scope, signal)
  const report = await world.pass({ namespaces: ['odd', 'default'] }, { kube: { ...throwing([]), listServices } })
  const { groups } = report
  expect(checkOf(report, []).lines.filter(({ verb }) => verb === 'list')).toMatchObject([
    { object: 'services and pods in namespace odd', ok: false, text: 'a defect of this program: TypeError: boom' },
    { object: 'services and pods in namespace default', ok: true },
  ])
  expect(groups.map(({ faults }) => faults.map(({ code, object }) => `${code} ${object}`))).toEqual([
    ['defect namespace odd'],
    [],
    [],
    [],
  ])
})
