import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../../handler/kube/client.js'
import type { Events, KubeEvent } from '../../../handler/kube/events.js'
import type { Kube, Pod, Service, Written } from '../../../handler/kube/port.js'
import type { Json } from '../../support/api/json.js'
import { type Api, type Fault, startApi } from '../../support/api/server.js'
import * as says from '../../support/api/status.js'
import { podDraft, serviceDraft } from '../../support/pods.js'
import { never } from './support.js'

const target = { resource: 'pods', namespace: 'shop', name: 'a', status: false } as const
const answer = (status: number, body: Json, headers: Record<string, string> = {}): Fault => ({
  kind: 'answer',
  status,
  body,
  headers,
})
const LOGIN_PAGE = '<!doctype html>\n<title>Sign in</title>'
const BETWEEN = 'Check what answers at this address: that was no API server, perhaps a proxy or its login page.'

let api: Api
let kube: Kube & Events

beforeEach(async () => {
  api = await startApi()
  const config = new KubeConfig()
  config.loadFromString(api.kubeconfig)
  kube = connect(config, { retryDelayMs: 1, writeTimeoutMs: 100 })
})
afterEach(() => api.close())

const addPod = (name: string, namespace = 'shop', labels = {}) => {
  const draft = podDraft({ name, port: 80, labels })
  return api.store.create('pods', { ...draft, metadata: { ...draft.metadata, namespace } })
}
const addService = (name: string) => {
  const draft = serviceDraft({ name })
  api.store.create('services', { ...draft, metadata: { ...draft.metadata, namespace: 'shop' } } as never)
}
const names = (objects: readonly { name: string }[]) => objects.map(({ name }) => name)
/** These faults, one for each request, then none. */
const plan = (...faults: Fault[]) => api.intercept(() => faults.shift())

