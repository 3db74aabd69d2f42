// An admission policy that changes what is written: the API server's 200 is then not what was asked for.
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { CLAIM, EPOCH, FAILURES, PIN } from '../../handler/kube/keys.js'
import { changeUpdates, type MutatingPolicyDraft, type Policy } from '../support/admission-policies.js'
import { isTestedSince } from '../support/cluster/binaries.js'
import { type Observer, observe } from '../support/cluster/observer.js'
import { type JsonRun, type OnCluster, openNamespace } from '../support/on-cluster.js'
import type { TestServer } from '../support/servers.js'

const cluster = inject('cluster')
const FAST = ['--failures', '1', '--deadline', '15s']
const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }
/** A pass that goes round in circles makes hundreds. */
const FEW_REQUESTS = 40

// Before 1.36 there is no MutatingAdmissionPolicy by default.
describe.skipIf(!cluster || !isTestedSince('1.36'))('admission that changes a write', { timeout: 60_000 }, () => {
  let world: OnCluster
  let pods: readonly TestServer[]
  let observer: Observer

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    pods = [await world.addPod('helloworld-0'), await world.addPod('helloworld-1')]
    observer = await observe((cluster as NonNullable<typeof cluster>).kubeconfig, world.namespace)
  })
  afterEach(async () => {
    await observer.caughtUp()
    const { instantsWithTwoActives, instantsWhenServiceSelectsTwo } = observer
    await observer.stop()
    await world.close()
    expect(instantsWithTwoActives).toEqual([])
    expect(instantsWhenServiceSelectsTwo).toEqual([])
  })

  /** The fault is named: object, field, and whose hand it was. */
  const expectNamed = ({ code, group, requests }: JsonRun, object: string, field: string) => {
    const { error } = group
    const said = [`${error?.object}: ${error?.message}. ${error?.remedy}`, ...group.warnings].join('\n')
    expect(said).toContain('changed by admission')
    expect(said).toContain(object)
    expect(said).toContain(field)
    expect(error?.code).toBe('changed-by-admission')
    expect([1, 3]).toContain(code)
    expect(requests).toBeLessThan(FEW_REQUESTS)
  }
  /** Once nobody changes writes, a pass or two put everything right. */
  const expectRightWithout = async (policy: Policy, active: unknown) => {
    await policy.remove()
    await world.run(FAST)
    expect(await world.run(FAST)).toMatchObject({ code: 0 })
    expect(await world.actives()).toEqual([active])
    expect(await world.service('helloworld')).toEqual(HOME)
  }

  const onPods = (draft: Omit<MutatingPolicyDraft, 'resource'>) => changeUpdates(world, { ...draft, resource: 'pods' })
  const onServices = (draft: Omit<MutatingPolicyDraft, 'resource'>) =>
    changeUpdates(world, { ...draft, resource: 'services' })

  /** Gives these pods the role back that they had. */
  const keepRole = (which: string, trialOn: string) =>
    onPods({
      condition: `has(oldObject.metadata.labels) && 'role' in oldObject.metadata.labels && (${which})`,
      patches: `[JSONPatch{op: "add", path: "/metadata/labels/role", value: oldObject.metadata.labels['role']}]`,
      trial: { object: `pods/${trialOn}`, patch: { metadata: { labels: { role: 'other' } } } },
      isChanged: ({ metadata }) => metadata.labels?.role !== 'other',
    })
  const stripAnnotation = (from: typeof onPods, key: string, object: string) =>
    from({
      condition: `has(object.metadata.annotations) && '${key}' in object.metadata.annotations`,
      patches: `[JSONPatch{op: "remove", path: "/metadata/annotations/" + jsonpatch.escapeKey('${key}')}]`,
      trial: { object, patch: { metadata: { annotations: { [key]: '1 other' } } } },
      isChanged: ({ metadata }) => metadata.annotations?.[key] === undefined,
    })

  it.each([
    ['of every pod: its role is given back, and nothing moves', 'true'],
    ['of the active pod: it cannot be sealed, and no other is promoted', 'object.metadata.name == "helloworld-0"'],
  ])('%s', async (_what, condition) => {
    await world.run()
    const policy = await keepRole(condition, 'helloworld-0')
    await pods[0]?.behave('error')
    for (let pass = 0; pass < 2; pass++) {
      expectNamed(await world.report(FAST), 'helloworld-0', 'role')
      expect(await world.actives()).toEqual(['helloworld-0'])
      expect(await world.service('helloworld')).toEqual(HOME)
    }
    await expectRightWithout(policy, 'helloworld-1')
  })

  it('of the winner: its promotion is named, and the Service is as its user wrote it', async () => {
    await world.run()
    const policy = await keepRole('object.metadata.name == "helloworld-1"', 'helloworld-1')
    await pods[0]?.behave('error')
    for (let pass = 0; pass < 2; pass++) {
      expectNamed(await world.report(FAST), 'helloworld-1', 'role')
      expect(await world.actives()).not.toContain('helloworld-1')
      expect(await world.service('helloworld')).toEqual(HOME)
    }
    await expectRightWithout(policy, 'helloworld-1')
  })

  it('of the first active: its promotion is named', async () => {
    const policy = await onPods({
      condition: `has(object.metadata.labels) && 'role' in object.metadata.labels && object.metadata.labels['role'] == 'active'`,
      patches: `[JSONPatch{op: "remove", path: "/metadata/labels/role"}]`,
      trial: { object: 'pods/helloworld-0', patch: { metadata: { labels: { role: 'active' } } } },
      isChanged: ({ metadata }) => metadata.labels?.role === undefined,
    })
    expectNamed(await world.report(), 'helloworld-0', 'role')
    expect(await world.actives()).toEqual([])
    await expectRightWithout(policy, expect.any(String))
  })

  it('of pods whose epoch is taken away: nothing is promoted without it', async () => {
    await world.run()
    const policy = await stripAnnotation(onPods, EPOCH, 'pods/helloworld-1')
    await pods[0]?.behave('error')
    for (let pass = 0; pass < 2; pass++) expectNamed(await world.report(FAST), 'helloworld-', EPOCH)
    expect(await world.service('helloworld')).toEqual(HOME)
    await expectRightWithout(policy, 'helloworld-1')
  })

  it('of pods whose failures are taken away: that they cannot be counted is named', async () => {
    await world.run()
    await stripAnnotation(onPods, FAILURES, 'pods/helloworld-1')
    await pods[0]?.behave('error')
    expectNamed(await world.report(['--probes', '1']), 'helloworld-0', FAILURES)
    expect(await world.actives()).toEqual(['helloworld-0'])
  })

  it('of pods whose pin is taken away: it is named, and the Service is as its user wrote it', async () => {
    await world.run()
    await onPods({
      condition: `has(object.metadata.labels) && '${PIN}' in object.metadata.labels`,
      patches: `[JSONPatch{op: "remove", path: "/metadata/labels/" + jsonpatch.escapeKey('${PIN}')}]`,
      trial: { object: 'pods/helloworld-1', patch: { metadata: { labels: { [PIN]: 'trial' } } } },
      isChanged: ({ metadata }) => metadata.labels?.[PIN] === undefined,
    })
    await pods[0]?.behave('error')
    for (let pass = 0; pass < 2; pass++) {
      expectNamed(await world.report(FAST), 'helloworld-', PIN)
      expect(await world.service('helloworld')).toEqual(HOME)
    }
  })

  it('of the Service whose claim is taken away: it is named, and keeps its selector', async () => {
    await world.run()
    await stripAnnotation(onServices, CLAIM, 'services/helloworld')
    await pods[0]?.behave('error')
    for (let pass = 0; pass < 2; pass++) {
      await pods[0]?.behave((await world.actives()).includes('helloworld-0') ? 'error' : 'ok')
      await pods[1]?.behave((await world.actives()).includes('helloworld-1') ? 'error' : 'ok')
      expectNamed(await world.report(FAST), 'helloworld', CLAIM)
      expect(await world.service('helloworld')).toEqual(HOME)
      expect(await world.actives()).toHaveLength(1)
    }
  })

  it('of the Service whose pin is given back: its release is named', async () => {
    await world.run()
    // A Service that is pinned already, to try the policy on.
    await world.addService({ name: 'trial', selector: { app: 'trial', [PIN]: 'trial' } })
    const policy = await onServices({
      condition: `'${PIN}' in oldObject.spec.selector && !('${PIN}' in object.spec.selector)`,
      patches: `[JSONPatch{op: "replace", path: "/spec/selector", value: oldObject.spec.selector}]`,
      trial: { object: 'services/trial', patch: { spec: { selector: { [PIN]: null } } } },
      isChanged: ({ spec }) => spec.selector?.[PIN] !== undefined,
    })
    await pods[0]?.behave('error')
    await world.admin.delete(`${world.api}/services/trial`)
    expectNamed(await world.report(FAST), 'helloworld', 'selector')
    expect((await world.report(FAST)).code).not.toBe(0)
    await world.addService({ name: 'trial', selector: { app: 'trial', [PIN]: 'trial' } })
    await policy.remove()
    await world.admin.delete(`${world.api}/services/trial`)
    await world.run(FAST)
    expect(await world.run(FAST)).toMatchObject({ code: 0 })
    expect(await world.service('helloworld')).toEqual(HOME)
    expect(await world.actives()).toHaveLength(1)
  })

  it('of a new passive pod: that it stays without a role is named', async () => {
    await world.run()
    await world.addPod('helloworld-2')
    const policy = await onPods({
      condition: `has(object.metadata.labels) && 'role' in object.metadata.labels &&
        !(has(oldObject.metadata.labels) && 'role' in oldObject.metadata.labels)`,
      patches: `[JSONPatch{op: "remove", path: "/metadata/labels/role"}]`,
      trial: { object: 'pods/helloworld-2', patch: { metadata: { labels: { role: 'passive' } } } },
      isChanged: ({ metadata }) => metadata.labels?.role === undefined,
    })
    for (let pass = 0; pass < 2; pass++) {
      expectNamed(await world.report(FAST), 'helloworld-2', 'role')
      expect(await world.actives()).toEqual(['helloworld-0'])
    }
    await expectRightWithout(policy, 'helloworld-0')
    expect(await world.labels('helloworld-2')).toMatchObject({ role: 'passive' })
  })

  it('and touches nothing of ours is none of our business', async () => {
    await onPods({
      condition: 'true',
      patches: `[JSONPatch{op: "add", path: "/metadata/labels/team", value: "a"}]`,
      trial: { object: 'pods/helloworld-0', patch: { metadata: { annotations: { tried: 'yes' } } } },
      isChanged: ({ metadata }) => metadata.labels?.team === 'a',
    })
    expect(await world.report()).toMatchObject({ code: 0, group: { decision: 'first', warnings: [] } })
    await pods[0]?.behave('error')
    expect(await world.report(FAST)).toMatchObject({ code: 0, group: { decision: 'failover', warnings: [] } })
    expect(await world.actives()).toEqual(['helloworld-1'])
  })
})
