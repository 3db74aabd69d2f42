// Other people's Services in the namespace: they stop no group, and nobody writes to them.
import { beforeEach, describe, expect, inject, it } from 'vitest'
import { CLAIM, MANAGED, PIN } from '../../handler/kube/keys.js'
import type { KubeList } from '../support/cluster/client.js'
import { kubectlFor } from '../support/kubectl.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import type { TestServer } from '../support/servers.js'

const cluster = inject('cluster')
const FAST = ['--failures', '1']
const ACTIVE = { role: 'active' }
const PASSIVE = { role: 'passive' }
const CLAIMED_BY = { [CLAIM]: 'f00d helloworld-0' }
const SENSELESS = { 'active-passive/failures': 'many' }

describe.skipIf(!cluster)('in a namespace of many,', { timeout: 60_000 }, () => {
  let world: OnCluster
  let pods: readonly TestServer[]

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    const labels = { tier: 'backend' }
    pods = [await world.addPod('helloworld-0', 'ok', { labels }), await world.addPod('helloworld-1', 'ok', { labels })]
    await world.addService({ name: 'helloworld' })
    expect(await world.run()).toMatchObject({ code: 0 })
    expect(await world.actives()).toEqual(['helloworld-0'])
    return () => world.close()
  })

  const uidOf = async (pod: string) => (await world.admin.get(`${world.api}/pods/${pod}`)).metadata.uid ?? ''

  /** The group fails over as if it were alone, and these Services are as they were, to the version. */
  const expectLeftAlone = async (strangers: readonly string[]) => {
    const stored = () => Promise.all(strangers.map((name) => world.admin.get(`${world.api}/services/${name}`)))
    const before = await stored()
    await pods[0]?.behave('error')
    const { code, groups, warnings } = await world.report(FAST)
    expect(groups).toMatchObject([
      { services: ['helloworld'], decision: 'failover', active: { after: 'helloworld-1' }, latch: 'latched' },
    ])
    expect(groups[0]?.error).toBeUndefined()
    expect(code).toBe(0)
    await pods[0]?.behave('ok')
    expect(await world.run(FAST)).toMatchObject({ code: 0 })
    expect(await world.actives()).toEqual(['helloworld-1'])
    expect(await stored()).toEqual(before)
    return warnings
  }

  it('a Service that leads to no pods is ignored, whatever its selector and its annotations say', async () => {
    const spec = { type: 'ExternalName', externalName: 'db.old.example.com' }
    const overlapping = { tier: 'backend', ...ACTIVE }
    await world.addService({ name: 'leftover', selector: overlapping, spec })
    await world.addService({ name: 'claimed', selector: overlapping, annotations: CLAIMED_BY, spec })
    await world.addService({ name: 'pinned', selector: { tier: 'backend', [PIN]: 'f00d' }, spec })
    await world.addService({ name: 'paused', annotations: { 'active-passive/pause': 'true' }, spec })
    await world.addService({ name: 'wide', selector: ACTIVE, annotations: SENSELESS, spec })
    expect(await expectLeftAlone(['leftover', 'claimed', 'pinned', 'paused', 'wide'])).toEqual([])
  })

  it('a Service that is being deleted is ignored, for as long as a finalizer holds it', async () => {
    const drafts = {
      overlapping: { selector: { tier: 'backend', ...ACTIVE } },
      paused: { annotations: { 'active-passive/pause': 'true' } },
      senseless: { annotations: SENSELESS },
      claimed: { selector: { app: 'helloworld', [PIN]: 'f00d' }, annotations: CLAIMED_BY },
    }
    for (const [name, draft] of Object.entries(drafts)) {
      await world.addService({ name, ...draft })
      await world.admin.patch(`${world.api}/services/${name}`, { metadata: { finalizers: ['example.com/wait'] } })
      await world.admin.delete(`${world.api}/services/${name}`)
    }
    expect(await expectLeftAlone(Object.keys(drafts))).toEqual([])
    for (const name of Object.keys(drafts)) {
      await world.admin.patch(`${world.api}/services/${name}`, { metadata: { finalizers: null } })
    }
  })

  it('what kubectl expose makes of a pod, with all the labels that the pod has, is left alone', async () => {
    const kubectl = kubectlFor((cluster as NonNullable<typeof cluster>).kubeconfig)
    for (const pod of ['helloworld-0', 'helloworld-1']) {
      await kubectl('expose', 'pod', pod, '--name', `debug-${pod}`, '--port', '80', '-n', world.namespace)
      const { selector } = await world.service(`debug-${pod}`)
      expect(selector).toMatchObject({ [PIN]: await uidOf(pod), role: expect.any(String) })
    }
    const warnings = await expectLeftAlone(['debug-helloworld-0', 'debug-helloworld-1'])
    expect(warnings).toEqual([expect.stringMatching(/debug-helloworld-0 has active-passive\/pod.*left alone/)])
  })

  it('a Service that was made of the labels of a controller’s pod is left alone while that of the group is away', async () => {
    const ofOnePod = { 'pod-template-hash': '5d4f', ...ACTIVE, [PIN]: await uidOf('helloworld-0') }
    await world.addService({ name: 'debug', selector: { app: 'helloworld', ...ofOnePod } })
    await world.admin.delete(`${world.api}/services/helloworld`)
    expect(await world.report(FAST)).toMatchObject({ groups: [] })
    await world.addService({ name: 'helloworld' })
    await expectLeftAlone(['debug'])
  })

  it('a Service for the standbys keeps its role, and one for a single pod its pin', async () => {
    const standbys = { app: 'helloworld', ...PASSIVE }
    await world.addService({ name: 'standbys', selector: standbys })
    await world.addService({ name: 'standbys-claimed', selector: standbys, annotations: CLAIMED_BY })
    await world.addService({ name: 'one-standby', selector: { ...standbys, [PIN]: await uidOf('helloworld-1') } })
    await world.addService({ name: 'one-pod', selector: { [PIN]: await uidOf('helloworld-0') } })
    await expectLeftAlone(['standbys', 'standbys-claimed', 'one-standby', 'one-pod'])
  })

  it('a Service that has a claim among its annotations, copied from another, keeps its selector', async () => {
    const strangers = { copied: { app: 'other' }, 'all-pods': { app: 'helloworld' }, wide: { tier: 'backend' } }
    for (const [name, selector] of Object.entries(strangers)) {
      await world.addService({ name, selector, annotations: CLAIMED_BY })
    }
    await pods[0]?.behave('error')
    const { code, groups } = await world.report(FAST)
    expect(groups).toMatchObject([
      { services: ['helloworld'], decision: 'failover', latch: 'latched' },
      { services: ['copied'], reason: { text: 'the Service is not managed any more' } },
      { services: ['wide'], reason: { text: 'the Service is not managed any more' } },
    ])
    expect(code).toBe(0)
    for (const [name, selector] of Object.entries(strangers)) {
      expect(await world.service(name)).toEqual({ selector, annotations: {} })
    }
  })

  it.each([
    ['with', CLAIMED_BY],
    ['without', {}],
  ])(
    'the group’s own Service that is pinned in place of its role, %s a claim, gets the role back',
    async (_how, annotations) => {
      await world.admin.patch(`${world.api}/services/helloworld`, {
        metadata: { annotations },
        spec: { selector: { role: null, [PIN]: 'f00d' } },
      })
      const { groups } = await world.report(FAST)
      expect(groups).toMatchObject([{ services: ['helloworld'], active: { after: 'helloworld-0' } }])
      expect((await world.service('helloworld')).selector).toEqual({ app: 'helloworld', ...ACTIVE })
    },
  )

  it('what has not opted in is left alone and named, and is nobody’s rival; the annotation on one holds for its group', async () => {
    const stored = async () => [await world.pods(), (await world.admin.get<KubeList>(`${world.api}/services`)).items]
    await world.addService({ name: 'blue', selector: { tier: 'backend', ...ACTIVE } })
    await world.addService({ name: 'helloworld-metrics' })
    const OPT_IN = [...FAST, '--opt-in']
    await pods[0]?.behave('error')
    const before = await stored()
    const unasked = await world.report(OPT_IN)
    expect(unasked.groups).toEqual([])
    expect(unasked.warnings).toEqual([
      expect.stringMatching(
        /blue is not annotated with .*overwrite.* The same goes for helloworld, helloworld-metrics$/,
      ),
      expect.stringMatching(/none of its Services \(3\) is managed.*annotated with .*managed: "true" \(--opt-in\)/),
    ])
    const [named] = (await world.report([...OPT_IN, '--service', 'helloworld'])).groups
    expect(named?.error).toMatchObject({ code: 'not-found', message: expect.stringContaining('not annotated with') })
    expect(await stored()).toEqual(before)

    await world.annotateService('helloworld', { [MANAGED]: 'true' })
    const [blue] = await Promise.all([world.admin.get(`${world.api}/services/blue`), world.takeRequests()])
    expect(await world.report(OPT_IN)).toMatchObject({
      code: 0,
      groups: [
        { services: ['helloworld', 'helloworld-metrics'], decision: 'failover', active: { after: 'helloworld-1' } },
      ],
      warnings: [expect.stringMatching(/blue is not annotated with[^;]*managed=true$/)],
    })
    const requests = (await world.takeRequests()) ?? ['patch services/helloworld-metrics']
    expect(requests).toContain('patch services/helloworld-metrics')
    expect(await world.admin.get(`${world.api}/services/blue`)).toEqual(blue)
  })

  it('a claim on what has not opted in is taken off, and its pods are not written to', async () => {
    await world.annotateService('helloworld', CLAIMED_BY)
    await pods[0]?.behave('error')
    const before = await world.pods()
    await world.report([...FAST, '--opt-in'])
    expect(await world.service('helloworld')).toMatchObject({ selector: { app: 'helloworld', ...ACTIVE } })
    expect((await world.service('helloworld')).annotations).not.toHaveProperty(CLAIM)
    expect(await world.pods()).toEqual(before)

    await world.annotateService('helloworld', CLAIMED_BY)
    await world.addService({
      name: 'web',
      selector: { tier: 'backend', ...ACTIVE },
      annotations: { [MANAGED]: 'true' },
    })
    const { groups } = await world.report([...FAST, '--opt-in'])
    expect(groups).toMatchObject([
      { services: ['helloworld'], reason: { text: 'the Service is not managed any more' } },
      { services: ['web'], decision: 'failover', active: { after: 'helloworld-1' } },
    ])
  })

  it('the kubelet is believed of a standby that only our check finds unhealthy, once the active is not Ready', async () => {
    await pods[0]?.behave('error')
    await pods[1]?.behave('error')
    expect(await world.report(FAST)).toMatchObject({ code: 1, group: { reason: { code: 'no-candidate' } } })
    await world.setStatus('helloworld-0', { ready: false })
    expect(await world.report(FAST)).toMatchObject({
      code: 1, // it fails our check still
      group: {
        decision: 'failover',
        reason: { code: 'ready-by-kubelet', text: expect.stringContaining('Ready by its readinessProbe') },
        active: { after: 'helloworld-1' },
      },
    })
    expect(await world.report(FAST)).toMatchObject({ group: { active: { after: 'helloworld-1' } } })
  })
})
