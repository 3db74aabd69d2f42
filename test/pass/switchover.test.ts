// Switchovers over the in-process API: what they write, what they refuse, and what becomes of one that is cut off.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SwitchoverRequest } from '../../handler/group/switchover.js'
import { exitCode } from '../../handler/report/exit-code.js'
import { dyingAt } from '../support/dying.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }

let world: InProcess
/** The most pods that were active at once. */
let most: number

beforeEach(async () => {
  world = await startInProcess(['a', 'b', 'c'])
  await world.pass()
  world.takeRequests()
  most = 0
  world.api.intercept(() => {
    most = Math.max(most, world.actives().length)
    return undefined
  })
})
afterEach(() => world.close())

const wish = (to: string | undefined, rest: Partial<SwitchoverRequest> = {}) => ({
  switchover: { to, force: false, ...rest },
})
const ask = (...asked: Parameters<typeof wish>) => world.pass(wish(...asked))
const writes = () => world.takeRequests().filter((request) => !request.startsWith('GET'))
const inShort = (report: Awaited<ReturnType<typeof ask>>) => {
  const [group] = report.groups
  return [group?.decision.kind, group?.activeAfter, exitCode(report)]
}

/** Meddles before the nth request of this path. */
function meddleBefore(
  path: string,
  nth: number,
  meddle: () => ReturnType<Parameters<InProcess['api']['intercept']>[0]>,
) {
  let seen = 0
  world.api.intercept((request) => {
    most = Math.max(most, world.actives().length)
    return `${request.method} ${request.path}`.endsWith(path) && ++seen === nth ? meddle() : undefined
  })
}
const gone = (pod: string) => () => void world.api.store.finalise('pods', NAMESPACE, pod) as undefined

describe('a switchover', () => {
  it('moves the role in 3 LISTs and 5 PATCHes, and the next pass writes nothing', async () => {
    expect(inShort(await ask('b', { from: 'a' }))).toEqual(['switchover', 'b', 0])
    expect(world.actives()).toEqual(['b'])
    expect(world.service('app')).toEqual(HOME)
    expect(world.takeRequests()).toEqual([
      ...['GET services', 'GET pods', 'PATCH service/app'],
      ...['PATCH pod/c', 'PATCH pod/a', 'GET services', 'PATCH pod/b', 'PATCH service/app'],
    ])
    expect((await world.pass()).groups[0]?.writes).toEqual([])
  })

  it('is told in the history, from whom and to whom', async () => {
    const report = await ask('c')
    const [newest, ...older] = world.history('app')
    expect(newest).toEqual({
      at: expect.stringMatching(/Z$/),
      ...{ kind: 'switchover', from: 'a', to: 'c', reason: 'by-hand', epoch: 2 },
      text: 'a switchover from a to c was asked for; c passed its check',
    })
    expect(older).toMatchObject([{ kind: 'first', to: 'a', epoch: 1 }])
    expect(report.groups[0]).toMatchObject({ handover: newest, history: older })
  })

  it('is noted on the pods as made by hand, and is followed by a cooldown', async () => {
    await ask('b')
    for (const pod of ['a', 'b', 'c']) expect(world.annotations(pod)['active-passive/moves']).toMatch(/Z=by-hand$/)
    world.takeRequests()
    expect((await ask('c')).groups[0]?.decision).toMatchObject({ kind: 'unmoved', reason: { code: 'resting' } })
    expect(writes()).toEqual([])
    expect(inShort(await ask('c', { force: true }))).toEqual(['switchover', 'c', 0])
  })

  it('holds back a failback, which comes once the role has rested', async () => {
    const settings = { prefer: ['a'], failback: 0 }
    await world.pass({ settings, ...wish('b', { force: true }) })
    const { groups } = await world.pass({ settings })
    expect(groups[0]?.decision).toMatchObject({ kind: 'keep', reason: { code: 'failback-waits' } })
    expect(world.actives()).toEqual(['b'])
  })

  it('makes a pod active where none was', async () => {
    world.api.store.finalise('pods', NAMESPACE, 'a')
    expect(inShort(await ask('c'))).toEqual(['switchover', 'c', 0])
    expect(world.history('app')[0]).not.toHaveProperty('from')
  })

  it('in a dry run writes nothing, and says what it would do', async () => {
    const report = await world.pass({ ...wish('b'), dryRun: true })
    expect(report.groups[0]?.decision.kind).toBe('switchover')
    expect(writes()).toEqual([])
  })

  it.each<[string, string, Partial<SwitchoverRequest>, () => void]>([
    ['already-active', 'a', {}, () => {}],
    ['not-from', 'b', { from: 'c' }, () => {}],
    ['unknown-pod', 'd', {}, () => {}],
    ['unhealthy', 'b', {}, () => void world.health.set('b', '500')],
    [
      'paused',
      'b',
      { force: true },
      () => {
        world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
          metadata.annotations = { 'active-passive/pause': 'true' }
        })
      },
    ],
  ])('that is answered by %s writes nothing', async (code, to, rest, prepare) => {
    prepare()
    const report = await ask(to, rest)
    expect(report.groups[0]?.decision).toMatchObject({ kind: 'unmoved', reason: { code } })
    expect(exitCode(report)).toBe(code === 'already-active' ? 0 : 1)
    expect(world.takeRequests()).toEqual(['GET services', 'GET pods'])
    expect(world.actives()).toEqual(['a'])
  })
})

