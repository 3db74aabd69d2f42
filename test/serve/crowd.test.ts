// Many callers, who are answered by one pass: each with what it has asked for, in memory that does not grow with both.
import { Agent, request } from 'node:http'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { sumOf } from '../support/replica.js'
import { type Serving, startServing } from '../support/serve.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 }) // of a machine that is busy with other things

const GROUPS = 500
/** Half of what jobs/serve allows. An empty process has 80. */
const MEMORY_MIB = 256

interface Answer {
  readonly status: number
  readonly text: string
}

let serving: Serving
let agent: Agent

// One process for all of them: what one crowd leaves behind counts for the next.
beforeAll(async () => {
  serving = await startServing()
  agent = new Agent({ keepAlive: true })
  const { world } = serving
  for (let i = 0; i < GROUPS; i++) {
    world.addService({ name: `db-${i}`, selector: { app: `db-${i}`, role: 'active' } })
    world.addPod({ name: `db-${i}-0`, labels: { app: `db-${i}` } })
  }
  await world.pass()
})
afterAll(async () => {
  agent.destroy()
  await serving.close()
})

function post(path: string, message?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    request(`${serving.url}${path}`, { method: 'POST', agent, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (more: string) => {
        text += more
      })
      response.once('error', reject)
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
      .once('error', reject)
      .end(message === undefined ? undefined : JSON.stringify(message))
  })
}

/** The answers to those who come while a pass is under way. */
async function together(send: () => readonly Promise<Answer>[]): Promise<readonly Answer[]> {
  const { world } = serving
  const asked = async () => sumOf(await (await fetch(`${serving.url}/metrics`)).text(), 'active_passive_triggers_total')
  const before = await asked()
  world.api.clearRequests()
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const restore = world.api.intercept(async () => {
    await held
    return undefined
  })
  const first = post('/run?service=app')
  await expect.poll(() => world.api.requests.length, { timeout: 60_000 }).toBe(1)
  const answers = send()
  await expect.poll(asked, { timeout: 120_000 }).toBe(before + answers.length + 1)
  letGo()
  await first
  restore()
  return Promise.all(answers)
}

const servicesOf = ({ text }: Answer) =>
  (JSON.parse(text) as { readonly groups: readonly { readonly services: readonly string[] }[] }).groups.map(
    ({ services }) => services.join(),
  )

async function expectLittleMemory(what: string): Promise<void> {
  const mib = await serving.peakMemoryMib()
  console.log(`${what}: ${Math.round(mib)} MiB at most`)
  expect(mib).toBeLessThan(MEMORY_MIB)
}

it(`${GROUPS} alerts, each for a group of its own, are answered with that group`, async () => {
  const answers = await together(() =>
    Array.from({ length: GROUPS }, (_, i) =>
      post('/alertmanager', aWebhook([{ namespace: 'default', service: `db-${i}` }])),
    ),
  )
  answers.forEach((answer, i) => {
    expect(answer.status).toBe(200)
    expect(servicesOf(answer)).toEqual([`db-${i}`])
    expect(answer.text.length).toBeLessThan(2_000)
  })
  await expectLittleMemory(`${GROUPS} alerts`)
})

it('900 who ask for what is not there are each told so, of their own Service', async () => {
  const answers = await together(() => Array.from({ length: 900 }, (_, i) => post(`/run?service=nope-${i}`)))
  answers.forEach((answer, i) => {
    expect(answer.status).toBe(200)
    expect(servicesOf(answer)).toEqual([`nope-${i}`])
  })
  await expectLittleMemory('900 in vain')
})

it('400 who ask for everything get that, and share it', async () => {
  const answers = await together(() => [
    ...Array.from({ length: 400 }, () => post('/run')),
    post('/run?service=nope'),
    post('/run?service=db-7'),
  ])
  const [nope, one] = [answers.at(-2), answers.at(-1)]
  expect(nope && servicesOf(nope)).toEqual(['nope'])
  expect(one && servicesOf(one)).toEqual(['db-7'])
  const texts = new Set(answers.slice(0, 400).map(({ text }) => text))
  expect(texts.size).toBe(1)
  expect(servicesOf(answers[0] as Answer)).toHaveLength(GROUPS + 1)
  await expectLittleMemory('400 for everything')
})
