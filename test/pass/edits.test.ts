/** What users and their tools do to a Service at each moment of a handover of its group. */
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../handler/util/clock.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

type Labels = Readonly<Record<string, string>>

const HOME = { app: 'helloworld', role: 'active' }
const OTHER = { app: 'other', role: 'active' }

let world: InProcess
/** The most pods of an app that were active at once, and that a Service selected at once. */
let most: { actives: number; selected: number }

const namesOf = (kind: 'pods' | 'services') =>
  world.api.store.list(kind, NAMESPACE).map(({ metadata }) => metadata.name)
const bearing = (wanted: Labels) =>
  namesOf('pods').filter((pod) => Object.entries(wanted).every(([key, value]) => world.labels(pod)[key] === value))

beforeEach(async () => {
  world = await startInProcess(['a', 'b', 'c'])
  world.addPod({ name: 'x', labels: { app: 'other' } })
  world.addPod({ name: 'y', labels: { app: 'other' } })
  most = { actives: 0, selected: 0 }
  world.api.store.on(() => {
    const actives = [HOME, OTHER].map((selector) => bearing(selector).length)
    const selected = namesOf('services').map((name) => bearing(world.service(name).selector).length)
    most = {
      actives: Math.max(most.actives, ...actives),
      selected: Math.max(most.selected, ...selected),
    }
  })
})
afterEach(() => world.close())

const write = (change: (service: { metadata: Record<string, unknown>; spec: Record<string, unknown> }) => void) =>
  world.api.store.update('services', NAMESPACE, 'app', (service) => change(service as never))
const select = (selector: Labels) => write(({ spec }) => Object.assign(spec, { selector }))

/** What is done to the Service `app`, and how its user finds it in the end. */
const EDITS: readonly (readonly [string, { edit: () => void; selector?: Labels; annotations?: Labels }])[] = [
  [
    'adds a port',
    { edit: () => void write(({ spec }) => Object.assign(spec, { ports: [{ port: 80 }, { port: 81 }] })) },
  ],
  [
    'adds an annotation',
    {
      edit: () =>
        void write(({ metadata }) => {
          metadata.annotations = { ...(metadata.annotations as object), mine: 'kept' }
        }),
      annotations: { mine: 'kept' },
    },
  ],
  ['adds a label', { edit: () => void write(({ metadata }) => Object.assign(metadata, { labels: { mine: 'kept' } })) }],
  // What it does not know of, the pin and the claim, it leaves.
  ['applies it client-side', { edit: () => void select({ ...world.service('app').selector, ...HOME }) }],
  // The selector is one field.
  ['applies it server-side, with force', { edit: () => void select(HOME) }],
  [
    'replaces it',
    {
      edit: () =>
        void write(({ metadata, spec }) => {
          Object.assign(spec, { selector: HOME })
          delete metadata.annotations
        }),
    },
  ],
  ['lets it select another app', { edit: () => void select(OTHER), selector: OTHER }],
  [
    'deletes it and makes it again',
    {
      edit: () => {
        world.api.store.finalise('services', NAMESPACE, 'app')
        world.addService({ name: 'app' })
      },
    },
  ],
]

/** Each moment, as the request that comes next: its kind, and which of that kind it is. */
const MOMENTS = [
  ['before the claim', 'PATCH', 'services/app', 1],
  ['after the claim', 'PATCH', 'pods/c', 1],
  ['between the seals', 'PATCH', 'pods/a', 1],
  ['after the seals', 'GET', 'services', 2],
  ['after the check', 'PATCH', 'pods/b', 1],
  ['after the promotion, before the release', 'PATCH', 'services/app', 2],
] as const

/** Does it when this request arrives, before it takes effect; with `again`, at each one from then on. */
function onRequest(method: string, path: string, nth: number, edit: () => void, again = false): void {
  let seen = 0
  let done = false
  world.api.intercept((request) => {
    const isNext = request.method === method && request.path.endsWith(`/${path}`) && ++seen === nth
    if (isNext || (again && done)) {
      done = true
      edit()
    }
    return undefined
  })
}

