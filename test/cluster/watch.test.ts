import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { loadConfig } from '../../handler/kube/auth/config.js'
import type { Pod } from '../../handler/kube/port.js'
import { connectWatches } from '../../handler/kube/watch.js'
import { type Interruption, runReflector, SILENCE_MS } from '../../handler/serve/watch/reflector.js'
import { systemClock } from '../../handler/util/clock.js'
import { findBinaries } from '../support/cluster/binaries.js'
import { kube } from '../support/cluster/client.js'
import { startControlPlane } from '../support/cluster/control-plane.js'
import { until } from '../support/cluster/poll.js'
import { createNamespace } from '../support/cluster/users.js'
import { ALL_RIGHTS, type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { type Replica, startReplica } from '../support/replica.js'
import { type TcpProxy, throughProxy } from '../support/tcp-proxy.js'

const cluster = inject('cluster')
const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }
/** Another group than `helloworld`. */
const OTHER = { app: 'other' }
const SLOW = { timeoutMs: 60_000 }
const LONG = { timeout: 120_000 }

/** Follows the pods of a namespace. Silence counts after 3 s: sleeps are that much shorter. */
function followPods(kubeconfig: string, namespace: string) {
  const end = new AbortController()
  const labels = new Map<string, Pod['labels']>()
  const interruptions: Interruption['reason'][] = []
  const told = { lists: 0 }
  let watches = false
  const pods = connectWatches(loadConfig({ kubeconfig, context: undefined, env: {} })).pods(namespace)
  const clock = {
    now: systemClock.now,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep((ms * 3_000) / SILENCE_MS, signal),
  }
  const following = runReflector(
    pods,
    {
      replaced: (all) => {
        told.lists++
        labels.clear()
        for (const pod of all) labels.set(pod.name, pod.labels)
      },
      changed: (pod) => void labels.set(pod.name, pod.labels),
      deleted: (pod) => void labels.delete(pod.name),
      connected: (is, why) => {
        watches = is
        if (why) interruptions.push(why.reason)
      },
      steady: () => {},
      begins: () => {},
    },
    { clock, random: Math.random },
    end.signal,
  )
  return {
    interruptions,
    told,
    knows: (pod: string) => labels.has(pod),
    connected: () => until('a watch', () => watches || undefined, SLOW),
    /** Resolves when the pod's label `mark` is seen to have this value. */
    sees: (pod: string, mark: string) =>
      until(`${pod} with mark ${mark}`, () => labels.get(pod)?.mark === mark || undefined, SLOW),
    end: () => {
      end.abort()
      return following
    },
  }
}

describe.skipIf(!cluster)('a watch through a proxy', LONG, () => {
  let world: OnCluster
  let proxy: TcpProxy
  let followed: ReturnType<typeof followPods>

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>, WATCH_RIGHTS)
    await world.addPod('helloworld-0')
    const way = await throughProxy(world.kubeconfig)
    proxy = way.proxy
    followed = followPods(way.kubeconfig, world.namespace)
    await followed.connected()
    await world.label('helloworld-0', { mark: 'first' })
    await followed.sees('helloworld-0', 'first')
  })
  afterEach(async () => {
    await followed.end()
    await proxy.close()
    await world.close()
  })

  it('goes on where it was when the connection is cut, without a list', async () => {
    for (const mark of ['second', 'third']) {
      proxy.cut()
      await world.label('helloworld-0', { mark })
      await followed.sees('helloworld-0', mark)
    }
    expect(followed.interruptions).toContain('failed')
    expect(followed.told.lists).toBe(1)
  })

  it('is left and begun again when its connection lets nothing through any more', async () => {
    proxy.hold()
    await world.label('helloworld-0', { mark: 'second' })
    await followed.sees('helloworld-0', 'second')
    expect(followed.interruptions).toContain('silent')
  })
})

describe.skipIf(!cluster || !findBinaries())('a watch of an API server that is restarted', LONG, () => {
  it('lists again what it was told nothing of', async () => {
    const plane = await startControlPlane()
    const namespace = 'restarted'
    await createNamespace(plane.kubeconfig, namespace)
    const admin = kube(plane.kubeconfig)
    const pods = `/api/v1/namespaces/${namespace}/pods`
    const mark = (name: string, mark: string) => admin.patch(`${pods}/${name}`, { metadata: { labels: { mark } } })
    for (const name of ['a', 'b']) {
      await admin.post(pods, {
        metadata: { name },
        spec: { schedulerName: 'none', containers: [{ name, image: name }] },
      })
    }
    const { proxy, kubeconfig } = await throughProxy(plane.kubeconfig)
    const followed = followPods(kubeconfig, namespace)
    try {
      await followed.connected()
      await mark('a', 'first')
      await followed.sees('a', 'first')
      // A server knows nothing of what was before its start: of this neither it nor the watch will tell.
      proxy.hold()
      await mark('a', 'second')
      await admin.delete(`${pods}/b`)
      await plane.stopApiServer()
      await until('an attempt that nobody answers', () => followed.interruptions.includes('failed') || undefined, SLOW)
      await plane.startApiServer()
      await followed.sees('a', 'second')
      expect(followed.knows('b')).toBe(false)
      expect(followed.interruptions).toContain('expired')
      expect(followed.told.lists).toBeGreaterThan(1)
      await mark('a', 'third')
      await followed.sees('a', 'third')
    } finally {
      await followed.end()
      await proxy.close()
      await plane.stop()
    }
  })
})

