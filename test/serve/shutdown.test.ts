// SIGTERM: what is under way ends as it has to, and nobody who says nothing holds it up.
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { aRequest, converse, statuses } from '../support/raw-http.js'
import { type Serving, startServing } from '../support/serve.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

/** A machine under load may need long for a second's work; what hangs takes the minute that a connection may be idle. */
const PROMPTLY_MS = 40_000
const poll = { timeout: 30_000 }

let serving: Serving
beforeEach(async () => {
  serving = await startServing({ args: ['--token-file', 'FOLDER/token'], files: { token: 'secret' } })
})
afterEach(() => serving.close())

const bearer = { Authorization: 'Bearer secret' }
const run = () => aRequest('POST /run', bearer)

const isRefused = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => socket.destroy() && resolve(false))
    socket.once('error', () => resolve(true))
  })

/** Holds requests of a kind to the API server until they are let go. */
function hold(kind: string): { seen(): number; letGo(): void } {
  let seen = 0
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  serving.world.api.intercept(async ({ method, path }) => {
    if (!`${method} ${path}`.endsWith(kind)) return undefined
    seen++
    await held
    return undefined
  })
  return { seen: () => seen, letGo }
}

/** How it ended, and how long that took. */
async function stop() {
  const startedAtMs = performance.now()
  const { code, stderr } = await serving.stop()
  return { code, stderr, tookMs: performance.now() - startedAtMs }
}

describe('told to stop', () => {
  it('while a swap is under way, it accepts no more, finishes and releases it, answers, and ends with 0', async () => {
    const { world, port } = serving
    const seal = hold('/pods/b')
    const caller = await converse(port, run())
    await expect.poll(seal.seen, poll).toBe(1)
    const ended = stop()
    await expect.poll(() => isRefused(port), poll).toBe(true)
    expect(caller.heard()).toBe('')
    expect(world.actives()).toEqual([])

    seal.letGo()
    const answer = await caller.ended
    expect(statuses(answer)).toEqual([503]) // the pass was told to stop: its sender asks another replica
    expect(answer).toMatch(/connection: close/i)
    expect(answer).toContain('"after": "a"')
    expect(await ended).toMatchObject({ code: 0 })
    expect(world.actives()).toEqual(['a'])
    expect(world.service('app')).toEqual({ selector: { app: 'helloworld', role: 'active' }, annotations: {} })
  })

  it('what waits for a pass, on one connection or on several, is told to ask another replica', async () => {
    const { port } = serving
    const seal = hold('/pods/b')
    const first = await converse(port, run())
    await expect.poll(seal.seen, poll).toBe(1)
    const alert = JSON.stringify(aWebhook([{}]))
    const type = { 'Content-Type': 'application/json' }
    const waiting = [
      await converse(port, run()),
      await converse(port, aRequest('POST /alertmanager', { ...bearer, ...type }, alert)),
    ]
    // An answer shows that those before it have been taken in.
    await (await converse(port, aRequest('GET /healthz'))).answers(1)
    const ended = stop()
    for (const { ended } of waiting) expect(await ended).toMatch(/^HTTP\/1\.1 503 [\s\S]*(shutting down|told to stop)/)
    seal.letGo()
    expect(statuses(await first.ended)).toEqual([503])
    expect((await ended).code).toBe(0)
  })

  it('it ends though connections are open: idle, silent, in the middle of their headers or of their body', async () => {
    const { port } = serving
    const idle = await converse(port, aRequest('GET /healthz'))
    await idle.answers(1)
    const silent = await converse(port)
    const slowHead = await converse(port, 'POST /run HTTP/1.1\r\nHost: localhost\r\n')
    const head = { ...bearer, 'Content-Type': 'application/json', 'Content-Length': '1000' }
    const slowBody = await converse(port, aRequest('POST /alertmanager', head, '{'))
    await (await converse(port, aRequest('GET /healthz'))).answers(1)
    const { code, tookMs } = await stop()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(PROMPTLY_MS)
    for (const { ended } of [idle, silent, slowHead, slowBody]) await ended
  })

  it('again and again, it ends once', async () => {
    const seal = hold('/pods/b')
    const caller = await converse(serving.port, run())
    await expect.poll(seal.seen, poll).toBe(1)
    const ended = stop()
    await expect.poll(() => isRefused(serving.port), poll).toBe(true)
    for (let i = 0; i < 3; i++) process.kill(serving.pid, 'SIGTERM')
    seal.letGo()
    expect(statuses(await caller.ended)).toEqual([503])
    expect((await ended).code).toBe(0)
    expect(serving.world.actives()).toEqual(['a'])
  })

  it('while the API server answers nothing, it ends', async () => {
    const reads = hold('/services')
    const caller = await converse(serving.port, run())
    await expect.poll(reads.seen, poll).toBeGreaterThan(0)
    const { code, tookMs } = await stop()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(PROMPTLY_MS)
    const answer = await caller.ended
    expect(statuses(answer)).toEqual([503])
    expect(answer).toContain('the pass was told to stop before this was done')
    expect((await serving.done).stderr).not.toMatch(/no answer/)
    reads.letGo()
  })
})
