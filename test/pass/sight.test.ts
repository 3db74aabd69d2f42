// What a pass makes of failures that are its own: of its view, and not of the pods.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { exitCode } from '../../handler/report/exit-code.js'
import type { GroupReport, Report } from '../../handler/report/report.js'
import { toText } from '../../handler/report/text.js'
import { type InProcess, NAMESPACE, startInProcess, UNMADE, UNREACHED } from '../support/in-process.js'
import { podStatus } from '../support/pods.js'

let world: InProcess
beforeEach(async () => {
  world = await startInProcess([])
  world.api.store.finalise('services', NAMESPACE, 'app')
})
afterEach(() => world.close())

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']

/** Groups of two pods each, the first of them active; a pass has been there. */
async function withGroups(names: readonly string[], annotations: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const name of names) {
    world.addService({ name, selector: { app: name, role: 'active' }, annotations })
    for (const pod of [`${name}-0`, `${name}-1`]) world.addPod({ name: pod, labels: { app: name } })
  }
  await world.pass()
  expect(world.actives()).toEqual(names.map((name) => `${name}-0`))
  world.takeRequests()
}

const say = (text: string, pods: readonly string[]) => {
  for (const pod of pods) world.health.set(pod, text)
}
const first = (names: readonly string[]) => names.map((name) => `${name}-0`)
const inShort = ({ groups }: Report) =>
  groups.map(({ decision }: GroupReport) =>
    decision.kind === 'error' ? 'error' : `${decision.kind} ${decision.reason.code}`,
  )
const notReady = (pod: string) =>
  world.api.store.update('pods', NAMESPACE, pod, (object) => {
    object.status = podStatus({ ready: false })
  })

describe('of six groups', () => {
  beforeEach(() => withGroups(NAMES))

  it('three that fail move, as half of them is no panic', async () => {
    say('500', first(['a', 'b', 'c']))
    const report = await world.pass()
    expect(inShort(report)).toEqual([...Array(3).fill('failover active-failed'), ...Array(3).fill('keep healthy')])
    expect(world.actives()).toEqual(['a-1', 'b-1', 'c-1', 'd-0', 'e-0', 'f-0'])
  })

  it('four that fail stay where they are: nothing is written, and it is trouble', async () => {
    say('500', first(['a', 'b', 'c', 'd']))
    const report = await world.pass()
    expect(inShort(report)).toEqual([...Array(4).fill('blocked panic'), ...Array(2).fill('keep healthy')])
    expect(world.takeRequests()).toEqual(['GET services', 'GET pods'])
    expect(exitCode(report)).toBe(1)
    const text = toText(report)
    expect(text).toMatch(/Reason: a-0 failed our check \(500\), as do 4 of the 6 active pods .*--panic 0/)
    expect(text).not.toContain('Detected application health failure')
    world.health.clear()
    expect(inShort(await world.pass())).toEqual(Array(6).fill('keep healthy'))
  })

  it('four that fail are not counted either', async () => {
    say('500', first(['a', 'b', 'c', 'd']))
    const settings = { failures: 3, probes: 1 }
    for (let n = 0; n < 4; n++) expect(inShort(await world.pass({ settings }))).toContain('blocked panic')
    expect(world.annotations('a-0')).not.toHaveProperty('active-passive/failures')
  })

  it('move where the operator allows it', async () => {
    say('500', first(NAMES))
    expect(inShort(await world.pass({ panic: 0 }))).toEqual(Array(6).fill('failover active-failed'))
  })

  it('are counted without those that only the kubelets judge', async () => {
    world.api.store.update('services', NAMESPACE, 'e', (service) => {
      service.metadata.annotations = { 'active-passive/health-check': 'ready' }
    })
    world.api.store.update('services', NAMESPACE, 'f', (service) => {
      service.metadata.annotations = { 'active-passive/health-check': 'ready' }
    })
    say('500', first(['a', 'b', 'c', 'd']))
    expect(inShort(await world.pass()).filter((one) => one === 'failover active-failed')).toHaveLength(4)
  })

  it('a dry run says the same', async () => {
    say('500', first(['a', 'b', 'c', 'd']))
    expect(inShort(await world.pass({ dryRun: true })).slice(0, 4)).toEqual(Array(4).fill('blocked panic'))
  })
})

