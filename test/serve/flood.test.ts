// Webhooks, many more than there can be passes.
import { Agent, request } from 'node:http'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { startServing } from '../support/serve.js'

const SECONDS = Number(process.env.FLOOD_SECONDS ?? 3)
const PER_SECOND = 500
/** Of these many are sent at a time, so often. */
const BATCH = 10
const EVERY_MS = (1_000 * BATCH) / PER_SECOND

it(`${PER_SECOND} webhooks a second are each answered, by one pass at a time`, async () => {
  const serving = await startServing()
  const agent = new Agent({ keepAlive: true, maxSockets: 200 })
  const { world } = serving
  const send = (pod: string): Promise<{ readonly status: number; readonly ms: number }> =>
    new Promise((resolve, reject) => {
      const startedAtMs = performance.now()
      const headers = { 'content-type': 'application/json' }
      request(`${serving.url}/alertmanager`, { method: 'POST', agent, headers }, (response) => {
        response.resume()
        response.once('error', reject)
        response.once('end', () => resolve({ status: response.statusCode ?? 0, ms: performance.now() - startedAtMs }))
      })
        .once('error', reject)
        .end(JSON.stringify(aWebhook([{ namespace: 'default', pod }])))
    })
  try {
    await send('a') // the first active pod
    world.api.clearRequests()
    // A steady pass LISTs Services, then pods: it is under way from the one to the answer of the other.
    let underWay = 0
    let most = 0
    world.api.intercept(async ({ path }) => {
      if (path.endsWith('/services')) most = Math.max(most, ++underWay)
      if (!path.endsWith('/pods')) return undefined
      await sleep(20)
      underWay--
      return undefined
    })
    const answers: ReturnType<typeof send>[] = []
    const startedAtMs = performance.now()
    for (let batch = 0; batch < (SECONDS * PER_SECOND) / BATCH; batch++) {
      for (let i = 0; i < BATCH; i++) answers.push(send(['a', 'b', `unknown-${batch}`][i % 3] ?? 'a'))
      await sleep(Math.max(0, startedAtMs + (batch + 1) * EVERY_MS - performance.now()))
    }
    const answered = await Promise.all(answers)
    expect(answered.filter(({ status }) => status !== 200)).toEqual([])

    expect(most).toBe(1)
    const requests = world.api.requests.map(({ path }) => path.split('/').at(-1))
    expect(requests.length).toBeGreaterThan(2)
    requests.forEach((resource, i) => {
      expect(resource).toBe(i % 2 === 0 ? 'services' : 'pods') // each pass begins when the one before has ended
    })
    const passes = requests.length / 2
    expect(passes).toBeLessThan(answers.length / 2)

    const times = answered.map(({ ms }) => ms).sort((a, b) => a - b)
    const at = (part: number) => `${Math.round(times[Math.floor(times.length * part)] ?? 0)} ms`
    const memory = `${Math.round(await serving.peakMemoryMib())} MiB`
    console.log(
      `${answers.length} webhooks in ${SECONDS} s, ${passes} passes; median ${at(0.5)}, p99 ${at(0.99)}, most ${at(0.9999)}; ${memory}`,
    )
  } finally {
    agent.destroy()
    await serving.close()
  }
}, 120_000)
