// What passes repair that somebody else has changed, over the in-process API: who counts it, and where it is noted.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CLAIM, EPOCH, HEALED, PIN } from '../../handler/kube/keys.js'
import { KEPT } from '../../handler/pass/healing.js'
import type { Report } from '../../handler/report/report.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

let world: InProcess
beforeEach(async () => {
  world = await startInProcess()
  await world.pass()
  expect(world.actives()).toEqual(['a'])
})
afterEach(() => world.close())

type Labels = Record<string, string>

const claim = (token = '0123 b', manager = 'kubectl-edit') =>
  world.api.store.update(
    'services',
    NAMESPACE,
    'app',
    ({ metadata }) => {
      metadata.annotations = { ...(metadata.annotations as Labels | undefined), [CLAIM]: token }
    },
    manager,
  )
/** Takes all labels but these from a pod. */
const unlabel = (pod: string, ...kept: readonly string[]) =>
  world.api.store.update('pods', NAMESPACE, pod, ({ metadata }) => {
    const labels = Object.entries(metadata.labels as Labels)
    metadata.labels = Object.fromEntries(labels.filter(([key]) => key === 'app' || kept.includes(key)))
  })
const healed = ({ groups }: Report) => groups.flatMap((group) => group.healed ?? [])
const noted = () => ({
  pods: ['a', 'b'].filter((pod) => HEALED in world.annotations(pod)),
  service: HEALED in world.service('app').annotations,
})

/** A manifest from the middle of a handover, applied over what its user wrote. */
const pin = () =>
  world.api.store.update(
    'services',
    NAMESPACE,
    'app',
    ({ spec }) => {
      ;(spec as { selector: Labels }).selector[PIN] = 'f00d'
    },
    'argocd-controller',
  )

it('a Service that somebody has pinned is released where a policy refuses the note on it', async () => {
  const denied = { kind: 'Status', reason: 'Forbidden', message: 'services "app" is forbidden: denied request: no' }
  world.api.intercept(({ path, body }) =>
    path.endsWith('/services/app') && JSON.stringify(body)?.includes(HEALED)
      ? { kind: 'answer', status: 403, body: denied }
      : undefined,
  )
  const { selector } = world.service('app')
  pin()
  expect(healed(await world.pass())).toEqual([{ what: 'claim', again: false }])
  expect(world.service('app')).toEqual({ selector, annotations: {} })
  expect(noted()).toEqual({ pods: ['a'], service: false })
})

describe('two passes at once', () => {
  it('that find the same claim release it once, and count it once', async () => {
    claim()
    const reports = await Promise.all([world.pass(), world.pass()])
    expect(reports.flatMap(healed)).toEqual([{ what: 'claim', again: false }])
    claim('4567 b')
    expect(healed(await world.pass())).toEqual([{ what: 'claim', again: true }])
  })

  it('of which one has released what the other is about to count it once', async () => {
    claim()
    let isFirst = true
    world.api.intercept(({ method, path }) => {
      if (isFirst && method === 'PATCH' && path.includes('/services/app')) {
        isFirst = false
        world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
          metadata.annotations = {}
        })
      }
      return undefined
    })
    expect((await world.pass()).groups[0]).toMatchObject({ warnings: [], faults: [] })
    expect(noted()).toEqual({ pods: [], service: false })
  })

  it('that find the same pod without its labels count it as a first time, each of them', async () => {
    unlabel('b')
    const reports = await Promise.all([world.pass(), world.pass()])
    expect(reports.flatMap(healed).map(({ again }) => again)).not.toContain(true)
  })
})

describe('a note', () => {
  it('is one small write, not on what was healed, and none follows', async () => {
    claim()
    world.takeRequests()
    await world.pass()
    expect(world.takeRequests().filter((request) => request.startsWith('PATCH'))).toEqual([
      'PATCH service/app',
      'PATCH pod/a',
    ])
    expect(noted()).toEqual({ pods: ['a'], service: false })
    unlabel('b')
    await world.pass()
    expect(noted()).toEqual({ pods: ['a'], service: false })
    world.takeRequests()
    expect((await world.pass()).groups[0]).toMatchObject({ warnings: [], faults: [] })
    expect(world.takeRequests()).toEqual(['GET services', 'GET pods'])
  })

  it('stays small, however often somebody writes', async () => {
    const times = Array.from({ length: KEPT }, (_, n) => new Date(Date.now() - n).toISOString())
    world.api.store.update(
      'pods',
      NAMESPACE,
      'a',
      ({ metadata }) => {
        metadata.annotations = { ...(metadata.annotations as Labels), [HEALED]: `claim ${times.join(' ')}` }
      },
      'active-passive',
    )
    claim()
    const [group] = (await world.pass()).groups
    expect(group?.faults).toMatchObject([
      { code: 'healed-again', message: expect.stringContaining('10 times or more') },
    ])
    const { [HEALED]: note = '' } = world.annotations('a')
    expect(note.split(' ')).toHaveLength(KEPT + 1)
  })

  it('of the only pod is on the Service, and outlives the pod', async () => {
    world.api.store.finalise('pods', NAMESPACE, 'a')
    await world.pass()
    expect(world.actives()).toEqual(['b'])
    unlabel('b', 'role')
    expect(healed(await world.pass())).toEqual([{ what: 'marks', again: false }])
    expect(noted()).toEqual({ pods: [], service: true })
    expect(world.labels('b')).toHaveProperty([PIN])
    unlabel('b', 'role')
    expect(healed(await world.pass())).toEqual([{ what: 'marks', again: true }])
  })

  it("that a copy has brought is another pod's", async () => {
    claim()
    await world.pass()
    const { [HEALED]: note = '' } = world.annotations('a')
    world.addPod({ name: 'copy', labels: world.labels('a'), annotations: { [HEALED]: note } })
    world.api.store.finalise('pods', NAMESPACE, 'a')
    claim('4567 b')
    expect(healed(await world.pass())).toEqual([{ what: 'claim', again: false }])
    world.addPod({ name: 'other', labels: { role: 'passive', [PIN]: 'another' }, annotations: { [HEALED]: note } })
    await world.pass()
    expect(world.annotations('other')).not.toHaveProperty([HEALED])
  })
})

it('new pods, pods labelled by hand, counts and failovers are not healed', async () => {
  const isQuiet = ({ groups }: Report) => expect(groups[0]).toMatchObject({ warnings: [], faults: [] })
  world.addPod({ name: 'c' })
  isQuiet(await world.pass())
  world.health.set('a', '500')
  isQuiet(await world.pass())
  world.api.store.finalise('pods', NAMESPACE, 'b')
  isQuiet(await world.pass({ settings: { failures: 3 } }))
  expect(world.annotations('c')).toHaveProperty([EPOCH])
  expect(noted()).toEqual({ pods: [], service: false })
})