describe('a check that could not be made', () => {
  const denied = { code: 'denied', object: 'group app', message: 'may not get pods/exec', remedy: 'Grant it.' }

  it('moves nothing and counts nothing, however often, and is an error with its remedy', async () => {
    await withGroups(['app'])
    say(UNMADE, ['app-0', 'app-1'])
    for (let n = 0; n < 4; n++) {
      const report = await world.pass({ settings: { failures: 1, probes: 3 } })
      expect(inShort(report)).toEqual(['blocked unchecked'])
      expect(report.groups[0]?.faults).toMatchObject([{ ...denied, object: expect.stringContaining('app') }])
      expect(exitCode(report)).toBe(3)
      expect(toText(report)).toContain('Reason: the check of app-0 could not be made')
    }
    expect(world.takeRequests()).toEqual(Array(4).fill(['GET services', 'GET pods']).flat())
    expect(world.probed.filter((pod) => pod === 'app-0')).toHaveLength(1 + 4)
  })

  it('keeps what was counted before, and a success goes on from there', async () => {
    await withGroups(['app'])
    const settings = { failures: 3, probes: 1, period: 0 }
    say('500', ['app-0'])
    await world.pass({ settings })
    say(UNMADE, ['app-0'])
    await world.pass({ settings })
    expect(world.annotations('app-0')).toMatchObject({ 'active-passive/failures': '1' })
    world.health.clear()
    expect(inShort(await world.pass({ settings }))).toEqual(['keep healthy'])
    expect(world.annotations('app-0')).not.toHaveProperty('active-passive/failures')
  })

  it('makes no candidate of a passive pod, and is told although the active one is well', async () => {
    await withGroups(['app'])
    say(UNMADE, ['app-1'])
    const well = await world.pass()
    expect(inShort(well)).toEqual(['keep healthy'])
    expect(well.groups[0]?.faults).toMatchObject([{ code: 'denied' }])
    say('500', ['app-0'])
    const failing = await world.pass()
    expect(inShort(failing)).toEqual(['blocked no-candidate'])
    expect(world.actives()).toEqual(['app-0'])
  })

  it("leaves the kubelets' word: an active pod that is not Ready is left for one that is", async () => {
    world.addService({ name: 'app', selector: { app: 'app', role: 'active' } })
    for (const name of ['app-0', 'app-1']) {
      world.addPod({ name, labels: { app: 'app' }, readinessProbe: { exec: { command: ['true'] } } })
    }
    await world.pass()
    say(UNMADE, ['app-0', 'app-1'])
    notReady('app-0')
    const report = await world.pass()
    expect(inShort(report)).toEqual(['failover ready-by-kubelet'])
    expect(report.groups[0]?.faults).toMatchObject([{ code: 'denied' }])
    expect(world.actives()).toEqual(['app-1'])
  })

  it('says nothing about other groups: those that fail move, and there is no panic', async () => {
    await withGroups(NAMES)
    say(UNMADE, first(['a', 'b', 'c', 'd']))
    say('500', first(['e']))
    expect(inShort(await world.pass())).toEqual([
      ...Array(4).fill('blocked unchecked'),
      'failover active-failed',
      'keep healthy',
    ])
  })
})

describe('where five of six groups fail, and their kubelets speak of two', () => {
  it('these move, and the others are too few to tell', async () => {
    await withGroups(NAMES)
    say('500', first(['a', 'b', 'c', 'd', 'e']))
    for (const pod of ['a-0', 'b-0']) notReady(pod)
    expect(inShort(await world.pass())).toEqual([
      ...Array(2).fill('failover active-not-ready'),
      ...Array(3).fill('failover active-failed'),
      'keep healthy',
    ])
  })

  it('of seven, these move and the others stay', async () => {
    await withGroups([...NAMES, 'g'])
    say('500', first(['a', 'b', 'c', 'd', 'e']))
    for (const pod of ['a-0', 'b-0']) notReady(pod)
    expect(inShort(await world.pass())).toEqual([
      ...Array(2).fill('failover active-not-ready'),
      ...Array(3).fill('blocked panic'),
      ...Array(2).fill('keep healthy'),
    ])
  })
})

/** A group like that of `a`. */
function addElsewhere(name: string, namespace: string): void {
  for (const resource of ['services', 'pods'] as const) {
    for (const { metadata, spec, status } of world.api.store.list(resource, NAMESPACE)) {
      if (!/^a(-\d)?$/.test(metadata.name)) continue
      const copy = JSON.parse(JSON.stringify({ spec, status }).replaceAll('"app":"a"', `"app":"${name}"`))
      const own = { name: metadata.name.replace('a', name), namespace, labels: { app: name } }
      world.api.store.create(resource, { metadata: own, ...copy } as never)
    }
  }
}

it('where namespaces are read one after the other, who fails in the first waits for what the last has to say', async () => {
  await withGroups(['a', 'b', 'c'])
  const namespaces = [NAMESPACE, 'second', 'third']
  for (const name of ['d', 'e', 'f']) addElsewhere(name, 'second')
  for (const name of ['g', 'h', 'i']) addElsewhere(name, 'third')
  await world.pass({ namespaces })
  world.probed.length = 0
  say('500', first([...NAMES, 'g', 'h', 'i']))
  world.api.intercept(async ({ path }) => {
    if (path.includes('/third/'))
      await vi.waitUntil(() => first(['a', 'b', 'c']).every((pod) => world.probed.includes(pod)))
    return undefined
  })
  expect(inShort(await world.pass({ namespaces }))).toEqual(Array(9).fill('blocked panic'))
})