describe('a list', () => {
  it('is of one namespace or of all, of what has all the labels', async () => {
    addPod('a', 'shop', { tier: 'x' })
    addPod('b', 'shop', { tier: 'y' })
    addPod('c', 'other', { tier: 'x' })
    expect(names(await kube.listPods({ namespace: 'shop' }, never))).toEqual(['a', 'b'])
    expect(names(await kube.listPods({}, never))).toEqual(['c', 'a', 'b'])
    const labels = { app: 'helloworld', tier: 'x' }
    expect(names(await kube.listPods({ namespace: 'shop', labels }, never))).toEqual(['a'])
  })

  it('asks for labels whose keys and values need escaping', async () => {
    addPod('a', 'shop', { 'example.com/name_of.it': 'A-b_c.d', empty: '' })
    addPod('b', 'shop', { 'example.com/name_of.it': 'other', empty: '' })
    const labels = { 'example.com/name_of.it': 'A-b_c.d', empty: '' }
    expect(names(await kube.listPods({ namespace: 'shop', labels }, never))).toEqual(['a'])
    expect(api.requests[0]?.query.labelSelector).toBe('example.com/name_of.it=A-b_c.d,empty=')
  })

  it('is consistent: no resourceVersion is named, and pages hold 5000', async () => {
    await kube.listServices({ namespace: 'shop' }, never)
    expect(api.requests).toMatchObject([{ path: '/api/v1/namespaces/shop/services', query: { limit: '5000' } }])
  })

  describe('of several pages', () => {
    beforeEach(() => {
      for (let i = 0; i < 5_003; i++) addPod(`pod-${String(i).padStart(4, '0')}`)
    })

    it('is whole and of one version, whatever changes between the pages', async () => {
      api.intercept(({ query }) => {
        if (query.continue === undefined) return undefined
        api.store.delete('pods', 'shop', 'pod-5002', 0)
        addPod('pod-9999')
        return undefined
      })
      const listed = names(await kube.listPods({ namespace: 'shop' }, never))
      expect(listed).toHaveLength(5_003)
      expect(new Set(listed).size).toBe(5_003)
      expect(listed.at(-1)).toBe('pod-5002')
      expect(api.requests).toHaveLength(2)
    })

    it('starts over, once, when their version has expired', async () => {
      let pages = 0
      api.intercept(({ query }) => {
        if (query.continue === undefined || ++pages > 1) return undefined
        addPod('pod-9999')
        api.store.compact()
        return undefined
      })
      const listed = names(await kube.listPods({ namespace: 'shop' }, never))
      expect(listed).toHaveLength(5_004)
      expect(new Set(listed).size).toBe(5_004)
      expect(api.requests.map(({ query, status }) => [query.continue !== undefined, status])).toEqual([
        [false, 200],
        [true, 410],
        [false, 200],
        [true, 200],
      ])
    })

    it('fails when it expires a second time', async () => {
      api.intercept(({ query }) =>
        query.continue === undefined ? undefined : { kind: 'answer', ...says.expired('too old') },
      )
      await expect(kube.listPods({ namespace: 'shop' }, never)).rejects.toMatchObject({
        code: 'failed',
        message: 'could not list pods in namespace shop: status 410: too old',
      })
      expect(api.requests).toHaveLength(4)
    })
  })

  it('may be empty in every way', async () => {
    plan(answer(200, { kind: 'PodList', items: null }), answer(200, { kind: 'PodList', metadata: {}, items: [] }))
    expect(await kube.listPods({}, never)).toEqual([])
    expect(await kube.listPods({}, never)).toEqual([])
  })

  it.each<[string, string | undefined, string]>([
    ['a namespace', 'shop', 'a Role in namespace shop'],
    ['all namespaces', undefined, 'a ClusterRole'],
  ])('that RBAC refuses in %s names the rule that grants it', async (_name, namespace, role) => {
    plan({ kind: 'answer', ...says.forbidden('me', 'list', { resource: 'pods', namespace, status: false } as never) })
    await expect(kube.listPods({ namespace }, never)).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/^may not list pods in (namespace shop|all namespaces): .*User "me" cannot list/),
      remedy: `Grant it by a rule of ${role}: - {apiGroups: [""], resources: [pods], verbs: [list]}. Where one has it already, what is missing is its binding to me.`,
    })
  })

  describe('that RBAC refuses', () => {
    const forbidden = (verb: string, resource: string, why = ''): Fault => {
      const said = says.forbidden('me', verb, { ...target, resource, name: undefined } as never)
      const body = said.body as { readonly message: string }
      return { kind: 'answer', ...said, body: { ...body, message: body.message + why } }
    }
    const remedyOf = (list: Promise<unknown>) => list.then(String, ({ remedy }: { remedy: string }) => remedy)
    const pods = () => remedyOf(kube.listPods({ namespace: 'shop' }, never))
    const services = () => remedyOf(kube.listServices({ namespace: 'shop' }, never))

    it.each([
      ['role.rbac.authorization.k8s.io "r" not found', 'make Role r in namespace shop again'],
      [
        '[clusterrole.rbac.authorization.k8s.io "c" not found, role.rbac.authorization.k8s.io "r" not found]',
        'make ClusterRole c and Role r in namespace shop again',
      ],
    ])('because of a binding to what is not there names that: %s', async (why, said) => {
      plan(forbidden('list', 'pods', `: RBAC: ${why}`))
      expect(await pods()).toBe(
        `A binding is there, but not what it binds me to: ${said}, with the rule - {apiGroups: [""], resources: [pods], verbs: [list]}`,
      )
    })

    it('after it has allowed something else there is a rule that is missing', async () => {
      await services()
      plan(forbidden('list', 'pods'))
      expect(await pods()).toBe(
        'User me may list services in namespace shop, so that a binding is there: add to its Role the rule - {apiGroups: [""], resources: [pods], verbs: [list]}',
      )
    })

    it('in one namespace after it has allowed something in all there is a rule that is missing', async () => {
      await kube.listServices({}, never)
      plan(forbidden('list', 'pods'))
      expect(await pods()).toMatch(/^User me may list services in all namespaces, .*: add to its ClusterRole the rule/)
    })

    it('though it has allowed it before, has changed its mind: what it allowed before says nothing', async () => {
      await services()
      await pods()
      plan(forbidden('list', 'services'), forbidden('list', 'pods'))
      expect(await services()).toMatch(/^Grant it by a rule/)
      expect(await pods()).toMatch(/^Grant it by a rule/)
    })
  })

  it('as nobody is refused for want of credentials, not of a rule', async () => {
    plan({ kind: 'answer', ...says.forbidden('system:anonymous', 'list', { ...target, name: undefined } as never) })
    await expect(kube.listPods({ namespace: 'shop' }, never)).rejects.toMatchObject({
      code: 'denied',
      remedy: 'Name credentials: the user of the context has none.',
    })
  })

  it.each<[string, Fault, object]>([
    [
      '401',
      { kind: 'answer', ...says.unauthorized() },
      {
        code: 'unauthenticated',
        message: expect.stringMatching(/^could not list pods in namespace shop: status 401, not authenticated: http:/),
        remedy: expect.stringContaining('ServiceAccount'),
      },
    ],
    [
      '404',
      { kind: 'answer', ...says.noSuchPath() },
      {
        code: 'failed',
        message: 'could not list pods in namespace shop: status 404: 404 page not found',
        remedy: BETWEEN,
      },
    ],
    [
      'a login page',
      answer(200, LOGIN_PAGE, { 'content-type': 'text/html' }),
      {
        code: 'failed',
        message: expect.stringMatching(
          /^could not list pods in namespace shop: http:\S+ answered with something else: <!doctype html> <title>/,
        ),
        remedy: BETWEEN,
      },
    ],
    ['a redirect to one', answer(302, '', { location: '/login' }), { code: 'failed', remedy: BETWEEN }],
    ['a 403 of a proxy', answer(403, LOGIN_PAGE), { code: 'denied', remedy: BETWEEN }],
    ['JSON that is no list', answer(200, { kind: 'Pod' }), { code: 'failed', remedy: BETWEEN }],
    ['null', answer(200, 'null'), { code: 'failed', remedy: BETWEEN }],
    ['half a list', answer(200, '{"items":[{"metadata":'), { code: 'failed', remedy: BETWEEN }],
    ['nothing', answer(200, ''), { code: 'failed', remedy: BETWEEN }],
  ])('that is answered by %s fails with an explanation', async (name, fault, expected) => {
    api.intercept(() => fault)
    await expect(kube.listPods({ namespace: 'shop' }, never)).rejects.toMatchObject({ name: 'KubeError', ...expected })
    expect(api.requests).toHaveLength(name === '401' ? 2 : 1)
  })

  it('that the API server fails to make is its trouble, whatever the form in which it says so', async () => {
    api.intercept(() => answer(503, 'apiserver is shutting down'))
    await expect(kube.listPods({ namespace: 'shop' }, never)).rejects.toMatchObject({
      message: 'could not list pods in namespace shop: status 503: apiserver is shutting down',
      remedy: 'Look at the API server.',
    })
  })
})

