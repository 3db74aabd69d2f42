// What /metrics says of groups, over the in-process API: of those that are there, as they are, however passes come about.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readServeOptions } from '../../handler/cli/options.js'
import { type App, createApp } from '../../handler/serve/app.js'
import { unguarded } from '../../handler/serve/http/bearer-token.js'
import { NOT_WELL_MS } from '../../handler/serve/watch/resync.js'
import { systemClock } from '../../handler/util/clock.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'
import { keepLog } from '../support/logs.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

const poll = { timeout: 30_000 }
/** So much faster than life. */
const FASTER = 10
const clock = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / FASTER, signal),
}

let world: InProcess
let app: App
let watching: Promise<void> | undefined
const log = keepLog()
beforeEach(async () => {
  world = await startInProcess()
  await world.pass()
  log.clear()
})
afterEach(async () => {
  await app.close()
  await watching
  watching = undefined
  await world.close()
  expect(log.said('error').filter((said) => said.includes('defect'))).toEqual([])
})

function start(flags: Parameters<typeof readServeOptions>[0] = {}): void {
  const config = new KubeConfig()
  config.loadFromString(world.api.kubeconfig)
  const probe = async ({ pod }: { readonly pod: { readonly name: string } }) => {
    const text = world.health.get(pod.name) ?? '200'
    return { healthy: text === '200', text, ms: 1 }
  }
  app = createApp(readServeOptions({ failures: '1', ...flags }, {}), config, unguarded, log, { clock, probe })
}

const get = (path: string, method = 'GET') => app.fetch(new Request(`http://localhost${path}`, { method }))

/** By their names, without the prefix, and labels. */
async function series(): Promise<readonly string[]> {
  const lines = (await (await get('/metrics')).text()).split('\n')
  return lines.flatMap((line) => /^active_passive_((?:active|group_ok|groups)\b.*)/.exec(line)?.[1] ?? []).sort()
}

const seriesOf = (service: string, pod: string, namespace = NAMESPACE) => [
  `active{namespace="${namespace}",service="${service}",pod="${pod}"} 1`,
  `group_ok{namespace="${namespace}",service="${service}"} 1`,
]

/** Another group, which a pass has served. */
async function addMail(): Promise<void> {
  world.addService({ name: 'mail', selector: { app: 'mail', role: 'active' } })
  for (const name of ['mail-0', 'mail-1']) world.addPod({ name, labels: { app: 'mail' } })
  await world.pass()
}

const remove = (service: string) => world.api.store.finalise('services', NAMESPACE, service)

describe('a whole pass', () => {
  it('makes them true, though a namespace is refused and a Service is missing', async () => {
    await addMail()
    world.api.intercept(({ path }) =>
      path.includes('/namespaces/secret/') ? { kind: 'answer', status: 403, body: { message: 'no' } } : undefined,
    )
    start({ namespace: [NAMESPACE, 'secret'], service: ['app', 'mail', 'unknown'] })
    await get('/run', 'POST')
    expect(await series()).toEqual([...seriesOf('app', 'a'), ...seriesOf('mail', 'mail-0'), 'groups 2'].sort())
    remove('mail')
    await get('/run', 'POST')
    expect(await series()).toEqual([...seriesOf('app', 'a'), 'groups 1'])
  })
})

describe('with watches alone', () => {
  const watch = () => {
    watching = app.watch()
  }
  const expectSeries = (...expected: readonly string[]) => expect.poll(series, poll).toEqual([...expected].sort())

  it('groups that are well have series soon after the start, for two LISTs beside those of the watches', async () => {
    await addMail()
    world.takeRequests()
    start()
    watch()
    await expectSeries(...seriesOf('app', 'a'), ...seriesOf('mail', 'mail-0'), 'groups 2')
    const requests = world.takeRequests()
    expect(requests.filter((request) => request === 'GET services').length).toBe(3)
    expect(requests).toHaveLength(6)
    await systemClock.sleep((1.5 * NOT_WELL_MS) / FASTER)
    expect(world.takeRequests()).toEqual([])
  })

  it('groups come and go with their Services', async () => {
    start()
    watch()
    await expectSeries(...seriesOf('app', 'a'), 'groups 1')
    await addMail()
    await expectSeries(...seriesOf('app', 'a'), ...seriesOf('mail', 'mail-0'), 'groups 2')
    remove('app')
    await expectSeries(...seriesOf('mail', 'mail-0'), 'groups 1')
  })

  it('a group that was not as it should be is so again, though no watch could tell', async () => {
    for (const name of ['a', 'b']) world.health.set(name, '500')
    start()
    watch()
    await expectSeries(seriesOf('app', 'a')[0] ?? '', `group_ok{namespace="${NAMESPACE}",service="app"} 0`, 'groups 1')
    world.health.clear()
    await expectSeries(...seriesOf('app', 'a'), 'groups 1')
  })
})