describe('beside a tenant whose groups all fail', () => {
  beforeEach(async () => {
    await withGroups(['a'])
    for (const name of NAMES) addElsewhere(`x-${name}`, 'tenant')
    await world.pass({ namespaces: 'all' })
  })

  it.each([
    ['in a scope of all namespaces', 'all'],
    ['of namespaces that are named', [NAMESPACE, 'tenant']],
  ] as const)('a group fails over, and the tenant is on his own: %s', async (_scope, namespaces) => {
    say('500', first(['a', ...NAMES.map((name) => `x-${name}`)]))
    const report = await world.pass({ namespaces })
    expect(inShort(report)).toEqual(['failover active-failed', ...Array(6).fill('blocked panic')])
  })
})

describe.each([1, 3])('where nothing of %i groups answers', (many) => {
  const names = NAMES.slice(0, many)
  const all = names.flatMap((name) => [`${name}-0`, `${name}-1`])
  beforeEach(() => withGroups(names))

  it('that is our view: nothing is counted, nothing moves, and the report says what to do', async () => {
    say(UNREACHED, all)
    for (let n = 0; n < 2; n++) {
      const report = await world.pass({ settings: { failures: 3, probes: 1 } })
      expect(inShort(report)).toEqual(names.map(() => 'blocked blind'))
      expect(exitCode(report)).toBe(1)
      expect(report.groups.flatMap(({ faults }) => faults)).toMatchObject(names.map(() => ({ code: 'blind' })))
      const text = toText(report)
      expect(text).toMatch(/nothing has answered, and \d of these pods are Ready by their kubelets/)
      expect(text).toMatch(/Error: group default\/a: no pod of any group answers us.*--health-check=ready/)
      expect(text).not.toContain('Detected application health failure')
    }
    expect(world.takeRequests().filter((request) => !request.startsWith('GET'))).toEqual([])
  })

  it('but one pod, as by a refusal, they have failed', async () => {
    say(UNREACHED, all)
    say('connection refused', ['a-1'])
    const report = await world.pass()
    expect(inShort(report)).toEqual(names.map(() => 'blocked no-candidate'))
    expect(world.annotations('a-0')).toMatchObject({ 'active-passive/failures': '1' })
  })

  it('and the passive pod answers, the role moves', async () => {
    say(UNREACHED, all)
    world.health.delete('a-1')
    expect(inShort(await world.pass())[0]).toBe('failover active-failed')
  })

  it('a pod that is not Ready is left for one that is, by its kubelet', async () => {
    say(UNREACHED, all)
    notReady('a-0')
    const report = await world.pass()
    expect(inShort(report)[0]).toBe('failover ready-by-kubelet')
    expect(world.actives()[0]).toBe('a-1')
    expect(exitCode(report)).toBe(1)
  })

  it('the kubelets judge where they are asked to', async () => {
    say(UNREACHED, all)
    const report = await world.pass({ settings: { 'health-check': [{ kind: 'ready' }] } })
    // The world's probes answer for Ready too.
    expect(inShort(report)).not.toContain('blocked blind')
  })
})

describe('with confirm: ready', () => {
  beforeEach(() => withGroups(['a'], { 'active-passive/confirm': 'ready' }))

  it('a pod that fails our check and is Ready keeps the role, uncounted, and the report says why', async () => {
    say('500', ['a-0'])
    for (let n = 0; n < 2; n++) {
      const report = await world.pass({ settings: { failures: 1 } })
      expect(inShort(report)).toEqual(['count unconfirmed'])
      expect(exitCode(report)).toBe(0)
      const text = toText(report)
      expect(text).toContain('Active pod HTTP response: 500, not counted')
      expect(text).toContain('counts once its kubelet agrees (confirm: ready)')
      expect(text).not.toContain('Detected application health failure')
    }
    expect(world.takeRequests().filter((request) => !request.startsWith('GET'))).toEqual([])
  })

  it('one that is not Ready loses it', async () => {
    say('500', ['a-0'])
    notReady('a-0')
    expect(inShort(await world.pass())).toEqual(['failover active-not-ready'])
  })

  it('one that its Services publish though it is not Ready fails by our check, and only then', async () => {
    world.api.store.update('services', NAMESPACE, 'a', (service) => {
      Object.assign(service.spec as object, { publishNotReadyAddresses: true })
    })
    notReady('a-0')
    expect(inShort(await world.pass())).toEqual(['keep healthy'])
    say('500', ['a-0'])
    expect(inShort(await world.pass())).toEqual(['failover active-failed'])
  })

  it('a passive pod that fails our check does not win', async () => {
    say('500', ['a-1'])
    world.api.store.finalise('pods', NAMESPACE, 'a-0')
    expect((await world.pass({ settings: { 'promote-unhealthy': false } })).groups[0]?.decision).toMatchObject({
      kind: 'blocked',
      reason: { code: 'no-candidate' },
    })
  })
})
