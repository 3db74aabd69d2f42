// jobs/policy as a user applies it, on a control plane of its own: admission policies hold for a whole cluster.
import { readFileSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { loadAll } from 'js-yaml'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CLAIM, DELETION_COST, EPOCH, HEALED, HISTORY, MANAGED, OWNER, PAUSE, PIN } from '../../handler/kube/keys.js'
import { findBinaries } from '../support/cluster/binaries.js'
import { ApiError, jsonPatch, type Kube, type KubeList, type KubeObject, kube } from '../support/cluster/client.js'
import { type ControlPlane, startControlPlane } from '../support/cluster/control-plane.js'
import { until } from '../support/cluster/poll.js'
import { freePort } from '../support/cluster/ports.js'
import { type Rule, serviceAccount } from '../support/cluster/users.js'
import { repository, startHandler } from '../support/handler.js'
import { type Kubectl, kubectlFor } from '../support/kubectl.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { withOverlay } from '../support/overlay.js'
import type { TestServer } from '../support/servers.js'
import {
  addTargets,
  anEvent,
  answerTo,
  CHANGES,
  DRY_RUN,
  EVENTS,
  eventsIn,
  OPERATION,
  OPERATIONS,
  requestsFor,
  statusOf,
  TOO_MANY_RIGHTS,
  UID,
} from './policy-attempts.js'

interface CronJobSpec {
  readonly jobTemplate?: {
    readonly spec: {
      readonly template: { readonly spec: { readonly containers: readonly { args: readonly string[] }[] } }
    }
  }
}
type Json = Readonly<Record<string, unknown>>

const policy = join(repository, 'jobs/policy')
const FAST = ['--period', '50ms', '--health-timeout', '1s']
const SERVE_RIGHTS = (
  loadAll(readFileSync(join(repository, 'jobs/serve/account.yaml'), 'utf8')) as { readonly rules?: readonly Rule[] }[]
).flatMap(({ rules }) => rules ?? [])
const SERVE_VERBS = ['list', 'patch', 'watch']
const EVENT_GROUP = 'events.k8s.io'
const POLICIES = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies'

/** Gives these pods to a ReplicaSet that wants as many. */
async function ownedByReplicaSet({ admin, namespace, api }: OnCluster, pods: readonly string[]): Promise<void> {
  const labels = { app: 'helloworld' }
  const { metadata } = await admin.post(`/apis/apps/v1/namespaces/${namespace}/replicasets`, {
    metadata: { name: 'helloworld' },
    spec: {
      replicas: pods.length,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'helloworld' }] } },
    },
  })
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'helloworld', uid: metadata.uid, controller: true }
  for (const pod of pods) await admin.patch(`${api}/pods/${pod}`, { metadata: { ownerReferences: [owner] } })
}