describe('a write', () => {
  let pod: Pod
  let service: Service
  beforeEach(async () => {
    addPod('a')
    addService('app')
    pod = (await kube.listPods({ namespace: 'shop' }, never))[0] as Pod
    service = (await kube.listServices({ namespace: 'shop' }, never))[0] as Service
    api.clearRequests()
  })

  const label = (role: string) =>
    [
      { op: 'test', path: '/metadata/uid', value: pod.uid },
      { op: 'test', path: '/metadata/labels/role', value: null },
      { op: 'add', path: '/metadata/labels/role', value: role },
    ] as const
  const patchPod = () => kube.patchPod(pod, label('active'), never)
  const annotate = (uid = pod.uid) => kube.patchPodMetadata(pod, { uid, annotations: { a: '1' } }, never)
  const patchService = () =>
    kube.patchService(service, { ...service, annotations: { a: '1' }, selector: { role: null, pin: 'x' } }, never)

  it('that is applied gives the object as it is then', async () => {
    expect(await patchPod()).toMatchObject({ kind: 'applied', object: { name: 'a', labels: { role: 'active' } } })
    expect(await annotate()).toMatchObject({ kind: 'applied', object: { annotations: { a: '1' } } })
    expect(await patchService()).toMatchObject({
      kind: 'applied',
      object: { annotations: { a: '1' }, selector: { app: 'helloworld', pin: 'x' } },
    })
  })

  it('names its field manager and its kind of patch', async () => {
    await patchPod()
    await annotate()
    await patchService()
    expect(api.requests.map(({ path, query, contentType }) => [path, query, contentType])).toEqual([
      ['/api/v1/namespaces/shop/pods/a', { fieldManager: 'active-passive' }, 'application/json-patch+json'],
      ['/api/v1/namespaces/shop/pods/a', { fieldManager: 'active-passive' }, 'application/merge-patch+json'],
      ['/api/v1/namespaces/shop/services/app', { fieldManager: 'active-passive' }, 'application/merge-patch+json'],
    ])
  })

  it('whose tests fail is lost', async () => {
    await patchPod()
    expect(await patchPod()).toEqual({ kind: 'lost' })
  })

  it('of a Service whose version has moved on is lost', async () => {
    await patchService()
    expect(await patchService()).toEqual({ kind: 'lost' })
  })

  it('of a pod that was made anew is gone, by the uid', async () => {
    expect(await annotate('another')).toEqual({ kind: 'gone' })
  })

  it('of what is no more is gone', async () => {
    api.store.delete('pods', 'shop', 'a', 0)
    api.store.delete('services', 'shop', 'app', 0)
    expect([await patchPod(), await annotate(), await patchService()]).toEqual(Array(3).fill({ kind: 'gone' }))
  })

  it('that makes no sense is rejected, in few words', async () => {
    const rejected = await kube.patchPod(
      pod,
      [{ op: 'add', path: '/metadata/labels/role', value: { no: 'label' } }],
      never,
    )
    const remedy = expect.stringContaining('wrong with pod shop/a, or delete it')
    expect(rejected).toMatchObject({ kind: 'rejected', error: { code: 'failed', remedy } })
    const { message } = (rejected as Extract<Written<Pod>, { kind: 'rejected' }>).error
    expect(api.requests[0]?.status).toBe(422)
    expect(message).toMatch(/^could not patch pods in namespace shop: status 422: /)
    expect(message.length).toBeLessThan(400)
    expect(message).toMatch(/…$/)
  })

  it('that RBAC refuses is denied, with the rule that grants it', async () => {
    plan({ kind: 'answer', ...says.forbidden('me', 'patch', target) })
    expect(await patchPod()).toMatchObject({
      kind: 'denied',
      error: {
        code: 'denied',
        message:
          'may not patch pods in namespace shop: pods "a" is forbidden: User "me" cannot patch resource "pods" in API group "" in the namespace "shop"',
        remedy:
          'User me may list pods in namespace shop, so that a binding is there: add to its Role the rule - {apiGroups: [""], resources: [pods], verbs: [patch]}',
      },
    })
  })

  const policy =
    "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: you cannot patch labels"
  const webhook = 'admission webhook "w.example" denied the request: no'
  it.each<[string, Fault]>([
    ['a policy', answer(403, { kind: 'Status', message: policy, details: { name: 'a', causes: [{}] } })],
    ['a policy that says 422', answer(422, { kind: 'Status', message: policy, details: { name: 'a', causes: [{}] } })],
    ['a webhook', answer(400, { kind: 'Status', message: webhook })],
    ['a webhook that says 401', answer(401, { kind: 'Status', message: webhook })],
    ['a webhook that says 409', answer(409, { kind: 'Status', message: webhook })],
    ['a webhook that says 404', answer(404, { kind: 'Status', message: webhook, details: { name: 'a' } })],
    ['a webhook that says 422', answer(422, { kind: 'Status', message: webhook })],
    ['a webhook that is out of order', answer(500, { kind: 'Status', message: 'failed calling webhook "w": refused' })],
  ])('that %s refuses is denied, and neither lost nor gone', async (_name, fault) => {
    api.intercept(() => fault)
    expect(await patchPod()).toMatchObject({
      kind: 'denied',
      error: {
        code: 'denied',
        message: expect.stringContaining('may not patch pods in namespace shop: '),
        remedy: 'An admission policy or webhook refused it, or failed: look there.',
      },
    })
  })

  it('is throttled for as long as the API server says, two seconds at most, one when it does not', async () => {
    plan({ kind: 'answer', ...says.tooManyRequests(2) }, { kind: 'answer', ...says.tooManyRequests(3_000_000) })
    expect(await patchPod()).toEqual({ kind: 'throttled', retryAfterMs: 2_000 })
    expect(await patchPod()).toEqual({ kind: 'throttled', retryAfterMs: 2_000 })
    for (const said of [undefined, '', '-5', 'Fri, 31 Dec 1999 23:59:59 GMT']) {
      plan(answer(429, 'Too many', said === undefined ? {} : { 'retry-after': said }))
      expect(await patchPod()).toEqual({ kind: 'throttled', retryAfterMs: 1_000 })
    }
  })

  // A pod that is gone counts as sealed: what is not the API server's own word must not pass for it.
  it.each<[string, Fault, Written<Pod>['kind']]>([
    ['401', { kind: 'answer', ...says.unauthorized() }, 'unauthenticated'],
    ['401 of a proxy', answer(401, LOGIN_PAGE), 'unauthenticated'],
    ['400', { kind: 'answer', ...says.badRequest('no') }, 'rejected'],
    ['413', { kind: 'answer', ...says.tooLarge('no') }, 'rejected'],
    ['415', { kind: 'answer', ...says.unsupportedPatchType() }, 'rejected'],
    ['a redirect', answer(302, '', { location: '/login' }), 'rejected'],
    ['404 of no path', { kind: 'answer', ...says.noSuchPath() }, 'rejected'],
    ['404 of no such resource', { kind: 'answer', ...says.noSuchResource() }, 'rejected'],
    ['404 of another object', { kind: 'answer', ...says.notFound('pods', 'b') }, 'rejected'],
    ['404 of a proxy', answer(404, 'default backend - 404'), 'rejected'],
    ['404 of something with JSON', answer(404, { message: 'not found' }), 'rejected'],
    ['422 of a proxy', answer(422, LOGIN_PAGE), 'rejected'],
    ['408', answer(408, ''), 'unknown'],
    ['500', { kind: 'answer', ...says.internalError('etcd') }, 'unknown'],
    ['503', answer(503, 'shutting down'), 'unknown'],
    ['504', answer(504, 'gateway'), 'unknown'],
    ['202', answer(202, '{}'), 'unknown'],
    ['200 and garbage', answer(200, '{"metadata":'), 'unknown'],
    ['200 and a login page', answer(200, LOGIN_PAGE), 'unknown'],
    ['200 and null', answer(200, 'null'), 'unknown'],
    ['200 and another object', answer(200, { metadata: { name: 'b' } }), 'unknown'],
    ['a reset', { kind: 'reset' }, 'unknown'],
    ['silence', { kind: 'hang' }, 'unknown'],
  ])('that is answered by %s', async (_name, fault, kind) => {
    api.intercept(() => fault)
    const written = await patchPod()
    expect(written.kind).toBe(kind)
    expect('error' in written && written.error).toMatchObject({
      name: 'KubeError',
      remedy: expect.stringMatching(/\.$/),
    })
    expect(api.requests).toHaveLength(kind === 'unauthenticated' ? 2 : 1)
  })
})