const refusal = { kind: 'answer', status: 403, body: { message: 'admission webhook "x" denied the request' } } as const

describe('a switchover that meets trouble', () => {
  it.each<[string, string, number, Parameters<typeof meddleBefore>[2], string]>([
    ['its pod goes before the claim', 'PATCH /api/v1/namespaces/default/services/app', 1, () => gone('b')(), 'ac'],
    ['its pod goes before its promotion', 'PATCH /api/v1/namespaces/default/pods/b', 1, () => gone('b')(), 'ac'],
    ['its promotion is lost, and made', 'PATCH /api/v1/namespaces/default/pods/b', 1, () => reset(true), 'b'],
    ['its promotion is lost, and not made', 'PATCH /api/v1/namespaces/default/pods/b', 1, () => reset(false), 'b'],
    ['the seal is lost, and made', 'PATCH /api/v1/namespaces/default/pods/a', 1, () => reset(true), 'b'],
    ['the seal is lost, and not made', 'PATCH /api/v1/namespaces/default/pods/a', 1, () => reset(false), 'b'],
    ['a passive seal is lost', 'PATCH /api/v1/namespaces/default/pods/c', 1, () => reset(true), 'b'],
    ['the claim is lost', 'PATCH /api/v1/namespaces/default/services/app', 1, () => reset(true), 'b'],
    ['the release is lost', 'PATCH /api/v1/namespaces/default/services/app', 2, () => reset(true), 'b'],
    ['the old pod goes before its seal', 'PATCH /api/v1/namespaces/default/pods/a', 1, () => gone('a')(), 'b'],
  ])('because %s ends with one active pod', async (_, path, nth, meddle, able) => {
    meddleBefore(path, nth, meddle)
    await ask('b', { from: 'a' })
    const actives = world.actives()
    expect(actives).toHaveLength(1)
    expect(able).toContain(actives[0])
    expect(most).toBe(1)
    expect(world.service('app')).toEqual(HOME)
  })

  it('because its pod may not be promoted tells who is active in the end, and how that came', async () => {
    world.api.intercept(({ method, path, body }) =>
      method === 'PATCH' && path.endsWith('/pods/b') && JSON.stringify(body).includes('"active"') ? refusal : undefined,
    )
    const report = await ask('b', { from: 'a' })
    const [active] = world.actives()
    expect(['a', 'c']).toContain(active)
    expect(exitCode(report)).toBe(3)
    expect(world.history('app')[0]).toMatchObject({
      ...{ kind: 'switchover', to: active },
      text: expect.stringContaining(`could not be enabled: ${active} was`),
    })
  })

  it('because its pod becomes unhealthy in the eyes of the API server goes on as a failover', async () => {
    meddleBefore('PATCH /api/v1/namespaces/default/pods/b', 1, () => {
      world.api.store.update('pods', NAMESPACE, 'b', (pod) => {
        pod.status = { ...(pod.status as object), phase: 'Failed' }
      })
      return undefined
    })
    await ask('b', { from: 'a' })
    expect(world.actives()).toHaveLength(1)
    expect(world.actives()).not.toContain('b')
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('because it dies at its request %i is put right by the next pass', async (n) => {
    const dead = dyingAt(world.connect(), n)
    void world.pass(wish('b', { from: 'a' }), { kube: dead.kube })
    await dead.died
    await world.pass()
    expect(world.actives()).toHaveLength(1)
    expect(most).toBeLessThanOrEqual(1)
    expect(world.service('app')).toEqual(HOME)
    expect((await world.pass()).groups[0]?.writes).toEqual([])
  })
})

describe('a switchover beside another pass', () => {
  it('to another pod: both end with one active pod, and both say which', async () => {
    for (let round = 0; round < 10; round++) {
      const reports = await Promise.all([ask('b', { force: true }), ask('c', { force: true })])
      expect(world.actives()).toHaveLength(1)
      expect(['b', 'c']).toContain(world.actives()[0])
      expect(reports.map(({ groups }) => groups[0]?.activeAfter)).toContain(world.actives()[0])
      expect(world.service('app')).toEqual(HOME)
      await ask('a', { force: true })
    }
    expect(most).toBe(1)
  })

  it('that was asked for with the pod that was active moves the role once', async () => {
    const reports = await Promise.all([ask('b', { from: 'a' }), ask('c', { from: 'a' })])
    const kinds = reports.map(({ groups }) => groups[0]?.decision.kind)
    expect(kinds.toSorted()).toEqual(['switchover', 'unmoved'])
    expect(world.actives()).toEqual([kinds[0] === 'switchover' ? 'b' : 'c'])
  })

  it('that fails over ends with one active pod, which is healthy', async () => {
    world.health.set('a', '500')
    await Promise.all([world.pass(), ask('c'), world.pass()])
    expect(world.actives()).toHaveLength(1)
    expect(['b', 'c']).toContain(world.actives()[0])
    expect(most).toBe(1)
    expect(world.service('app')).toEqual(HOME)
  })
})

function reset(applied: boolean) {
  return { kind: 'reset', ...(applied ? { applied: true } : {}) } as const
}
