// Pauses against the in-process API, where others write too and the time ends.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { PAUSE } from '../../handler/kube/keys.js'
import { setPause } from '../../handler/pass/pause.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import type { Clock } from '../../handler/util/clock.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'

let world: InProcess
let time: AbortController
let stop: AbortController
beforeEach(async () => {
  world = await startInProcess()
  time = new AbortController()
  stop = new AbortController()
  sleeping = () => {}
})
afterEach(() => world.close())

/** Sleeps take no time. */
let sleeping = () => {}
const clock: Clock = { now: Date.now, sleep: async () => sleeping() }
const pause = (kube = world.connect()) =>
  setPause(
    { kube, isDryRun: false, clock, random: () => 0 },
    { namespaces: [NAMESPACE], services: [], roleLabel: 'role', settings: DEFAULT_SETTINGS },
    { service: { namespace: undefined, name: 'app' }, action: 'pause' },
    AbortSignal.any([time.signal, stop.signal]),
    stop.signal,
  )

/** Others are faster every time; `then` is called at the third write. */
function others(then: () => void): () => number {
  let writes = 0
  world.api.intercept(({ method }) => {
    if (method !== 'PATCH') return undefined
    if (++writes === 3) then()
    world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
      metadata.annotations = { 'example.com/writes': `${writes}` }
    })
    return undefined
  })
  return () => writes
}

it('says that others kept changing the Service when its time ends over that', async () => {
  const writes = others(() => time.abort())
  expect(await pause()).toEqual({
    code: 'deadline',
    object: 'service default/app',
    message: 'the time was over, while others kept changing it, before this was done, or known to be done',
    remedy: 'Look with the command status, and ask again.',
  })
  expect(writes()).toBe(3)
  expect(world.service('app').annotations[PAUSE]).toBeUndefined()
})

it('says so too when its time ends while it waits for its second attempt', async () => {
  sleeping = () => time.abort()
  others(() => {})
  expect(await pause()).toMatchObject({ code: 'deadline' })
})

it('says that it was told to stop', async () => {
  const writes = others(() => stop.abort())
  expect(await pause()).toMatchObject({ code: 'interrupted', message: expect.stringContaining('told to stop') })
  expect(writes()).toBe(3)
})

it('says that the API server did not answer where its time ends over the first request', async () => {
  world.api.intercept(() => {
    time.abort()
    return { kind: 'hang' }
  })
  expect(await pause()).toMatchObject({ code: 'unreachable', message: expect.stringContaining('no answer from') })
})

it('A pause that was written is answered as one, whatever the look at its pods meets', async () => {
  const listPods = () => Promise.reject(new TypeError('boom'))
  const warning = 'whether a pod is active is not known: a defect of this program: TypeError: boom'
  expect(await pause({ ...world.connect(), listPods })).toMatchObject({ pausedUntil: 'forever', warnings: [warning] })
  expect(world.service('app').annotations).toEqual({ [PAUSE]: 'true' })
})