describe('an Event', () => {
  const event: KubeEvent = {
    ...{ namespace: 'shop', name: 'web.0123', type: 'Warning', reason: 'FailedOver', action: 'MakeActive' },
    ...{ note: 'b is active', timeMs: Date.parse('2026-01-02T03:04:05.678Z') },
    service: { name: 'web', uid: 'uid-of-web' },
    pod: { name: 'b', uid: 'uid-of-b' },
  }
  let kube: Kube & Events
  beforeEach(() => {
    const config = new KubeConfig()
    config.loadFromString(api.kubeconfig)
    kube = connect(config)
  })
  const create = (signal = never) => kube.createEvent(event, signal)

  it('is created as the API takes it, in one request that is counted', async () => {
    expect(await create()).toEqual({ kind: 'created' })
    expect(kube.requests).toBe(1)
    expect(api.store.get('events', 'shop', 'web.0123')).toMatchObject({
      eventTime: '2026-01-02T03:04:05.678000Z',
      reportingController: 'active-passive/handler',
      reportingInstance: expect.stringMatching(/^.{1,128}$/),
      regarding: { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web', uid: 'uid-of-web' },
      related: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'b', uid: 'uid-of-b' },
      ...{ note: 'b is active', reason: 'FailedOver', action: 'MakeActive', type: 'Warning' },
    })
  })

  it('of a name that there is exists, whoever has made it', async () => {
    expect([await create(), await create()]).toEqual([{ kind: 'created' }, { kind: 'exists' }])
  })

  it.each([
    ['another conflict', answer(409, { kind: 'Status', message: 'has been modified', reason: 'Conflict' })],
    ['a conflict of a proxy', answer(409, 'Conflict')],
    ['a login page', answer(201, LOGIN_PAGE)],
    ['a login page with 200', answer(200, LOGIN_PAGE)],
    ['a failure', answer(500, { kind: 'Status', message: 'out of order' })],
  ])('with the answer of %s has failed', async (_what, fault) => {
    plan(fault)
    expect((await create()).kind).toBe('failed')
  })

  it('without the right says which rule is missing', async () => {
    const events = { resource: 'events', namespace: 'shop', status: false } as const
    const { status, body } = says.forbidden('system:serviceaccount:shop:ap', 'create', events)
    plan(answer(status, body))
    expect(await create()).toMatchObject({
      error: {
        code: 'denied',
        message: expect.stringContaining('may not create events.k8s.io/events in namespace shop: '),
        remedy: expect.stringContaining('- {apiGroups: [events.k8s.io], resources: [events], verbs: [create]}'),
      },
    })
  })

  it('without an answer, and without time, has failed, and is not sent twice', async () => {
    const over = new AbortController()
    api.intercept(() => {
      over.abort()
      return { kind: 'hang' }
    })
    expect(await create(over.signal)).toMatchObject({ kind: 'failed', error: { code: 'unreachable' } })
    expect(await create(AbortSignal.abort())).toMatchObject({ kind: 'failed' })
    expect(kube.requests).toBe(1)
  })
})
