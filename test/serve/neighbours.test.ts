// A group whose pods hang, beside others: it holds up nobody. The in-process API, and probes that a test answers.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readServeOptions } from '../../handler/cli/options.js'
import type { Probe } from '../../handler/health/probe.js'
import { type App, createApp } from '../../handler/serve/app.js'
import { unguarded } from '../../handler/serve/http/bearer-token.js'
import { aWebhook } from '../support/alerts.js'
import { type InProcess, startInProcess } from '../support/in-process.js'
import { type KeptLog, keepLog } from '../support/logs.js'

vi.setConfig({ testTimeout: 60_000 })

/** Less than the slow group takes, which is until the end of its pass. */
const SOON = { timeout: 15_000, interval: 20 }
const SETTINGS = ['--failures=1', '--probes=1', '--deadline=30s', '--cooldown=0s'] as const

let world: InProcess
let app: App
let log: KeptLog
/** Pods whose probes hang until they are cut off, or let go. */
let hanging: Set<string>
/** Those whose probe does. */
let waiting: Set<string>
let letGo: AbortController

const probe: Probe = async ({ pod: { name } }, _timeoutMs, signal) => {
  if (hanging.has(name)) {
    waiting.add(name)
    const either = AbortSignal.any([signal, letGo.signal])
    await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }))
  }
  const text = hanging.has(name) ? 'no answer' : (world.health.get(name) ?? '200')
  return { healthy: text === '200', text, ms: 1 }
}

beforeEach(async () => {
  world = await startInProcess([])
  for (const name of ['fast', 'slow', 'third']) {
    world.addService({ name, selector: { app: name, role: 'active' } })
    for (const n of [0, 1]) world.addPod({ name: `${name}-${n}`, labels: { app: name } })
  }
  hanging = new Set()
  waiting = new Set()
  letGo = new AbortController()
  log = keepLog()
  const config = new KubeConfig()
  config.loadFromString(world.api.kubeconfig)
  const flags = Object.fromEntries(SETTINGS.map((flag) => flag.slice(2).split('=') as [string, string]))
  app = createApp(readServeOptions(flags, {}), config, unguarded, log, { probe })
})
afterEach(async () => {
  letGo.abort()
  await app.close()
  await world.close()
})

const send = (path: string, body?: unknown) =>
  app.fetch(
    new Request(`http://localhost${path}`, {
      method: 'POST',
      ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    }),
  )
const activeOf = (name: string) => world.actives().filter((pod) => pod.startsWith(name))
const metric = async (line: string) =>
  (await app.metrics.registry.metrics()).split('\n').find((one) => one.startsWith(line))

/** Every group has its first pod active, and the pods of `slow` begin to hang. */
async function settle(): Promise<void> {
  expect((await send('/run')).status).toBe(200)
  expect(world.actives()).toEqual(['fast-0', 'slow-0', 'third-0'])
  hanging.add('slow-0').add('slow-1')
}

