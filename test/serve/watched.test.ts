// What the watches make a pass for, over the in-process API: the pods that a pass would take the role from.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { readServeOptions } from '../../handler/cli/options.js'
import { type App, createApp } from '../../handler/serve/app.js'
import { unguarded } from '../../handler/serve/http/bearer-token.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'
import { keepLog } from '../support/logs.js'
import { podStatus } from '../support/pods.js'

vi.setConfig({ testTimeout: 60_000 }) // of a machine that is busy with other things

const poll = { timeout: 30_000 }

let world: InProcess
let app: App
let watching: Promise<void>
beforeEach(async () => {
  world = await startInProcess([])
  const annotations = { 'active-passive/health-check': 'ready' }
  const spec = { publishNotReadyAddresses: true }
  world.addService({ name: 'db', selector: { app: 'db', role: 'active' }, annotations, spec })
  for (const name of ['db-0', 'db-1']) world.addPod({ name, labels: { app: 'db' } })
  await world.pass()
  const config = new KubeConfig()
  config.loadFromString(world.api.kubeconfig)
  app = createApp(readServeOptions({}, {}), config, unguarded, keepLog())
  watching = app.watch()
})
afterEach(async () => {
  await app.close()
  await watching
  await world.close()
})

const metric = async (name: string) => {
  const text = await (await app.fetch(new Request('http://localhost/metrics'))).text()
  return Number(new RegExp(`^active_passive_${name} (.*)$`, 'm').exec(text)?.[1])
}

it('an active pod that is not Ready loses the role by a watch, though its Service publishes it and its check asks for Ready', async () => {
  await expect.poll(() => metric('groups'), poll).toBe(2) // the first round is over
  expect(world.actives()).toEqual(['db-0'])
  world.api.store.update('pods', NAMESPACE, 'db-0', (pod) => {
    pod.status = podStatus({ ready: false })
  })
  await expect.poll(() => world.actives(), poll).toEqual(['db-1'])
})
