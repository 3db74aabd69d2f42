import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import type { KubeList, KubeObject } from '../support/cluster/client.js'
import { until } from '../support/cluster/poll.js'
import { startTraffic } from '../support/node/client-traffic.js'
import type { Node } from '../support/node/node.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'
import { type DemoPod, type NodeWorld, openNodeWorld, withoutSleep } from '../support/on-node.js'
import { testCommandsInPods } from './commands-in-pods.js'

/** Until it is told otherwise; and a pass that was missed meanwhile is made then. */
const suspended = {
  target: { kind: 'CronJob' },
  patch: JSON.stringify([
    { op: 'add', path: '/spec/suspend', value: true },
    { op: 'replace', path: '/spec/startingDeadlineSeconds', value: 120 },
  ]),
}

const images = inject('images')
const demo = 'statefulset'

interface Job extends KubeObject {
  readonly status: { readonly conditions?: readonly { readonly type: string }[] }
}

let cluster: NodeCluster
beforeAll(async () => {
  if (images) cluster = await startCluster({ nodes: 2, images })
})
afterAll(() => cluster?.stop())

// On the same cluster, before its nodes get into trouble.
describe.skipIf(!images)('checks that are commands', () => testCommandsInPods(() => cluster))

describe.skipIf(!images)('trouble with the node of the active pod', () => {
  let world: NodeWorld
  let active: DemoPod
  let node: Node

  beforeAll(async () => {
    world = await openNodeWorld(cluster, 'trouble')
    await world.applyDemo(demo, { patches: [withoutSleep] })
  })

  beforeEach(async () => {
    await world.settled(demo)
    const { code, stdout } = await world.pass()
    expect(code, stdout).toBe(0)
    active = (await world.active(demo)) as DemoPod
    node = cluster.nodes.find(({ name }) => name === active.node) as Node
  })

  const signal = async (name: 'STOP' | 'CONT') =>
    node.machine.exec('sh', '-c', `kill -${name} ${await node.pidOf(active.containerId)}`)

  const expectMoved = async (stdout: string) => {
    const now = await world.active(demo)
    expect(now?.name, stdout).toBeDefined()
    expect(now?.uid).not.toBe(active.uid)
    const traffic = await startTraffic(cluster.nodes[0].machine, { address: await world.clusterIp(demo) })
    await until('an answer of the new pod', () => traffic.samples.find(({ pod }) => pod === now?.name))
    await traffic.stop()
  }

  describe('whose process has stopped', () => {
    beforeEach(() => signal('STOP'))
    afterEach(() => signal('CONT'))

    it('moves the label: the pod does not answer', async () => {
      const { code, stdout } = await world.pass()
      expect(stdout).toContain('Active pod HTTP response: no answer within 2s')
      expect(code).toBe(0)
      await expectMoved(stdout)
    })
  })

  describe('whose network is cut', () => {
    let wire: string
    const set = (state: 'up' | 'down') => node.machine.exec('ip', 'link', 'set', wire, state)
    beforeEach(async () => {
      wire = /dev (\S+)/.exec(await node.machine.exec('ip', 'route', 'get', active.ip))?.[1] as string
      await set('down')
    })
    afterEach(async () => {
      await set('up')
      // The kernel forgets the routes of a link that goes down; the network plugin wrote them once.
      await node.machine.exec('ip', 'route', 'replace', `${active.ip}/32`, 'dev', wire, 'scope', 'host')
    })

    it('moves the label: the pod cannot be reached', async () => {
      const { code, stdout } = await world.pass()
      expect(code, stdout).toBe(0)
      await expectMoved(stdout)
    })
  })

  describe('whose kubelet has stopped', () => {
    beforeEach(() => node.stopKubelet())
    afterEach(() => node.startKubelet())

    it('keeps the pod: it is still Ready, and it answers', async () => {
      const { code, stdout } = await world.pass()
      expect(stdout).toContain('Active node passed healthcheck')
      expect(code).toBe(0)
      expect((await world.active(demo))?.uid).toBe(active.uid)
    })

    it('moves the label at once when the node controller has given the node up', async () => {
      await signal('STOP')
      await until(
        `${active.name} not Ready by the node controller's word`,
        async () => (await world.pods(demo)).find(({ uid, ready }) => uid === active.uid && !ready),
        { timeoutMs: 90_000, everyMs: 250 },
      )
      const { code, stdout } = await world.pass()
      await signal('CONT')
      expect(stdout).toContain(`Reason: ${active.name} is not Ready`)
      expect(code).toBe(0)
      await expectMoved(stdout)
    })
  })

  describe('that dies with a pass on it', () => {
    const jobs = async () =>
      (await world.api.get<KubeList<Job>>('/apis/batch/v1/namespaces/trouble/jobs')).items.map(
        ({ metadata, status }) => ({
          name: metadata.name,
          complete: status.conditions?.some(({ type }) => type === 'Complete') ?? false,
        }),
      )
    const untilJob = (what: string, wanted: (all: Awaited<ReturnType<typeof jobs>>) => boolean) =>
      until(what, async () => (wanted(await jobs()) ? true : undefined), { timeoutMs: 90_000, everyMs: 250 })

    let other: Node
    afterEach(async () => {
      await world.kubectl('uncordon', other.name)
      await node.startKubelet()
    })

    it('does not hold up the next pass', { timeout: 300_000 }, async () => {
      other = cluster.nodes.find(({ name }) => name !== node.name) as Node
      const minute = () => new Date().getMinutes()
      const applied = minute()
      await world.apply({ resources: ['jobs/cronjob'], patches: [suspended] })
      await world.kubectl('cordon', other.name)
      await until('a minute that is missed', () => minute() !== applied || undefined, { timeoutMs: 60_000 })
      await node.stopKubelet()
      // What was missed is made up for at once: the scheduler takes the node for a good one for some seconds more.
      await world.kubectl('patch', 'cronjob', 'active-passive', '-n', 'trouble', '-p', '{"spec":{"suspend":false}}')
      await untilJob('a pass whose pod never starts', (all) => all.length === 1)
      await world.kubectl('uncordon', other.name)
      await untilJob('another pass, that completes', (all) => all.some(({ complete }) => complete))
      expect((await jobs()).filter(({ complete }) => !complete)).toHaveLength(1)
    })
  })
})
