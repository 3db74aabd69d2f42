// The Role of jobs/base: a pass needs all of it and nothing else. What happens without each of its rights.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { PIN } from '../../handler/kube/keys.js'
import type { Rule } from '../support/cluster/users.js'
import { repository } from '../support/handler.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'

const cluster = inject('cluster')
const FAST = ['--period', '50ms']
const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }

const role = load(readFileSync(join(repository, 'jobs/base/role.yaml'), 'utf8')) as { readonly rules: readonly Rule[] }
/** Its rights one by one. */
const RIGHTS = role.rules.flatMap((rule) =>
  rule.resources.flatMap((resource) =>
    rule.verbs.map((verb) => ({ verb, resource, rule: { ...rule, resources: [resource], verbs: [verb] } })),
  ),
)
const allBut = (verb: string, resource: string) =>
  RIGHTS.filter((right) => right.verb !== verb || right.resource !== resource).map(({ rule }) => rule)

describe.skipIf(!cluster)('node handler with the Role of jobs/base', () => {
  let world: OnCluster | undefined
  afterEach(() => world?.close())

  const open = async (rules: readonly Rule[]) => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>, rules)
    await world.addService({ name: 'helloworld' })
    return world
  }

  it('can do everything, and uses each right', async () => {
    const { addPod, run, report, labels, takeRequests } = await open(role.rules)
    const first = await addPod('helloworld-0')
    await addPod('helloworld-1')
    expect(await run()).toMatchObject({ code: 0, stderr: '' }) // makes a first pod active
    expect(await run()).toMatchObject({ code: 0, stderr: '' }) // is steady
    await first.behave('error')
    const { group, code } = await report(FAST)
    expect(group).toMatchObject({ decision: 'failover', latch: 'latched', warnings: [] })
    expect(code).toBe(0)
    await addPod('helloworld-2')
    expect(await run(FAST)).toMatchObject({ code: 0, stderr: '' })
    expect(await labels('helloworld-2')).toMatchObject({ role: 'passive' })

    const requests = await takeRequests()
    if (requests === undefined) return // a cluster without an audit log of ours
    expect(requests.filter((request) => / \d{3}$/.test(request))).toEqual([])
    const used = new Set(requests.map((request) => request.replace(/\/.*/, '')))
    expect(used).toEqual(new Set(RIGHTS.map(({ verb, resource }) => `${verb} ${resource}`)))
  })

  it.each([
    ['list', 'services'],
    ['list', 'pods'],
    ['patch', 'pods'],
  ])(
    'but for the right to %s %s, says so with the rule that would grant it, writes no pod, and exits 3',
    async (verb, resource) => {
      const { namespace, addPod, label, pods, run, service } = await open(allBut(verb, resource))
      const failing = await addPod('helloworld-0')
      await addPod('helloworld-1')
      const [active] = await pods()
      await label('helloworld-0', { role: 'active', [PIN]: active?.metadata.uid ?? '' })
      await failing.behave('error')
      const before = await pods()

      const { stdout, code } = await run(FAST)
      expect(stdout).toContain(`may not ${verb} ${resource} in namespace ${namespace}`)
      expect(stdout).toContain(`- {apiGroups: [""], resources: [${resource}], verbs: [${verb}]}`)
      expect(code).toBe(3)
      expect(await pods()).toEqual(before)
      expect(await service('helloworld')).toEqual(HOME)
    },
  )

  it('but for the right to patch services, swaps without the latch and says so, in 2 LISTs, 1 refused and 2 PATCHes, and an Event', async () => {
    const { addPod, run, report, takeRequests, actives, service } = await open(allBut('patch', 'services'))
    const first = await addPod('helloworld-0')
    await addPod('helloworld-1')
    await run()
    await first.behave('error')
    await takeRequests()
    const { group, code, requests } = await report(FAST)
    expect(requests).toBe(6)
    const audited = await takeRequests()
    if (audited !== undefined) {
      expect(audited).toEqual([
        ...['list services', 'list pods', 'patch services/helloworld 403'],
        ...['patch pods/helloworld-0', 'patch pods/helloworld-1', 'create events'],
      ])
    }
    expect(group).toMatchObject({ decision: 'failover', latch: 'refused' })
    expect(group.warnings.join()).toContain('- {apiGroups: [""], resources: [services], verbs: [patch]}')
    expect(code).toBe(0)
    expect(await actives()).toEqual(['helloworld-1'])
    expect(await service('helloworld')).toEqual(HOME)
  })

  it('but for the right to create events, swaps all the same, says so once, and exits 0', async () => {
    const { addPod, addService, run, report, takeRequests, actives } = await open(allBut('create', 'events'))
    await addService({ name: 'helloworld-too' })
    const first = await addPod('helloworld-0')
    await addPod('helloworld-1')
    await run()
    await first.behave('error')
    await takeRequests()
    const { group, code, warnings } = await report(FAST)
    expect(group).toMatchObject({ decision: 'failover', latch: 'latched', warnings: [] })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('no Events are written: may not create events.k8s.io/events in namespace')
    expect(warnings[0]).toContain('- {apiGroups: [events.k8s.io], resources: [events], verbs: [create]}')
    expect(code).toBe(0)
    expect(await actives()).toEqual(['helloworld-1'])
    const audited = await takeRequests()
    if (audited !== undefined) expect(new Set(audited.slice(-2))).toEqual(new Set(['create events 403']))
  })
})