describe('a group whose pods hang', () => {
  it('holds up no tick of the loop: another group fails over, and its metrics and the log say so meanwhile', async () => {
    await settle()
    void app.loop(50)
    await expect.poll(() => waiting.size, SOON).toBe(2)
    world.health.set('fast-0', '500')
    await expect.poll(() => activeOf('fast'), SOON).toEqual(['fast-1'])
    await expect.poll(() => metric('active_passive_swaps_total{kind="failover"'), SOON).toMatch(/ 1$/)
    await expect.poll(() => log.said(), SOON).toContainEqual(expect.stringMatching(/^failover from fast-0 to fast-1: /))
    world.health.set('fast-1', '500').set('fast-0', '200')
    await expect.poll(() => activeOf('fast'), SOON).toEqual(['fast-0'])
    expect(activeOf('slow')).toEqual(['slow-0'])
    expect(await metric('active_passive_groups ')).toBe('active_passive_groups 4')
    expect(await metric('active_passive_group_ok{namespace="default",service="slow"}')).toMatch(/ 1$/) // as last seen
  })

  it('is begun once, however many ticks there are', async () => {
    await settle()
    void app.loop(20)
    await expect.poll(() => waiting.size, SOON).toBe(2)
    await expect.poll(() => metric('active_passive_passes_total{trigger="interval"'), SOON).toMatch(/ [1-9]\d*$/)
    waiting.clear()
    const passes = async () =>
      Number((await metric('active_passive_passes_total{trigger="interval",result="ok"'))?.split(' ')[1])
    const before = await passes()
    await expect.poll(passes, SOON).toBeGreaterThan(before + 3)
    expect([...waiting]).toEqual([])
  })

  it('holds up no alert about another group', async () => {
    await settle()
    void app.loop(50)
    await expect.poll(() => waiting.size, SOON).toBe(2)
    world.health.set('third-0', '500')
    const answer = send('/alertmanager', aWebhook([{ namespace: 'default', service: 'third' }]))
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, SOON.timeout, 'late'))])
    expect(first).toMatchObject({ status: 200 })
    expect(activeOf('third')).toEqual(['third-1'])
  })

  it('holds up no answer to an alert about another group that shares its pass', async () => {
    await settle()
    const held: (() => void)[] = []
    const letRead = world.api.intercept(({ method, path }) =>
      method === 'GET' && path.includes('/services')
        ? new Promise<undefined>((resolve) => void held.push(() => resolve(undefined)))
        : undefined,
    )
    void send('/run?service=fast')
    await expect.poll(() => held.length, SOON).toBe(1)
    const [slow, third] = ['slow', 'third'].map((service) =>
      send('/alertmanager', aWebhook([{ namespace: 'default', service }])),
    )
    await expect.poll(() => metric('active_passive_coalesced_total'), SOON).toMatch(/ [1-9]/)
    letRead()
    for (const go of held) go()
    const answer = await Promise.race([third, new Promise((resolve) => setTimeout(resolve, SOON.timeout, 'late'))])
    expect(answer).toMatchObject({ status: 200 })
    expect([...waiting]).toEqual(['slow-0', 'slow-1'])
    hanging.clear()
    letGo.abort()
    expect((await slow)?.status).toBe(200)
  })

  it('but whose active pod answers is served at once for whoever asks, though a tick waits for the others', async () => {
    world.addPod({ name: 'fast-2', labels: { app: 'fast' } })
    await settle()
    hanging.clear()
    hanging.add('fast-1')
    void app.loop(50)
    await expect.poll(() => [...waiting], SOON).toEqual(['fast-1'])
    world.health.set('fast-0', '500')
    const answer = send('/run?service=fast')
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, SOON.timeout, 'late'))])
    expect(first).toMatchObject({ status: 200 })
    expect(activeOf('fast')).toEqual(['fast-2'])
  })

  it('is served once more for all who ask for it meanwhile, by what is there then', async () => {
    await settle()
    const first = send('/run?service=slow')
    await expect.poll(() => waiting.size, SOON).toBe(2)
    const others = [1, 2, 3].map(() => send('/run?service=slow'))
    await expect.poll(() => metric('active_passive_triggers_total{trigger="run"}'), SOON).toMatch(/ 5$/)
    world.health.set('slow-0', '500')
    hanging.clear()
    letGo.abort()
    const codes = (await Promise.all([first, ...others])).map(({ status }) => status)
    expect(codes).toEqual([200, 200, 200, 200])
    expect(activeOf('slow')).toEqual(['slow-1'])
  })
})

describe('a group whose pods may not be written', () => {
  const number = async (line: string) => Number((await metric(line))?.split(' ')[1] ?? 0)
  const ticks = () => number('active_passive_triggers_total{trigger="interval"}')
  const faults = () => number('active_passive_errors_total{code="denied"}')

  it('is left alone by more and more ticks, by no alert, and by none once a pod of it changes', async () => {
    await settle()
    hanging.clear()
    world.health.set('slow-0', '500')
    const allow = world.api.intercept(({ method, path }) =>
      method === 'PATCH' && path.includes('/pods/slow-')
        ? { kind: 'answer', status: 403, body: { message: 'not this one' } }
        : undefined,
    )
    void app.loop(20)
    // Twice as long each time, so that sooner or later hardly a tick serves it, however slow the machine.
    await expect.poll(faults, SOON).toBeGreaterThan(2)
    await expect.poll(async () => (await ticks()) / (await faults()), SOON).toBeGreaterThan(6)
    const before = await faults()
    expect(await metric('active_passive_group_ok{namespace="default",service="slow"}')).toMatch(/ 0$/)
    await send('/alertmanager', aWebhook([{ namespace: 'default', service: 'slow' }]))
    expect(await faults()).toBeGreaterThan(before)
    allow()
    world.addPod({ name: 'slow-2', labels: { app: 'slow' } })
    await expect.poll(() => activeOf('slow'), SOON).toEqual(['slow-1'])
  })
})
