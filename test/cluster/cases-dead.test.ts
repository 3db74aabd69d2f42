// Pods that can never serve again: they have no say, and they cost nothing.
import { beforeEach, describe, expect, inject, it } from 'vitest'
import { refuseUpdates } from '../support/admission-policies.js'
import { until } from '../support/cluster/poll.js'
import { freePort } from '../support/cluster/ports.js'
import { inBatches } from '../support/in-batches.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { podDraft } from '../support/pods.js'
import type { TestServer } from '../support/servers.js'
import { addJob, startKubelet } from '../support/workloads.js'

const cluster = inject('cluster')
const FAST = ['--failures', '1']
const STEADY = ['list services', 'list pods']
/** A number that is found in a report by itself only. */
const EVICTED = 409
const EVICTION = { phase: 'Failed', reason: 'Evicted' }

describe.skipIf(!cluster)('a pod that has ended', { timeout: 60_000 }, () => {
  let world: OnCluster
  let pods: readonly TestServer[]

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    pods = [
      await world.addPod('helloworld-0', 'ok', { labels: { team: 'a' } }),
      await world.addPod('helloworld-1', 'ok', { labels: { team: 'a' } }),
    ]
    return () => world.close()
  })

  const server = (name: string) => pods.find((pod) => pod.name === name)
  const addDead = async (name: string, labels: Readonly<Record<string, string>> = {}, status: object = EVICTION) => {
    await world.admin.post(`${world.api}/pods`, podDraft({ name, port: 8080, labels }))
    await world.admin.patch(`${world.api}/pods/${name}/status`, { status })
  }
  /** The old active fails, and nobody else does. */
  const failOver = async (from: string, to: string) => {
    await Promise.all(pods.map((pod) => pod.behave(pod.name === from ? 'error' : 'ok')))
    await world.takeRequests()
    const run = await world.report(FAST)
    expect(await world.actives()).toEqual([to])
    return run
  }
  const patchesOf = async (name: string) =>
    ((await world.takeRequests()) ?? []).filter((request) => request.includes(`patch pods/${name}`))
  const denyUpdatesOf = (name: string, condition: string) =>
    refuseUpdates(world, {
      resource: 'pods',
      condition,
      trial: { object: `pods/${name}`, patch: { metadata: { annotations: { tried: 'yes' } } } },
    })

  it(`costs no more in ${EVICTED} than none`, async () => {
    const names = Array.from({ length: EVICTED }, (_, n) => `helloworld-evicted-${n}`)
    // Some had lived long enough to be labelled.
    await inBatches(names, 16, (name, n) => addDead(name, n % 3 === 0 ? { role: 'passive' } : {}))
    await world.takeRequests()
    const first = await world.report()
    expect(first).toMatchObject({ code: 0, group: { decision: 'first', active: { after: 'helloworld-0' } } })
    expect((await world.takeRequests())?.filter((request) => request.startsWith('patch')).length ?? 4).toBeLessThan(6)

    const { code, group } = await failOver('helloworld-0', 'helloworld-1')
    expect({ code, decision: group.decision }).toEqual({ code: 0, decision: 'failover' })
    const requests = await world.takeRequests()
    if (requests) {
      expect(requests.filter((request) => request.startsWith('patch'))).toEqual([
        ...['patch services/helloworld', 'patch pods/helloworld-0'],
        ...['patch pods/helloworld-1', 'patch services/helloworld'],
      ])
    }
    const steady = await world.run(FAST)
    expect(steady.code).toBe(0)
    expect(steady.stdout).toMatch(/\b409\b/)
    expect((await world.takeRequests()) ?? STEADY).toEqual(STEADY)
  })

  it('and may not be patched vetoes no failover', async () => {
    await addDead('helloworld-evicted')
    await denyUpdatesOf('helloworld-evicted', '!("team" in object.metadata.labels)')
    expect(await world.run()).toMatchObject({ code: 0 })
    expect(await failOver('helloworld-0', 'helloworld-1')).toMatchObject({ code: 0, group: { decision: 'failover' } })
    await server('helloworld-0')?.behave('ok')
    await world.admin.delete(`${world.api}/pods/helloworld-1`)
    expect(await world.report(FAST)).toMatchObject({ code: 0, group: { active: { after: 'helloworld-0' } } })
    expect(await world.actives()).toEqual(['helloworld-0'])
    expect(await patchesOf('helloworld-evicted')).toEqual([])
  })

  it('of a finished Job is not labelled', async () => {
    const port = await freePort()
    await addJob(world, 'migrate', { port, readinessProbe: null })
    await startKubelet(world, port).settle()
    const [job = ''] = (await world.pods())
      .map(({ metadata }) => metadata.name)
      .filter((name) => name.startsWith('mig'))
    await world.admin.patch(`${world.api}/pods/${job}/status`, { status: { phase: 'Succeeded' } })
    await until('the Job is complete', async () => {
      const path = `/apis/batch/v1/namespaces/${world.namespace}/jobs/migrate/status`
      const { status } = await world.admin.get<{ status: { succeeded?: number } }>(path)
      return status.succeeded === 1 || undefined
    })
    await world.takeRequests()
    expect(await world.run()).toMatchObject({ code: 0 })
    expect(await failOver('helloworld-0', 'helloworld-1')).toMatchObject({ code: 0 })
    expect(await world.labels(job)).not.toHaveProperty('role')
    expect(await patchesOf(job)).toEqual([])
  })

  it('as the active one gives way at once, and loses its label', async () => {
    await world.run()
    await world.admin.patch(`${world.api}/pods/helloworld-0/status`, { status: EVICTION })
    expect(await world.report(FAST)).toMatchObject({ code: 0, group: { active: { after: 'helloworld-1' } } })
    expect(await world.actives()).toContain('helloworld-1')
    expect(await world.report(FAST)).toMatchObject({ code: 0, group: { decision: 'keep' } })
    expect(await world.actives()).toEqual(['helloworld-1'])
    await world.takeRequests()
    expect(await world.run()).toMatchObject({ code: 0 })
    expect((await world.takeRequests()) ?? STEADY).toEqual(STEADY)
  })

  it.each([
    ['Failed', { phase: 'Failed', reason: 'Evicted' }],
    ['Succeeded', { phase: 'Succeeded' }],
  ])('as %s and still bears the role active is no second active', async (_phase, status) => {
    await world.run()
    await addDead('helloworld-2', {}, status)
    await world.label('helloworld-2', { role: 'active' })
    const { code, group } = await world.report(FAST)
    expect(group.reason.code).not.toBe('several-actives')
    expect(group.active.after).toBe('helloworld-0')
    expect(code).toBe(0)
    await world.run(FAST)
    expect(await world.actives()).toEqual(['helloworld-0'])
  })

  it('and keeps its role by a policy blocks nothing', async () => {
    await world.run()
    pods = [...pods, await world.addPod('helloworld-2', 'ok', { labels: { team: 'a' } })]
    await world.run()
    await world.admin.patch(`${world.api}/pods/helloworld-0/status`, { status: EVICTION })
    await denyUpdatesOf('helloworld-0', 'object.metadata.name == "helloworld-0"')
    expect(await world.report(FAST)).toMatchObject({ group: { active: { after: 'helloworld-1' } } })
    const live = async () => (await world.actives()).filter((name) => name !== 'helloworld-0')
    expect(await live()).toEqual(['helloworld-1'])
    const next = await world.report(FAST)
    expect(next.code).not.toBe(3)
    expect(next.group.decision).toBe('keep')
    await server('helloworld-1')?.behave('error')
    expect(await world.report(FAST)).toMatchObject({
      group: { decision: 'failover', active: { after: 'helloworld-2' } },
    })
    expect(await live()).toEqual(['helloworld-2'])
    await world.takeRequests()
    const { code, requests } = await world.report(FAST)
    expect(code).not.toBe(3)
    expect(requests).toBeLessThan(8)
  })
})