describe.skipIf(findBinaries() === undefined)('jobs/policy', { timeout: 60_000 }, () => {
  let cluster: ControlPlane
  let admin: Kube
  /** The attempts' objects; the handler's token there, and another one with the same rights. */
  let targets: OnCluster
  let handler: Kube
  let somebody: Kube
  let kubectl: Kubectl

  /** A policy, and its end, takes effect a moment after it was written. */
  const untilStatus = (status: number, ask: () => Promise<number>) =>
    until(`an answer of ${status}`, async () => (await ask()) === status || undefined)
  const untilEach = async (status: number) => {
    for (const object of ['pods/target', 'services/target', 'pods/target/status']) {
      const patch = { metadata: { annotations: { 'example.com/kept': 'no' } } }
      await untilStatus(status, () => statusOf(handler.patch(`${targets.api}/${object}${DRY_RUN}`, patch)))
    }
  }

  beforeAll(async () => {
    cluster = await startControlPlane()
    admin = kube(cluster.kubeconfig)
    kubectl = kubectlFor(cluster.kubeconfig)
    targets = await openNamespace(cluster, TOO_MANY_RIGHTS)
    const account = { namespace: targets.namespace, name: 'somebody', rules: TOO_MANY_RIGHTS }
    handler = kube(targets.kubeconfig)
    somebody = kube((await serviceAccount(cluster.kubeconfig, account)).kubeconfig)
    await addTargets(targets)
    await kubectl('apply', '-k', policy)
    await untilEach(403)
  })
  afterAll(() => cluster?.stop())

  it('is what kubectl says that it has applied', async () => {
    expect(await kubectl('diff', '-k', policy)).toBe('')
  })

  it('leaves nothing for the type checker to warn of', async () => {
    const { items } = await until('all policies are checked', async () => {
      const list = await admin.get<KubeList<KubeObject & { status?: { typeChecking?: object } }>>(POLICIES)
      return list.items.every(({ status }) => status?.typeChecking) ? list : undefined
    })
    expect(items.map(({ metadata, status }) => [metadata.name, metadata.namespace, status?.typeChecking])).toEqual([
      ['active-passive-events', undefined, {}],
      ['active-passive-operations', undefined, {}],
      ['active-passive-pods', undefined, {}],
      ['active-passive-services', undefined, {}],
    ])
  })

  describe('for the handler', () => {
    let world: OnCluster
    let pods: readonly TestServer[]
    beforeEach(async () => {
      world = await openNamespace(cluster)
      await world.addService({ name: 'helloworld' })
      pods = [
        await world.addPod('helloworld-0'),
        await world.addPod('helloworld-1', 'ok', { annotations: { 'example.com/kept': 'yes' } }),
      ]
      await world.takeRequests()
    })
    afterEach(() => world.close())

    it('has room for a first pass, two failovers with the latch, and steady passes', async () => {
      await ownedByReplicaSet(world, ['helloworld-0', 'helloworld-1'])
      expect(await world.run()).toMatchObject({ code: 0, stderr: '' })
      expect(await world.actives()).toEqual(['helloworld-0'])
      for (const [from, to] of [
        [0, 1],
        [1, 0],
      ] as const) {
        await pods[from]?.behave('error')
        await world.takeRequests()
        const { group, code } = await world.report(FAST)
        expect(group).toMatchObject({ decision: 'failover', latch: 'latched', warnings: [] })
        expect(code).toBe(0)
        expect(await world.takeRequests()).toEqual([
          ...['list services', 'list pods', 'patch services/helloworld', `patch pods/helloworld-${from}`],
          ...['list services', `patch pods/helloworld-${to}`, 'patch services/helloworld'],
          'create events',
        ])
        expect(await world.actives()).toEqual([`helloworld-${to}`])
        const costs = (await world.pods()).map(({ metadata }) => metadata.annotations?.[DELETION_COST])
        expect(costs).toEqual([0, 1].map((n) => (n === to ? '1000000' : undefined)))
        expect(await world.service('helloworld')).toEqual({
          selector: { app: 'helloworld', role: 'active' },
          annotations: {},
        })
        await pods[from]?.behave('ok')
        await world.run()
        await world.takeRequests()
        await world.run()
        expect(await world.takeRequests()).toEqual(['list services', 'list pods'])
      }
    })

    it('lets a handover pass without the annotations that a policy of an older version does not know', async () => {
      const name = `${POLICIES}/active-passive-pods`
      const { spec } = await admin.get<KubeObject & { spec: { variables: { name: string; expression: string }[] } }>(
        name,
      )
      const variables = spec.variables.map((one) =>
        one.name === 'marks'
          ? { ...one, expression: one.expression.replace(/,\s*'active-passive\/moves'/, '') }
          : one.name === 'cost'
            ? { ...one, expression: "'none'" }
            : one,
      )
      const moves = { metadata: { annotations: { 'active-passive/moves': '' } } }
      const mayWrite = (status: number) =>
        untilStatus(status, () => statusOf(handler.patch(`${targets.api}/pods/target${DRY_RUN}`, moves)))
      await ownedByReplicaSet(world, ['helloworld-0', 'helloworld-1'])
      await admin.patch(name, { spec: { variables } })
      await mayWrite(403)
      try {
        const { group: first } = await world.report()
        expect(first).toMatchObject({ decision: 'first', error: { code: 'denied' } })
        await pods[0]?.behave('error')
        const { group, code } = await world.report(FAST)
        expect(group).toMatchObject({ decision: 'failover', latch: 'latched', error: { code: 'denied' } })
        expect(code).toBe(3)
        expect(await world.actives()).toEqual(['helloworld-1'])
      } finally {
        await admin.patch(name, { spec: { variables: spec.variables } })
        await mayWrite(200)
      }
    })

    it('releases a Service without the history where a policy of an older version does not know it', async () => {
      const name = `${POLICIES}/active-passive-services`
      const { spec } = await admin.get<KubeObject & { spec: { variables: { name: string; expression: string }[] } }>(
        name,
      )
      const variables = spec.variables.map((one) => (one.name === 'history' ? { ...one, expression: "'none'" } : one))
      const history = { metadata: { annotations: { [HISTORY]: '[]' } } }
      const mayWrite = (status: number) =>
        untilStatus(status, () => statusOf(handler.patch(`${targets.api}/services/target${DRY_RUN}`, history)))
      await world.run()
      await admin.patch(name, { spec: { variables } })
      await mayWrite(403)
      try {
        const noted = async () =>
          (await admin.get<KubeObject>(`${world.api}/services/helloworld`)).metadata.annotations?.[HISTORY]
        const before = await noted()
        const service = await world.service('helloworld')
        await pods[0]?.behave('error')
        const { group, code } = await world.report(FAST)
        expect(group).toMatchObject({ decision: 'failover', latch: 'latched', error: { code: 'denied' } })
        expect(code).toBe(3)
        expect(await world.actives()).toEqual(['helloworld-1'])
        expect(await world.service('helloworld')).toEqual(service)
        expect(before).toContain('"kind":"first"')
        expect(await noted()).toBe(before)
      } finally {
        await admin.patch(name, { spec: { variables: spec.variables } })
        await mayWrite(200)
      }
    })

    it('has room for a failover without the latch', async () => {
      await world.run()
      await pods[0]?.behave('error')
      const { group } = await world.report([...FAST, '--no-latch'])
      expect(group).toMatchObject({ decision: 'failover', latch: 'off', warnings: [] })
    })

    it('has room for the pin of an active pod that somebody else made, for counts, and for taking them back', async () => {
      await world.label('helloworld-0', { role: 'active' })
      await world.run()
      const [first] = await world.pods()
      expect(first?.metadata.labels).toMatchObject({ [PIN]: first?.metadata.uid })
      await pods[0]?.behave('error')
      await world.run(['--probes', '1'])
      expect((await world.pods())[0]?.metadata.annotations).toMatchObject({ 'active-passive/failures': '1' })
      await pods[0]?.behave('ok')
      await world.run()
      expect((await world.pods())[0]?.metadata.annotations ?? {}).not.toHaveProperty('active-passive/failures')
      expect((await world.takeRequests())?.filter((request) => / [45]\d\d$/.test(request))).toEqual([])
    })

    it('has room for the release of whatever a crash and a user have left together', async () => {
      const token = { [CLAIM]: '0123456789abcdef a-0' }
      const managed = { [MANAGED]: 'false' }
      const app = (name: string) => ({ app: name })
      type Left = readonly [name: string, selector: Json, annotations: Json, free: Json]
      const left: readonly Left[] = [
        ['pinned', { [PIN]: UID }, token, { role: 'active' }],
        ['pinned-only', { [PIN]: UID }, {}, { role: 'active' }],
        ['claimed', { role: 'active' }, token, { role: 'active' }],
        ['applied-again', { role: 'active', [PIN]: UID }, token, { role: 'active' }],
        ['role-removed', {}, token, {}],
        ['given-up', { role: 'active' }, { ...token, ...managed }, { role: 'active' }],
        ['given-up-removed', {}, { ...token, ...managed }, {}],
        ['given-up-pinned', { [PIN]: UID }, { ...token, ...managed }, { role: 'active' }],
      ]
      for (const [name, selector, annotations] of left) {
        await world.admin.post(`${world.api}/services`, {
          metadata: { name, annotations },
          spec: { selector: { ...app(name), ...selector }, ports: [{ port: 80 }] },
        })
      }
      await world.run()
      for (const [name, , { [CLAIM]: _, ...annotations }, free] of left) {
        const { selector, annotations: now } = await world.service(name)
        const { [HEALED]: _healed, ...written } = now
        expect([name, selector, written]).toEqual([name, { ...app(name), ...free }, annotations])
      }
    })

    it('has room for the note of what was healed, on a pod and where there is none', async () => {
      await world.run()
      const pin = { spec: { selector: { role: null, [PIN]: UID } } }
      await world.addService({ name: 'empty', selector: { app: 'empty', role: 'active' } })
      for (const name of ['helloworld', 'empty']) await world.admin.patch(`${world.api}/services/${name}`, pin)
      await world.run()
      expect((await world.pods())[0]?.metadata.annotations).toHaveProperty([HEALED])
      expect((await world.service('empty')).annotations).toHaveProperty([HEALED])
      await world.admin.delete(`${world.api}/services/empty`)
    })

    it('has room for a claim on a Service that another pass has pinned', async () => {
      await world.addService({
        name: 'pinned',
        selector: { app: 'pinned', [PIN]: UID },
        annotations: { [CLAIM]: 'a' },
      })
      const patch = {
        metadata: { annotations: { [CLAIM]: 'b' } },
        spec: { selector: { role: null, [PIN]: UID.replace('7', '8') } },
      }
      await kube(world.kubeconfig).patch(`${world.api}/services/pinned`, patch)
    })

    it.each([
      { clusterIP: 'None' },
      { type: 'NodePort', sessionAffinity: 'ClientIP' },
      { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
      { externalIPs: ['192.0.2.7'], publishNotReadyAddresses: true, trafficDistribution: 'PreferClose' },
    ])('has room for the claim of a Service with %j, and its release', async (spec) => {
      await world.addService({ name: 'other', spec })
      const api = kube(world.kubeconfig)
      const write = (token: string | null, selector: Json) =>
        api.patch(`${world.api}/services/other`, { metadata: { annotations: { [CLAIM]: token } }, spec: { selector } })
      await write('token', { role: null, [PIN]: UID })
      await write(null, { role: 'active', [PIN]: null })
    })

    it('lets it take the pin out of a Service whose user has left it nothing else', async () => {
      await world.addService({ name: 'wide', selector: { [PIN]: UID }, annotations: { [CLAIM]: 'token' } })
      expect(await world.run()).toMatchObject({ code: 0 })
      expect(await world.service('wide')).toEqual({ selector: undefined, annotations: {} })
      expect(await world.actives()).toEqual(['helloworld-0'])
    })

    it('has room for marks as long as they become, and for taking off what somebody has made longer', async () => {
      const api = kube(world.kubeconfig)
      const pod = `${world.api}/pods/helloworld-0`
      await api.patch(pod, { metadata: { annotations: { [OWNER]: 'x'.repeat(1_024), [HEALED]: 'x'.repeat(4_096) } } })
      await api.patch(`${world.api}/services/helloworld`, {
        metadata: {
          annotations: { [CLAIM]: 'x'.repeat(1_024), [HEALED]: 'x'.repeat(4_096), [HISTORY]: 'x'.repeat(4_096) },
        },
      })
      await world.admin.patch(pod, { metadata: { annotations: { [EPOCH]: '9'.repeat(200_000) } } })
      await api.patch(pod, { metadata: { annotations: { [OWNER]: null } } })
      await api.patch(pod, { metadata: { annotations: { [EPOCH]: '9' } } })
    })

    it('lets serve pause, for good or for a time, and end a pause; no other account', async () => {
      const path = `${world.api}/services/helloworld`
      const pauseOf = async () => (await world.service('helloworld')).annotations[PAUSE]
      const pause = (value: string | null) => ({ metadata: { annotations: { [PAUSE]: value } } })
      const name = 'acme-active-passive-serve-v2'
      const account = { namespace: world.namespace, name, rules: TOO_MANY_RIGHTS }
      const serve = kube((await serviceAccount(cluster.kubeconfig, account)).kubeconfig)
      await untilStatus(200, () => statusOf(serve.patch(path, pause('true'))))
      expect(await pauseOf()).toBe('true')
      for (const value of ['2030-01-01T00:00:00.123456789+02:00', '2030-01-01T00:00:00-11:30', null]) {
        await serve.patch(path, pause(value))
      }
      expect(await pauseOf()).toBeUndefined()
      expect(await statusOf(serve.patch(path, pause('2h')))).toBe(403)
      const api = kube(world.kubeconfig)
      expect(await statusOf(api.patch(path, pause('true')))).toBe(403)
      await world.annotateService('helloworld', { [PAUSE]: 'soon' })
      expect(await statusOf(api.patch(path, pause(null)))).toBe(403)
      expect(await statusOf(serve.patch(path, pause(null))), 'a pause that makes no sense').toBe(200)
    })

    it('does not come between it and a lost race', async () => {
      const api = kube(world.kubeconfig)
      const { metadata } = await world.admin.get(`${world.api}/services/helloworld`)
      const claim = { metadata: { resourceVersion: metadata.resourceVersion, annotations: { [CLAIM]: 'token' } } }
      await world.annotateService('helloworld', { [MANAGED]: 'false' })
      expect(await statusOf(api.patch(`${world.api}/services/helloworld`, claim))).toBe(409)
      const seal = [
        { op: 'test', path: '/metadata/labels/role', value: 'active' },
        { op: 'add', path: '/metadata/labels/role', value: 'passive' },
      ]
      const lost = await api.patch(`${world.api}/pods/helloworld-0`, seal, jsonPatch).catch((error: unknown) => error)
      expect(lost).toBeInstanceOf(ApiError)
      expect(JSON.parse((lost as ApiError).body)).toMatchObject({ code: 422, details: {} })
    })

    it('has room in every namespace', async () => {
      const other = await openNamespace(cluster)
      await other.addService({ name: 'helloworld' })
      const first = await other.addPod('helloworld-0')
      await other.addPod('helloworld-1')
      await other.run()
      await first.behave('refuse')
      expect((await other.report(FAST)).group).toMatchObject({ decision: 'failover', latch: 'latched' })
      const change = { spec: { activeDeadlineSeconds: 1 } }
      expect(await statusOf(kube(other.kubeconfig).patch(`${other.api}/pods/helloworld-0`, change))).toBe(403)
      await other.close()
    })

    describe('that serves, with the rights of jobs/serve', () => {
      let serving: OnCluster
      beforeEach(async () => {
        serving = await openNamespace(cluster, SERVE_RIGHTS)
        await serving.addService({ name: 'helloworld' })
      })
      afterEach(() => serving.close())

      it('has room for watches, passes and a failover, and refuses none of its requests', async () => {
        const port = await freePort()
        const args = ['serve', '--watch', '--interval=500ms', '--port', `${port}`, ...FAST]
        const { process, done } = startHandler(args, { KUBECONFIG: serving.kubeconfig })
        try {
          const first = await serving.addPod('helloworld-0')
          await serving.addPod('helloworld-1')
          await until('a pod is active', async () => ((await serving.actives()).length > 0 ? true : undefined))
          await first.behave('error')
          await until(
            'the other one is active',
            async () => (await serving.actives())[0] === 'helloworld-1' || undefined,
          )
          const metrics = await until('both watches are connected', async () => {
            const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
            return text.match(/^active_passive_watch_connected\{.*\} 1$/gm)?.length === 2 ? text : undefined
          })
          expect(metrics).not.toContain('active_passive_errors_total{')
        } finally {
          process.kill()
        }
        expect((await done).code).toBe(0)
        const requests = await serving.takeRequests()
        expect(requests?.filter((request) => request.endsWith(' 403'))).toEqual([])
        expect(new Set(requests?.map((request) => request.replace(/ .*/, '')))).toEqual(
          new Set([...SERVE_VERBS, 'create']),
        )
      })

      it('may do nothing with other verbs, or to other resources', async () => {
        const review = { spec: { namespace: serving.namespace } }
        const { status } = await kube(serving.kubeconfig).post<{ status: { resourceRules: readonly Rule[] } }>(
          '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
          review,
        )
        const granted = status.resourceRules.filter(({ apiGroups }) => apiGroups.includes(''))
        expect(new Set(granted.flatMap(({ resources }) => resources))).toEqual(new Set(['pods', 'services']))
        expect(new Set(granted.flatMap(({ verbs }) => verbs))).toEqual(new Set(SERVE_VERBS))
        const onEvents = status.resourceRules.filter(({ apiGroups }) => apiGroups.includes(EVENT_GROUP))
        expect(onEvents.map(({ resources, verbs }) => [resources, verbs])).toEqual([[['events'], ['create']]])
      })
    })

    it('leaves controllers and administrators alone', async () => {
      const deployment = `/apis/apps/v1/namespaces/${world.namespace}/deployments`
      const template = (image: string) => ({
        metadata: { labels: { app: 'web' } },
        spec: { schedulerName: 'none', terminationGracePeriodSeconds: 0, containers: [{ name: 'app', image }] },
      })
      const spec = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: template('one') }
      const names = async () =>
        (await world.pods()).flatMap(({ metadata }) => (metadata.labels?.app === 'web' ? [metadata.name] : [])).sort()
      await world.admin.post(deployment, { metadata: { name: 'web' }, spec })
      const before = await until('two pods', async () => ((await names()).length === 2 ? await names() : undefined))
      for (const name of before)
        await world.admin.patch(`${world.api}/pods/${name}`, { metadata: { labels: { role: 'leader' } } })
      await world.admin.patch(`${deployment}/web`, {
        spec: { strategy: { type: 'Recreate', rollingUpdate: null }, template: template('two') },
      })
      await until('two others in their place', async () => {
        const now = await names()
        return (now.length === 2 && !now.some((name) => before.includes(name))) || undefined
      })
      await world.admin.delete(`${deployment}/web`)
      await until('none', async () => (await names()).length === 0 || undefined)
    })
  })

  describe('against the same token', () => {
    it.each(CHANGES)('refuses %s (%s)', async (_what, object, patch, denial) => {
      for (const { how, send } of await requestsFor(admin, `${targets.api}/${object}`, patch)) {
        const answer = await answerTo(send(handler))
        expect(answer, how).toMatchObject({
          status: 403,
          message: expect.stringContaining(`denied request: active-passive ${denial}`),
        })
      }
    })

    it.each(OPERATIONS)('does not let it %s', async (_what, send) => {
      const answer = await answerTo(send(handler, targets.api, '?'))
      expect(answer).toMatchObject({
        status: 403,
        message: expect.stringContaining(`denied request: active-passive ${OPERATION}`),
      })
    })

    it.each(EVENTS)('lets it create no Event %s', async (_what, path, change, denial) => {
      const draft = { ...anEvent(targets.namespace), ...change(targets.namespace) }
      const create = (api: Kube) => api.post(`${path(targets.namespace)}${DRY_RUN}`, draft)
      expect(await answerTo(create(handler))).toMatchObject({
        status: 403,
        message: expect.stringContaining(`denied request: active-passive may only create Events${denial}`),
      })
      expect(await statusOf(create(somebody))).toBe(200)
    })

    it('lets it create an Event of its own, and neither change nor delete one', async () => {
      const { namespace } = targets
      const events = eventsIn(namespace)
      const draft = anEvent(namespace)
      expect(await statusOf(handler.post(events, draft))).toBe(200)
      const own = `${events}/${draft.metadata.name}`
      for (const request of [
        () => handler.patch(own, { metadata: { labels: { a: 'b' } } }),
        () => handler.delete(own),
      ]) {
        expect(await answerTo(request())).toMatchObject({
          status: 403,
          message: expect.stringContaining('denied request: active-passive may only create Events'),
        })
      }
      expect(await statusOf(somebody.delete(own))).toBe(200)
    })

    it.each(['pods/target/exec?command=a', 'services/target/proxy/'])('does not connect it to %s', async (path) => {
      const answer = await answerTo(handler.post(`${targets.api}/${path}`, {}))
      expect(answer).toMatchObject({ status: 403, message: expect.stringContaining(OPERATION) })
      expect(await statusOf(somebody.post(`${targets.api}/${path}`, {}))).not.toBe(403)
    })

    it.each([
      ['active-passive-serve', 403],
      ['active-passive-once', 403],
      ['acme-active-passive-serve-v2', 403],
      ['acmeactive-passive', 403],
      ['passive-active', 200],
    ])('by each of the three policies, holds the account %s: %i', async (name, status) => {
      const account = { namespace: targets.namespace, name, rules: TOO_MANY_RIGHTS }
      const api = kube((await serviceAccount(cluster.kubeconfig, account)).kubeconfig)
      const [pods, services] = ['pods/target', 'services/target'].map((object) =>
        CHANGES.find(([, one]) => one === object),
      )
      for (const [, object, patch] of [pods, services].flatMap((change) => (change ? [change] : []))) {
        expect(await statusOf(api.patch(`${targets.api}/${object}${DRY_RUN}`, patch)), object).toBe(status)
      }
      const [[, send]] = OPERATIONS as unknown as [(typeof OPERATIONS)[number]]
      expect((await answerTo(send(api, targets.api, DRY_RUN))).status).toBe(status)
    })

    it('lets others with the same rights do all of it', async () => {
      for (const [what, object, patch] of CHANGES) {
        const answer = await answerTo(somebody.patch(`${targets.api}/${object}${DRY_RUN}`, patch))
        expect(answer, `${what} (${object})`).toEqual({ status: 200 })
      }
    })
  })

  describe('without its bindings', () => {
    beforeAll(async () => {
      await kubectl('delete', 'validatingadmissionpolicybindings', '-l', 'app.kubernetes.io/name=active-passive')
      await untilEach(200)
    })

    it.each(CHANGES)('would not refuse %s (%s)', async (_what, object, patch) => {
      for (const { how, send } of await requestsFor(admin, `${targets.api}/${object}`, patch)) {
        expect(await answerTo(send(handler, DRY_RUN)), how).toEqual({ status: 200 })
      }
    })

    it.each(OPERATIONS)('would let it %s', async (_what, send) => {
      expect(await answerTo(send(handler, targets.api, DRY_RUN))).toEqual({ status: 200 })
    })
  })

  it('holds the handler to another role label where an overlay names one', async () => {
    const world = await openNamespace(cluster)
    const folder = await mkdtemp(join(cluster.folder, 'overlay-'))
    const overlay = {
      namespace: world.namespace,
      resources: [relative(folder, policy)],
      patches: [
        {
          target: { kind: 'ValidatingAdmissionPolicy', name: 'active-passive-(pods|services)' },
          patch: JSON.stringify([{ op: 'replace', path: '/spec/variables/0/expression', value: "'tier'" }]),
        },
      ],
    }
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(overlay))
    await kubectl('apply', '-k', folder)
    await world.admin.get(`/apis/networking.k8s.io/v1/namespaces/${world.namespace}/networkpolicies/active-passive`)

    await world.addService({ name: 'helloworld', selector: { app: 'helloworld', tier: 'active' } })
    const first = await world.addPod('helloworld-0')
    await world.addPod('helloworld-1')
    const api = kube(world.kubeconfig)
    const label = (labels: Json) =>
      statusOf(api.patch(`${world.api}/pods/helloworld-0${DRY_RUN}`, { metadata: { labels } }))
    const select = (selector: Json) =>
      statusOf(api.patch(`${world.api}/services/helloworld${DRY_RUN}`, { spec: { selector } }))
    await untilStatus(403, () => label({ role: 'passive' }))
    await untilStatus(403, () => select({ role: 'active' }))
    await untilStatus(200, () => select({ tier: null, [PIN]: UID }))
    await world.run(['--role-label', 'tier'])
    await first.behave('error')
    const { group } = await world.report([...FAST, '--role-label', 'tier'])
    expect(group).toMatchObject({ decision: 'failover', latch: 'latched', warnings: [] })
    await world.close()
  })

  it('comes with components/all-namespaces, whose account serves who has opted in, wherever, and nobody else', async () => {
    // A warning names the Services of ten namespaces at most, and those of the tests before are there still.
    const { items: others } = await admin.get<KubeList>('/api/v1/services?labelSelector=!component')
    for (const { metadata } of others)
      await admin.delete(`/api/v1/namespaces/${metadata.namespace}/services/${metadata.name}`)
    const [home, asking, silent] = await Promise.all([1, 2, 3].map(() => openNamespace(cluster)))
    if (!home || !asking || !silent) throw new Error('no namespaces')
    const { namespace } = home
    const overlay = { namespace, resources: ['jobs/cronjob'], components: ['jobs/components/all-namespaces'] }
    const applied = await withOverlay(overlay, async (folder) => {
      // That of `openNamespace`, which is bound to another role in this namespace.
      await kubectl('delete', 'rolebinding,role', '--all', '-n', namespace)
      await kubectl('apply', '-k', folder)
      return loadAll(await kubectl('kustomize', folder)) as (KubeObject & { spec?: CronJobSpec })[]
    })
    const args = applied.flatMap(({ spec }) => spec?.jobTemplate?.spec.template.spec.containers[0]?.args ?? [])
    const account = kube(home.kubeconfig)

    await asking.addService({ name: 'helloworld', annotations: { [MANAGED]: 'true' } })
    await silent.addService({ name: 'helloworld' })
    // What would opt its namespace in if there were such a label; there is none.
    const labels = { [MANAGED]: 'true' }
    await admin.patch(`/api/v1/namespaces/${silent.namespace}`, { metadata: { labels } })
    const [first] = await Promise.all(
      [asking, silent].flatMap((world) => [world.addPod('helloworld-0'), world.addPod('helloworld-1')]),
    )
    const label = { metadata: { labels: { app: 'another' } } }
    await untilStatus(403, () => statusOf(account.patch(`${asking.api}/pods/helloworld-0${DRY_RUN}`, label)))
    // The policies of the test before, for another role label, refuse these.
    const patches = {
      'pods/helloworld-0': { labels: { role: 'passive' } },
      'services/helloworld': { annotations: { [CLAIM]: 'a' } },
    }
    for (const [object, metadata] of Object.entries(patches))
      await untilStatus(200, () => statusOf(account.patch(`${asking.api}/${object}${DRY_RUN}`, { metadata })))

    const stored = () => Promise.all(['pods', 'services'].map((kind) => admin.get<KubeList>(`${silent.api}/${kind}`)))
    const before = (await stored()).map(({ items }) => items)
    expect(await home.run([...args, ...FAST])).toMatchObject({ code: 0, stderr: '' })
    await first?.behave('error')
    const { code, groups, warnings } = await home.report([...args, ...FAST])
    expect(groups).toMatchObject([
      { namespace: asking.namespace, decision: 'failover', latch: 'latched', warnings: [] },
    ])
    expect(code).toBe(0)
    expect(await asking.actives()).toEqual(['helloworld-1'])
    const named = `service ${silent.namespace}/helloworld is not annotated with ${MANAGED}: "true"`
    expect(warnings.filter((warning) => warning.startsWith(named))).toHaveLength(1)
    expect((await stored()).map(({ items }) => items)).toEqual(before)
    await Promise.all([home, asking, silent].map((world) => world.close()))
  })
})
