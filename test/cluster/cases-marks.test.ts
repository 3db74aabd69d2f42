// Our marks on pods: they count on the pod that they were written on, and on no other.
import { beforeEach, describe, expect, inject, it } from 'vitest'
import { ACTIVE_SINCE, EPOCH, PIN } from '../../handler/kube/keys.js'
import type { KubeObject } from '../support/cluster/client.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import type { TestServer } from '../support/servers.js'

const cluster = inject('cluster')
const FAST = ['--failures', '1']
const STEADY = ['list services', 'list pods']
const FOREIGN = '00000000-0000-4000-8000-000000000007'

describe.skipIf(!cluster)('marks', () => {
  let world: OnCluster
  let pods: readonly TestServer[]

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    pods = [await world.addPod('helloworld-0'), await world.addPod('helloworld-1')]
    return () => world.close()
  })

  const pod = (name: string) => world.admin.get(`${world.api}/pods/${name}`)
  const expectOwnPins = async () => {
    for (const { metadata } of await world.pods()) {
      expect([metadata.name, metadata.labels?.[PIN]]).toEqual([metadata.name, metadata.uid])
    }
  }
  const expectSteady = async () => {
    await world.takeRequests()
    expect(await world.run(FAST)).toMatchObject({ code: 0 })
    expect((await world.takeRequests()) ?? STEADY).toEqual(STEADY)
  }

  /** `helloworld-1`, so that it is not the first by name. */
  const makeSecondActive = async () => {
    await world.addService({ name: 'helloworld', annotations: { 'active-passive/prefer': 'helloworld-1' } })
    await world.run()
    await world.annotateService('helloworld', { 'active-passive/prefer': null })
    expect(await world.actives()).toEqual(['helloworld-1'])
  }

  /** A pod that runs, with these labels and annotations of the other. */
  const copy = async ({ metadata }: KubeObject, name: string, annotations = {}) => {
    const draft = { labels: metadata.labels ?? {}, annotations: { ...metadata.annotations, ...annotations } }
    return world.addPod(name, 'ok', draft)
  }

  it.each([
    ['its role and its pin', { role: null, [PIN]: null }],
    ['its role', { role: null }],
  ])('tell which pod was active when it has lost %s', async (_what, lost) => {
    await makeSecondActive()
    await world.label('helloworld-1', lost)
    const { code, group } = await world.report(FAST)
    expect(group).toMatchObject({ reason: { code: 'label-lost' }, active: { after: 'helloworld-1' } })
    expect(group.decision).not.toBe('failover')
    expect(code).toBe(0)
    expect(await world.actives()).toEqual(['helloworld-1'])
    await expectOwnPins()
    await expectSteady()
  })

  it('give no role back to a pod that has failed as well', async () => {
    await makeSecondActive()
    await world.label('helloworld-1', { role: null })
    await pods[1]?.behave('error')
    await world.report(FAST)
    await world.report(FAST)
    expect(await world.actives()).toEqual(['helloworld-0'])
  })

  it.each([
    ['as they are', {}],
    ['with a higher epoch', { [EPOCH]: '99' }],
  ])('are worth nothing on a copy of the active pod, %s', async (_how, annotations) => {
    await makeSecondActive()
    const original = await pod('helloworld-1')
    await copy(original, 'copy', annotations)
    await copy(original, 'helloworld-2', annotations)
    const { group } = await world.report(FAST)
    expect(group.active.after).toBe('helloworld-1')
    expect(await world.run(FAST)).toMatchObject({ code: 0 })
    expect(await world.actives()).toEqual(['helloworld-1'])
    await expectOwnPins()
    await expectSteady()
  })

  it('are worth nothing on a copy of the active pod whose own role was taken away', async () => {
    await makeSecondActive()
    const original = await pod('helloworld-1')
    await world.label('helloworld-1', { role: null })
    const { role: _role, ...labels } = original.metadata.labels ?? {}
    await copy({ ...original, metadata: { ...original.metadata, labels } }, 'copy', { [EPOCH]: '99' })
    await world.report(FAST)
    expect(await world.actives()).toEqual(['helloworld-1'])
  })

  it('are void on a pod that carries the pin of another, which gets its own', async () => {
    await world.addService({ name: 'helloworld' })
    await world.run()
    await world.label('helloworld-1', { [PIN]: FOREIGN })
    expect(await world.run(FAST)).toMatchObject({ code: 0 })
    expect(await world.actives()).toEqual(['helloworld-0'])
    await expectOwnPins()
    await expectSteady()
  })

  it('begin with the own pin of every pod, in the write that makes it passive', async () => {
    await world.addService({ name: 'helloworld' })
    expect(await world.run()).toMatchObject({ code: 0 })
    await expectOwnPins()
    await world.addPod('helloworld-2')
    await world.takeRequests()
    expect(await world.run(FAST)).toMatchObject({ code: 0 })
    const requests = await world.takeRequests()
    if (requests) expect(requests).toEqual([...STEADY, 'patch pods/helloworld-2'])
    expect(await world.labels('helloworld-2')).toMatchObject({ role: 'passive' })
    await expectOwnPins()
    await expectSteady()
  })

  it('of a backup that was restored leave the group with one active pod and pins of its own', async () => {
    const marks = (epoch: string) => ({ [EPOCH]: epoch, [ACTIVE_SINCE]: '2026-01-01T00:00:00.000Z' })
    for (const [name, role, epoch] of [
      ['restored-0', 'passive', '41'],
      ['restored-1', 'active', '41'],
      ['restored-2', 'passive', '40'],
    ] as const) {
      const labels = { app: 'restored', role, [PIN]: `${FOREIGN.slice(0, -1)}${name.at(-1)}` }
      await world.addPod(name, 'ok', { labels, annotations: marks(epoch) })
    }
    await world.addService({ name: 'restored', selector: { app: 'restored', role: 'active' } })
    await world.run(FAST)
    expect(await world.run(FAST)).toMatchObject({ code: 0 })
    expect(await world.actives()).toEqual(['restored-1'])
    for (const { metadata } of await world.pods()) {
      if (metadata.labels?.app === 'restored') expect(metadata.labels[PIN]).toBe(metadata.uid)
    }
    await expectSteady()
  })
})