/** The Service beside it may not be patched. */
const refuseOther = () =>
  world.api.intercept(({ method, path }) =>
    method === 'PATCH' && path.endsWith('/services/app-metrics')
      ? { kind: 'answer', status: 403, body: { message: 'no' } }
      : undefined,
  )

/** What of the Service is no business of ours. */
function userPart() {
  const service = world.api.store.get('services', NAMESPACE, 'app') as
    | { metadata: { uid: string; labels?: Labels }; spec?: { ports?: unknown } }
    | undefined
  return { uid: service?.metadata.uid, labels: service?.metadata.labels, ports: service?.spec?.ports }
}

/** In a tenth of the time: a pass that finds a claim waits. */
const pass = () =>
  world.pass(
    { deadlineMs: 200_000 },
    { clock: { now: systemClock.now, sleep: (ms, signal) => systemClock.sleep(ms / 10, signal) } },
  )

async function makeFirstActive(): Promise<void> {
  await pass()
  expect(world.actives()).toEqual(['a'])
  world.health.set('a', '500')
}

describe.each([
  ['alone', false],
  ['beside one that may not be patched', true],
])('a user of a Service %s', (_beside, isBeside) => {
  beforeEach(async () => {
    if (isBeside) {
      world.addService({ name: 'app-metrics' })
      refuseOther()
    }
    await makeFirstActive()
  })

  describe.each(EDITS)('who %s', (_what, { edit, selector = HOME, annotations = {} }) => {
    it.each(MOMENTS)('%s of a swap finds it so in the end', async (moment, method, path, nth) => {
      let written: unknown
      onRequest(method, path, nth, () => {
        edit()
        written = userPart()
      })
      const isMoved = selector === OTHER
      const isGivenUp = isMoved && !isBeside && moment === 'before the claim'
      const winners = [isGivenUp ? 'a' : 'b', ...(isMoved ? ['x'] : [])]
      await pass()
      if (isMoved) await pass() // the other app is none of the first one's business
      expect(world.service('app')).toEqual({ selector, annotations })
      expect(userPart()).toEqual(written)
      if (isBeside) expect(world.service('app-metrics')).toEqual({ selector: HOME, annotations: {} })
      expect(world.actives()).toEqual(winners)
      expect(most).toEqual({ actives: 1, selected: 1 })
    })
  })

  it.each(MOMENTS)('whose tool puts the selector back at once, from %s on', async (_moment, method, path, nth) => {
    onRequest(method, path, nth, () => void (isHome() || select(HOME)), true)
    await pass()
    expect(world.actives()).toEqual(['b'])
    expect(world.service('app')).toEqual({ selector: HOME, annotations: {} })
    expect(most).toEqual({ actives: 1, selected: 1 })
  })
})

describe.each<[string, () => void]>([
  [
    'makes it an ExternalName',
    () => void write(({ spec }) => Object.assign(spec, { type: 'ExternalName', externalName: 'x.example' })),
  ],
  [
    'deletes it, and a finalizer holds it',
    () =>
      void write(({ metadata }) =>
        Object.assign(metadata, { finalizers: ['example.com/wait'], deletionTimestamp: '2026-01-01T00:00:00Z' }),
      ),
  ],
])('a user of a Service who %s', (_what, edit) => {
  beforeEach(makeFirstActive)

  it.each(MOMENTS)('%s of a swap finds no trace of it, and an active pod', async (moment, method, path, nth) => {
    onRequest(method, path, nth, edit)
    await pass()
    expect(world.service('app')).toEqual({ selector: HOME, annotations: {} })
    expect(world.actives()).toEqual([moment === 'before the claim' ? 'a' : 'b'])
    expect(most).toEqual({ actives: 1, selected: 1 })
  })
})

function isHome(): boolean {
  return isDeepStrictEqual(world.service('app').selector, HOME)
}
