// Which of several pods takes over: the one of which the most is known.
import { beforeEach, describe, expect, inject, it } from 'vitest'
import { until } from '../support/cluster/poll.js'
import { freePort } from '../support/cluster/ports.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import type { PodDraft } from '../support/pods.js'
import { addJob, addWorkload, startKubelet } from '../support/workloads.js'

const cluster = inject('cluster')
const FAST = ['--failures', '1']
const NO_PROBE = { readinessProbe: null }
/** Not run by us: the kubelet's word for it is Ready. */
const EXEC_PROBE = { readinessProbe: { exec: { command: ['check'] } } }

describe.skipIf(!cluster)('the pod that takes over', { timeout: 60_000 }, () => {
  let world: OnCluster
  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    return () => world.close()
  })

  /** The group's own active pod is `helloworld-0`; then the others come, and it fails. */
  const failBeside = async (others: Readonly<Record<string, Partial<PodDraft>>>, annotations = {}) => {
    await world.addService({ name: 'helloworld', annotations })
    const active = await world.addPod('helloworld-0')
    await world.run()
    for (const [name, draft] of Object.entries(others)) await world.addPod(name, 'ok', draft)
    await active.behave('error')
    return world.report(FAST)
  }

  it.each([
    ['a probe of its own that passed, before one without any probe', NO_PROBE, {}],
    ['a probe of its own that passed, before one of which only the kubelet knows', EXEC_PROBE, {}],
    ["the kubelet's word, before one without any probe", NO_PROBE, EXEC_PROBE],
  ])('has %s', async (_what, less, more) => {
    const { code, group } = await failBeside({ 'helloworld-1': less, 'helloworld-2': more })
    expect(group).toMatchObject({ decision: 'failover', active: { after: 'helloworld-2' } })
    expect(code).toBe(0)
    expect(await world.actives()).toEqual(['helloworld-2'])
  })

  it('is not the preferred one of which nothing is known', async () => {
    const { group } = await failBeside(
      { 'helloworld-1': NO_PROBE, 'helloworld-2': {} },
      { 'active-passive/prefer': 'helloworld-0,helloworld-1' },
    )
    expect(group.active.after).toBe('helloworld-2')
  })

  it('is the preferred one among those of which as much is known', async () => {
    const { group } = await failBeside(
      { 'helloworld-1': {}, 'helloworld-2': {} },
      { 'active-passive/prefer': 'helloworld-2' },
    )
    expect(group.active.after).toBe('helloworld-2')
  })

  it('may be one without a probe where there is no other, and the report does not say that it passed a check', async () => {
    const { code, group } = await failBeside({ 'helloworld-1': NO_PROBE })
    expect(group.active.after).toBe('helloworld-1')
    expect(code).toBe(0)
    expect(group.reason.text).not.toContain('helloworld-1 passed its check')
    expect(group.reason.text).toMatch(/probe/i)
  })

  it.each([
    ['without a probe', NO_PROBE],
    ['whose probe passes', {}],
  ])("is never a Job's pod %s", async (_what, probe) => {
    await world.addService({ name: 'helloworld' })
    const pods = [await world.addPod('helloworld-0'), await world.addPod('helloworld-1')]
    await world.run()
    const port = await freePort()
    await addJob(world, 'backfill', { port, ...probe })
    await startKubelet(world, port).settle()
    await pods[0]?.behave('error')
    const { group } = await world.report(FAST)
    expect(group).toMatchObject({ decision: 'failover', active: { after: 'helloworld-1' } })
    expect(await world.actives()).toEqual(['helloworld-1'])

    await pods[1]?.behave('error')
    expect(await world.report(FAST)).toMatchObject({ code: 1, group: { decision: 'blocked' } })
    expect(await world.actives()).toEqual(['helloworld-1'])
    await world.admin.delete(`${world.api}/pods/helloworld-1`)
    await world.report(FAST)
    expect(await world.actives()).toEqual(['helloworld-0'])
  })

  it('has the owner of the active one, though a canary of another Deployment is younger', async () => {
    const port = await freePort()
    await world.addService({ name: 'helloworld' })
    const part = (name: string) => ({
      name,
      selector: { part: name },
      template: { port, labels: { part: name } },
    })
    await addWorkload(world, 'deployments', { ...part('main'), replicas: 2 })
    const kubelet = startKubelet(world, port)
    await kubelet.settle()
    await world.run()
    const [active = ''] = await world.actives()
    await addWorkload(world, 'deployments', part('canary'))
    await kubelet.settle()
    await world.run()
    await kubelet.server(active).behave('error')
    const { group } = await world.report(FAST)
    expect(group).toMatchObject({
      decision: 'failover',
      active: { before: active, after: expect.stringMatching(/^main-/) },
    })

    // The canary is better than none.
    await kubelet.server(group.active.after ?? '').behave('error')
    expect((await world.report(FAST)).group.active.after).toMatch(/^canary-/)
  })

  it('is of the revision of the active pod: the youngest is a canary as long as a partition keeps it', async () => {
    const port = await freePort()
    await world.addService({ name: 'helloworld' })
    await addWorkload(world, 'statefulsets', {
      name: 'helloworld',
      replicas: 3,
      template: { port },
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } },
    })
    const kubelet = startKubelet(world, port)
    await kubelet.settle()
    await world.run()
    expect(await world.actives()).toEqual(['helloworld-0'])
    await aSecondLater()
    await renewLast()
    await world.setStatus('helloworld-2', { ip: kubelet.server('helloworld-2').host })
    await kubelet.server('helloworld-0').behave('error')
    expect((await world.report(FAST)).group.active).toEqual({ before: 'helloworld-0', after: 'helloworld-1' })
  })

  /** Times of creation have no finer grain. */
  const aSecondLater = async () => {
    const now = async () => {
      const path = `${world.api}/configmaps?dryRun=All`
      const object = await world.admin.post<{ metadata: { creationTimestamp: string } }>(path, {
        metadata: { name: 'clock' },
      })
      return object.metadata.creationTimestamp
    }
    const then = await now()
    await until("another second of the API server's clock", async () => (await now()) > then || undefined)
  }

  /** The StatefulSet's template changes, and with it the last of its pods. */
  const renewLast = async () => {
    const before = (await world.admin.get(`${world.api}/pods/helloworld-2`)).metadata.uid
    const template = { metadata: { annotations: { revision: '2' } } }
    const path = `/apis/apps/v1/namespaces/${world.namespace}/statefulsets/helloworld`
    await world.admin.patch(path, { spec: { template } })
    await until('the last pod is another', async () => {
      const pod = (await world.pods()).find(({ metadata }) => metadata.name === 'helloworld-2')
      return (pod && pod.metadata.uid !== before) || undefined
    })
  }
})