describe.skipIf(!cluster)('serve --watch on a real API server', LONG, () => {
  let world: OnCluster
  let replica: Replica | undefined
  /** What it has asked for, and its passes, before a test begins. */
  let before: number
  let passesBefore: number

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>, WATCH_RIGHTS)
    await world.addService({ name: 'helloworld' })
    await world.addService({ name: 'other', selector: { ...OTHER, role: 'active' } })
    for (const name of ['helloworld-0', 'helloworld-1']) await world.addPod(name)
    for (const name of ['other-0', 'other-1']) await world.addPod(name, 'ok', { labels: OTHER })
    await world.run()
  })
  afterEach(async () => {
    const run = await replica?.stop()
    replica = undefined
    await world.close()
    expect(run).toMatchObject({ code: 0, stderr: expect.not.stringContaining('defect') })
  })

  /** Starts it, and waits until it watches and has nothing to do. */
  const serve = async (): Promise<Replica> => {
    const started = await startReplica(['--watch'], { KUBECONFIG: world.kubeconfig })
    replica = started
    for (const resource of ['services', 'pods']) {
      const watches = () => started.metric('active_passive_watch_connected', { resource })
      await until(`the watch of ${resource}`, async () => ((await watches()) === 1 ? true : undefined), SLOW)
    }
    await until('the first round', async () => ((await passes(started)) > 0 ? true : undefined), SLOW)
    before = await requests(started)
    passesBefore = await passes(started)
    await world.takeRequests()
    return started
  }
  const requests = (of: Replica) => of.metric('active_passive_api_requests_total')
  const passes = (of: Replica) => of.metric('active_passive_passes_total')
  const expectActive = (...names: readonly string[]) =>
    until(
      `${names} active`,
      async () => {
        const actives = (await world.actives()).filter((name) => name.startsWith('helloworld'))
        const isHome = JSON.stringify(await world.service('helloworld')) === JSON.stringify(HOME)
        return (JSON.stringify(actives) === JSON.stringify(names) && isHome) || undefined
      },
      SLOW,
    )
  /** What was asked for, but for watches. */
  const asked = async () => (await world.takeRequests())?.filter((request) => !request.startsWith('watch'))

  it.each([
    ['is not Ready any more', (world: OnCluster) => world.setStatus('helloworld-0', { ready: false })],
    ['is deleted', (world: OnCluster) => world.admin.delete(`${world.api}/pods/helloworld-0`)],
    [
      'is being deleted',
      async (world: OnCluster) => {
        const finalizers = ['example.com/hold']
        await world.admin.patch(`${world.api}/pods/helloworld-0`, { metadata: { finalizers } })
        await world.admin.delete(`${world.api}/pods/helloworld-0`)
      },
    ],
  ])('makes a pass for its group when the active pod %s', async (_name, fail) => {
    const started = await serve()
    await fail(world)
    await expectActive('helloworld-1')
    await until('the end of the pass', async () => ((await passes(started)) > passesBefore ? true : undefined), SLOW)
    const seen = await asked()
    if (seen) {
      expect(seen.slice(0, 2)).toEqual(['list services', 'list pods'])
      expect(seen.filter((request) => request.includes('other'))).toEqual([])
    }
    expect(await passes(started)).toBe(passesBefore + 1)
    expect(await world.labels('other-0')).toMatchObject({ role: 'active' })
    await world.admin.patch(`${world.api}/pods/helloworld-0`, { metadata: { finalizers: null } }).catch(() => undefined) // it may be gone
  })

  it('asks for nothing while nothing happens', async () => {
    const started = await serve()
    await sleep(3_000)
    expect(await requests(started)).toBe(before)
    expect((await world.takeRequests()) ?? []).toEqual([])
  })

  it('releases a claim that somebody has left, and repairs the labels', async () => {
    const [active] = (await world.pods()).filter(({ metadata }) => metadata.name === 'helloworld-0')
    const pin = { 'active-passive/pod': active?.metadata.uid, role: null }
    await serve()
    await world.admin.patch(`${world.api}/services/helloworld`, {
      metadata: { annotations: { 'active-passive/swap': 'somebody helloworld-1' } },
      spec: { selector: pin },
    })
    await world.label('helloworld-0', { role: 'passive' })
    await until(
      'no claim',
      async () => {
        const { annotations, selector } = await world.service('helloworld')
        return (!('active-passive/swap' in annotations) && selector.role === 'active') || undefined
      },
      SLOW,
    )
    await until('one active pod', async () => (await world.actives()).length === 2 || undefined, SLOW)
  })

  it('makes no pass for a swap of somebody else', async () => {
    const started = await serve()
    for (const name of ['helloworld-1', 'helloworld-0']) {
      await world.annotateService('helloworld', { 'active-passive/prefer': name, 'active-passive/failback': '0s' })
      expect((await world.run()).stdout).toContain(`Enabling ${name}`)
    }
    await sleep(2_000) // longer than a claim is left alone
    expect(await passes(started)).toBe(passesBefore)
    expect(await requests(started)).toBe(before)
  })
})

describe.skipIf(!cluster)('serve --watch without the right to watch', LONG, () => {
  it('says so once for each kind, and how to grant it', async () => {
    const world = await openNamespace(cluster as NonNullable<typeof cluster>, ALL_RIGHTS)
    const replica = await startReplica(['--watch'], { KUBECONFIG: world.kubeconfig })
    const failed = () => replica.metric('active_passive_watch_restarts_total', { reason: 'failed' })
    await until('several attempts', async () => ((await failed()) >= 6 ? true : undefined), SLOW)
    const { stderr } = await replica.stop()
    await world.close()
    for (const resource of ['pods', 'services']) {
      const complaints = stderr.split('\n').filter((line) => line.includes(` WARN watch: may not watch ${resource} `))
      expect(complaints).toHaveLength(1)
      expect(complaints[0]).toContain(`{apiGroups: [""], resources: [${resource}], verbs: [watch]}`)
    }
  })
})
