// What serve makes of an alert about one group, by what its passes have seen of the others. Over the in-process API.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readServeOptions } from '../../handler/cli/options.js'
import { type App, createApp } from '../../handler/serve/app.js'
import { unguarded } from '../../handler/serve/http/bearer-token.js'
import { systemClock } from '../../handler/util/clock.js'
import { aWebhook } from '../support/alerts.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'
import { keepLog } from '../support/logs.js'
import { podStatus } from '../support/pods.js'

vi.setConfig({ testTimeout: 60_000 }) // of a machine that is busy with other things

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']
const ACTIVES = NAMES.map((name) => `${name}-0`)

let world: InProcess
let app: App
/** So much later than it is. */
let laterMs: number
beforeEach(async () => {
  world = await startInProcess([])
  laterMs = 0
  for (const name of NAMES) {
    world.addService({ name, selector: { app: name, role: 'active' } })
    for (const n of [0, 1]) world.addPod({ name: `${name}-${n}`, labels: { app: name } })
  }
  const config = new KubeConfig()
  config.loadFromString(world.api.kubeconfig)
  const clock = { ...systemClock, now: () => systemClock.now() + laterMs }
  const probe = async ({ pod }: { readonly pod: { readonly name: string } }) => {
    const text = world.health.get(pod.name) ?? '200'
    return { healthy: text === '200', text, ms: 1 }
  }
  const options = readServeOptions({ failures: '1' }, {})
  app = createApp(options, config, unguarded, keepLog(), { clock, probe })
  await post('/run')
  expect(world.actives()).toEqual(ACTIVES)
})
afterEach(async () => {
  await app.close()
  await world.close()
})

/** What was decided, by Service. */
async function post(path: string, message?: unknown): Promise<Readonly<Record<string, string>>> {
  const body = message ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(message) } : {}
  const response = await app.fetch(new Request(`http://localhost${path}`, { method: 'POST', ...body }))
  const { groups } = (await response.json()) as {
    readonly groups: readonly { readonly services: readonly string[]; readonly reason: { readonly code: string } }[]
  }
  const named = groups.filter(({ services }) => services.join() !== 'app') // which has no pods
  return Object.fromEntries(named.map(({ services, reason }) => [services.join(), reason.code]))
}
const alert = (service: string) => post('/alertmanager', aWebhook([{ namespace: 'default', service }]))
const fail = (pods: readonly string[]) => {
  for (const pod of pods) world.health.set(pod, '500')
}

describe('an alert about one of six groups', () => {
  it('moves nothing while most of the others fail, as a pass has just seen, and does once they pass again', async () => {
    fail(ACTIVES)
    expect(Object.values(await post('/run'))).toEqual(Array(6).fill('panic'))
    expect(await alert('a')).toEqual({ a: 'panic' })
    expect(world.actives()).toEqual(ACTIVES)
    const ok = await app.metrics.registry.metrics()
    expect(ok).toContain('active_passive_group_ok{namespace="default",service="a"} 0')
    for (const pod of ACTIVES.slice(1)) world.health.delete(pod)
    for (const name of ['b', 'c', 'd']) expect(await alert(name)).toEqual({ [name]: 'healthy' })
    expect(await alert('a')).toEqual({ a: 'active-failed' })
    expect(world.actives()).toContain('a-1')
  })

  it('moves its role once it is known of others that their kubelets find them not Ready: these are no sign of our view', async () => {
    fail(ACTIVES)
    await post('/run')
    for (const pod of ['b-0', 'b-1', 'c-0', 'c-1']) {
      world.api.store.update('pods', NAMESPACE, pod, (object) => {
        object.status = podStatus({ ready: false })
      })
    }
    expect([await alert('b'), await alert('c')]).toEqual([{ b: 'no-candidate' }, { c: 'no-candidate' }])
    expect(await alert('a')).toEqual({ a: 'active-failed' })
  })

  it('moves its role where the others pass, one after the other, however many there come to be', async () => {
    for (const [n, name] of NAMES.entries()) {
      fail([`${name}-0`])
      expect(await alert(name)).toEqual({ [name]: 'active-failed' })
      expect(world.actives()).toContain(`${name}-1`)
      expect(world.actives().filter((pod) => pod.endsWith('-1'))).toHaveLength(n + 1)
    }
  })

  it('goes by what was seen for some minutes', async () => {
    fail(ACTIVES)
    await post('/run')
    laterMs = 6 * 60_000
    expect(await alert('a')).toEqual({ a: 'active-failed' })
  })

  it('several at once are seen together', async () => {
    fail(ACTIVES)
    const wanted = NAMES.map((service) => ({ namespace: 'default', service }))
    expect(Object.values(await post('/alertmanager', aWebhook(wanted)))).toEqual(Array(6).fill('panic'))
  })
})
