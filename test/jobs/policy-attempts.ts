// What somebody might try with the handler's token and too many rights, and what jobs/policy says to it.

import { REPORTING_CONTROLLER } from '../../handler/kube/events.js'
import { CLAIM, DELETION_COST, EPOCH, HEALED, HISTORY, MANAGED, PAUSE, PIN } from '../../handler/kube/keys.js'
import { isTestedSince } from '../support/cluster/binaries.js'
import { ApiError, applyPatch, jsonPatch, type Kube } from '../support/cluster/client.js'
import type { Rule } from '../support/cluster/users.js'
import type { OnCluster } from '../support/on-cluster.js'

export const DRY_RUN = '?dryRun=All'

/** Of no pod. */
export const UID = '00000000-0000-4000-8000-000000000007'

/** Every verb on everything that the policies are about, as by a mistake in a Role. */
export const TOO_MANY_RIGHTS: readonly Rule[] = [
  {
    apiGroups: [''],
    resources: [
      ...['pods', 'pods/status', 'pods/ephemeralcontainers', 'pods/resize', 'pods/eviction', 'pods/binding'],
      ...['pods/exec', 'services', 'services/status', 'services/proxy'],
    ],
    verbs: ['get', 'list', 'create', 'update', 'patch', 'delete', 'deletecollection'],
  },
  { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['get', 'create', 'update', 'patch', 'delete'] },
]

export const eventsIn = (namespace: string) => `/apis/events.k8s.io/v1/namespaces/${namespace}/events`

/** An Event that a pass may create. */
export const anEvent = (namespace: string) => ({
  metadata: { name: 'target.0123', namespace },
  eventTime: '2026-01-02T03:04:05.678000Z',
  reportingController: REPORTING_CONTROLLER,
  reportingInstance: 'a',
  action: 'MakeActive',
  reason: 'FailedOver',
  type: 'Warning',
  note: 'a is active',
  regarding: { apiVersion: 'v1', kind: 'Service', name: 'target', namespace, uid: UID },
})

/** Other Events: where each is sent to, what is different in it, and the end of the policy's answer. */
export const EVENTS: readonly (readonly [
  what: string,
  path: (namespace: string) => string,
  change: (namespace: string) => Json,
  denial: string,
])[] = [
  ['of another program', eventsIn, () => ({ reportingController: 'kubernetes.io/kubelet' }), ' in its own name'],
  [
    'about a pod',
    eventsIn,
    (namespace) => ({ regarding: { kind: 'Pod', apiVersion: 'v1', name: 'target', namespace } }),
    ' about Services',
  ],
  [
    'that brings labels along',
    eventsIn,
    () => ({ metadata: { name: 'target.0124', labels: { a: 'b' } } }),
    ' without labels, annotations, owners and finalizers',
  ],
  [
    'by the older API',
    (namespace) => `/api/v1/namespaces/${namespace}/events`,
    (namespace) => ({
      reportingComponent: REPORTING_CONTROLLER,
      involvedObject: { kind: 'Service', name: 'target', namespace },
    }),
    ', by events.k8s.io',
  ],
]

type Json = Readonly<Record<string, unknown>>
type Sections = Readonly<Record<string, Json>>

/** A change as a merge patch, and what the policy says to it. */
type Change = readonly [what: string, object: string, patch: Sections, denial: string]

const container = { name: 'app', image: 'helloworld', resources: { requests: { cpu: '100m' } } }
const toleration = { operator: 'Exists' }
const elsewhere = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: '00000000-0000-0000-0000-000000000000' }]

/** Stands for the uid of the object that is written to. */
const OWN_UID = 'own-uid'

const POD_LABEL = 'may only change the role and the pin among the labels of a pod'
const POD_ROLE = 'may only make a pod active or passive'
const POD_PIN = "may only set the pin of a pod to the pod's own uid"
const POD_PINNED = 'may only set the pin of a pod that is active or passive'
const POD_ANNOTATION = 'may only change its marks among the annotations of a pod'
const POD_COST = 'may only write, and remove, a pod-deletion-cost of its own'
const SHORT = 'may only write short annotations'
const POD_METADATA = 'may only change labels and annotations in the metadata of a pod'
const POD_SPEC = 'may not change the spec of a pod'
const SERVICE_MANAGED = 'may only change a Service that selects the active pod'
const SERVICE_ANNOTATION = 'may only change its claim, its notes and the pause among the annotations of a Service'
const SERVICE_METADATA = 'may only change annotations in the metadata of a Service'
const SERVICE_SPEC = 'may only change the selector in the spec of a Service'
const SERVICE_LABEL = 'may only change the role and the pin in the selector of a Service'
const SERVICE_ROLE = 'may only have a Service select the active pod'
const SERVICE_PIN = 'may only pin a Service to the uid of a pod'
const SERVICE_NEITHER = 'may not leave the selector of a Service without the role and the pin'
const SERVICE_WIDE = 'may not change a selector that holds nothing but the role or the pin'
export const OPERATION = 'may only update pods and Services, and none of their subresources'

const pod = (what: string, denial: string, patch: Sections): Change => [what, 'pods/target', patch, denial]
const service = (what: string, denial: string, patch: Sections): Change => [what, 'services/target', patch, denial]
const ofPod = {
  labels: (what: string, denial: string, labels: Json) => pod(what, denial, { metadata: { labels } }),
  annotations: (what: string, annotations: Json) => pod(what, POD_ANNOTATION, { metadata: { annotations } }),
}
const ofService = {
  annotations: (what: string, annotations: Json) => service(what, SERVICE_ANNOTATION, { metadata: { annotations } }),
  selector: (what: string, denial: string, selector: Json) => service(what, denial, { spec: { selector } }),
}

/** What an older API server knows nothing of. */
const SINCE: Readonly<Record<string, string>> = { trafficDistribution: '1.35', resources: '1.33' }

const ALL_CHANGES: readonly Change[] = [
  pod('an image', POD_SPEC, { spec: { containers: [{ ...container, image: 'evil' }] } }),
  pod('a toleration', POD_SPEC, { spec: { tolerations: [toleration, { key: 'a', operator: 'Exists' }] } }),
  pod('activeDeadlineSeconds', POD_SPEC, { spec: { activeDeadlineSeconds: 1 } }),
  pod('an image beside a role', POD_SPEC, {
    metadata: { labels: { role: 'active' } },
    spec: { containers: [{ ...container, image: 'evil' }] },
  }),
  ofPod.labels('another label', POD_LABEL, { kept: 'no' }),
  ofPod.labels('a new label', POD_LABEL, { added: 'yes' }),
  ofPod.labels('a label of our prefix', POD_LABEL, { 'active-passive/epoch': '1' }),
  ofPod.labels('a label removed', POD_LABEL, { kept: null }),
  ofPod.labels('role=leader', POD_ROLE, { role: 'leader' }),
  ofPod.labels('an empty role', POD_ROLE, { role: '' }),
  ofPod.labels('the role removed', POD_ROLE, { role: null }),
  [
    'the role of a stranger',
    'pods/stranger',
    { metadata: { labels: { app: 'helloworld', role: 'active' } } },
    POD_ROLE,
  ],
  ofPod.labels('the pin of another pod', POD_PIN, { [PIN]: '00000000-0000-0000-0000-000000000000' }),
  ['the pin removed', 'pods/pinned', { metadata: { labels: { [PIN]: null } } }, POD_PIN],
  ['the pin of a stranger', 'pods/stranger', { metadata: { labels: { [PIN]: OWN_UID } } }, POD_PINNED],
  ['the pin of a pod without a role', 'pods/unlabelled', { metadata: { labels: { [PIN]: OWN_UID } } }, POD_PINNED],
  ofPod.annotations('another annotation of our prefix', { 'active-passive/anything': 'yes' }),
  ofPod.annotations('a setting of a Service', { 'active-passive/prefer': 'a' }),
  pod('a long annotation', SHORT, { metadata: { annotations: { [EPOCH]: '9'.repeat(1_025) } } }),
  pod('one that is long in bytes alone', SHORT, { metadata: { annotations: { [EPOCH]: '€'.repeat(342) } } }),
  pod('a long note', SHORT, { metadata: { annotations: { [HEALED]: 'x'.repeat(4_097) } } }),
  ofPod.annotations('a foreign annotation', { 'example.com/kept': 'no' }),
  ofPod.annotations('a new foreign annotation', { 'example.com/added': 'yes' }),
  ofPod.annotations('a foreign annotation that looks like ours', { 'active-passive.example.com/epoch': '1' }),
  ofPod.annotations('a foreign annotation removed', { 'example.com/kept': null }),
  pod('another deletion cost', POD_COST, { metadata: { annotations: { [DELETION_COST]: '-1' } } }),
  ['its cost', 'pods/costly', { metadata: { annotations: { [DELETION_COST]: '1000000' } } }, POD_COST],
  ['its cost removed', 'pods/costly', { metadata: { annotations: { [DELETION_COST]: null } } }, POD_COST],
  pod('generateName', POD_METADATA, { metadata: { generateName: 'other-' } }),
  pod('another owner', POD_METADATA, { metadata: { ownerReferences: elsewhere } }),
  pod('the owner removed', POD_METADATA, { metadata: { ownerReferences: null } }),
  pod('a finalizer', POD_METADATA, { metadata: { finalizers: ['example.com/kept', 'example.com/added'] } }),
  pod('the finalizer removed', POD_METADATA, { metadata: { finalizers: null } }),

  ofService.selector('a pin that is no uid', SERVICE_PIN, { app: 'helloworld', role: null, [PIN]: 'anything' }),
  service('externalIPs', SERVICE_SPEC, { spec: { externalIPs: ['192.0.2.7'] } }),
  service('a port', SERVICE_SPEC, { spec: { ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }] } }),
  service('the type', SERVICE_SPEC, { spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false } }),
  service('sessionAffinity', SERVICE_SPEC, { spec: { sessionAffinity: 'ClientIP' } }),
  service('publishNotReadyAddresses', SERVICE_SPEC, { spec: { publishNotReadyAddresses: true } }),
  service('internalTrafficPolicy', SERVICE_SPEC, { spec: { internalTrafficPolicy: 'Local' } }),
  service('trafficDistribution', SERVICE_SPEC, { spec: { trafficDistribution: 'PreferSameNode' } }),
  service('trafficDistribution removed', SERVICE_SPEC, { spec: { trafficDistribution: null } }),
  service('a port beside a latch', SERVICE_SPEC, {
    metadata: { annotations: { [CLAIM]: 'token' } },
    spec: {
      selector: { app: 'helloworld', role: null, [PIN]: UID },
      ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
    },
  }),
  ofService.selector('another selector', SERVICE_LABEL, { app: 'other', role: 'active' }),
  ofService.selector('a new key of the selector', SERVICE_LABEL, { app: 'helloworld', role: 'active', added: 'yes' }),
  ofService.selector('a key of the selector removed', SERVICE_LABEL, { app: null, role: 'active' }),
  ofService.selector('role=passive in the selector', SERVICE_ROLE, { app: 'helloworld', role: 'passive' }),
  ofService.selector('a selector without role and pin', SERVICE_NEITHER, { app: 'helloworld', role: null }),
  service('the selector removed', SERVICE_LABEL, { spec: { selector: null } }),
  ofService.annotations('a foreign annotation', { 'example.com/kept': 'no' }),
  ofService.annotations('a new foreign annotation', { 'example.com/added': 'yes' }),
  ofService.annotations('a foreign annotation removed', { 'example.com/kept': null }),
  ofService.annotations('a setting of its user', { 'active-passive/health-check': 'tcp://:22' }),
  ofService.annotations('managed: "false"', { [MANAGED]: 'false' }),
  service('a long claim', SHORT, { metadata: { annotations: { [CLAIM]: 'x'.repeat(1_025) } } }),
  service('a long note', SHORT, { metadata: { annotations: { [HEALED]: 'x'.repeat(4_097) } } }),
  service('a long history', SHORT, { metadata: { annotations: { [HISTORY]: 'x'.repeat(4_097) } } }),
  ofService.annotations('an annotation that is almost the history', { [`${HISTORY}-2`]: '[]' }),
  ...[
    'false',
    '',
    'yes',
    '2h',
    '2030-01-01',
    '2030-01-01T00:00:00',
    'true\n',
    `2030-01-01T00:00:00.${'0'.repeat(30)}Z`,
  ].map((value) =>
    service(`a pause of ${JSON.stringify(value)}`, SERVICE_ANNOTATION, {
      metadata: { annotations: { [PAUSE]: value } },
    }),
  ),
  service('a label', SERVICE_METADATA, { metadata: { labels: { kept: 'no' } } }),
  service('a label removed', SERVICE_METADATA, { metadata: { labels: { kept: null } } }),
  service('another owner', SERVICE_METADATA, { metadata: { ownerReferences: elsewhere } }),
  service('the owner removed', SERVICE_METADATA, { metadata: { ownerReferences: null } }),
  service('a finalizer', SERVICE_METADATA, { metadata: { finalizers: ['example.com/kept', 'example.com/added'] } }),
  service('the finalizer removed', SERVICE_METADATA, { metadata: { finalizers: null } }),

  ...['unmanaged', 'given-up'].flatMap((name): Change[] => [
    ['a claim', `services/${name}`, { metadata: { annotations: { [CLAIM]: 'token' } } }, SERVICE_MANAGED],
    ['a pause', `services/${name}`, { metadata: { annotations: { [PAUSE]: 'true' } } }, SERVICE_MANAGED],
    ['a pin', `services/${name}`, { spec: { selector: { app: name, [PIN]: UID } } }, SERVICE_MANAGED],
  ]),
  ['the role', 'services/unmanaged', { spec: { selector: { app: 'unmanaged', role: 'active' } } }, SERVICE_MANAGED],
  ['the role', 'services/selectorless', { spec: { selector: { role: 'active' } } }, SERVICE_MANAGED],
  ['the role', 'services/claimed', { spec: { selector: { role: 'active' } } }, SERVICE_WIDE],
  ['the pin', 'services/wide', { spec: { selector: { role: null, [PIN]: UID } } }, SERVICE_WIDE],
  ['the role', 'services/wide-pinned', { spec: { selector: { role: 'active', [PIN]: null } } }, SERVICE_WIDE],

  ['the status', 'pods/target/status', { status: { phase: 'Failed' } }, OPERATION],
  [
    'an ephemeral container',
    'pods/target/ephemeralcontainers',
    { spec: { ephemeralContainers: [{ name: 'debug', image: 'evil', terminationMessagePolicy: 'File' }] } },
    OPERATION,
  ],
  [
    'resources',
    'pods/target/resize',
    { spec: { containers: [{ ...container, resources: { requests: { cpu: '200m' } } }] } },
    OPERATION,
  ],
  [
    'the status',
    'services/target/status',
    {
      status: {
        conditions: [
          { type: 'A', status: 'True', reason: 'A', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
        ],
      },
    },
    OPERATION,
  ],
]

export const CHANGES = ALL_CHANGES.filter(([what]) => isTestedSince(SINCE[what] ?? '1.30'))

/** The objects that the attempts are made on. */
export async function addTargets({ admin, api, addService }: OnCluster): Promise<void> {
  const owner = await admin.post(`${api}/configmaps`, { metadata: { name: 'owner' } })
  const kept = {
    annotations: { 'example.com/kept': 'yes' },
    finalizers: ['example.com/kept'],
    ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid }],
  }
  const labels = { app: 'helloworld', kept: 'yes' }
  const spec = {
    schedulerName: 'none',
    automountServiceAccountToken: false,
    containers: [container],
    tolerations: [toleration],
  }
  for (const [name, roles] of Object.entries({
    target: { role: 'passive' },
    stranger: { role: 'leader' },
    pinned: { role: 'passive', [PIN]: UID },
    unlabelled: {},
  })) {
    await admin.post(`${api}/pods`, { metadata: { ...kept, name, labels: { ...labels, ...roles } }, spec })
  }
  const annotations = { ...kept.annotations, [DELETION_COST]: '7' }
  await admin.post(`${api}/pods`, { metadata: { ...kept, name: 'costly', labels, annotations }, spec })
  await admin.post(`${api}/services`, {
    metadata: { ...kept, name: 'target', labels },
    spec: {
      selector: { app: 'helloworld', role: 'active' },
      ports: [{ port: 80 }],
      trafficDistribution: 'PreferClose',
    },
  })
  await addService({ name: 'unmanaged', selector: { app: 'unmanaged' } })
  await addService({
    name: 'given-up',
    selector: { app: 'given-up', role: 'active' },
    annotations: { [MANAGED]: 'false' },
  })
  await addService({ name: 'selectorless', selector: {} })
  await addService({ name: 'claimed', selector: {}, annotations: { [CLAIM]: 'token' } })
  await addService({ name: 'wide', selector: { role: 'active' } })
  await addService({ name: 'wide-pinned', selector: { [PIN]: UID } })
}

interface Request {
  readonly how: string
  send(api: Kube, query?: string): Promise<unknown>
}

/** The same change by every kind of update. `admin` is asked what it comes to. */
export async function requestsFor(admin: Kube, path: string, change: Sections): Promise<readonly Request[]> {
  const text = JSON.stringify(change)
  const patch = text.includes(OWN_UID) ? await withOwnUid(admin, path, text) : change
  const merged = await admin.patch<Sections>(`${path}${DRY_RUN}`, patch)
  const operations = Object.entries(patch).flatMap(([section, fields]) =>
    Object.keys(fields).map((field) => ({
      op: 'add',
      path: `/${section}/${field}`,
      value: merged[section]?.[field] ?? null,
    })),
  )
  const requests: Request[] = [
    { how: 'merge patch', send: (api, query = '') => api.patch(`${path}${query}`, patch) },
    { how: 'JSON patch', send: (api, query = '') => api.patch(`${path}${query}`, operations, jsonPatch) },
    { how: 'PUT', send: (api, query = '') => api.put(`${path}${query}`, merged) },
  ]
  // What others have set is not removed by an apply, but for keys of selectors: those are written whole.
  const { metadata = {}, spec = {} } = patch
  if (JSON.stringify(metadata).includes('null') || Object.values(spec).includes(null)) return requests
  const kind = path.includes('/pods/') ? 'Pod' : 'Service'
  const applied = JSON.parse(
    JSON.stringify({ apiVersion: 'v1', kind, ...patch }, (_key, value) => value ?? undefined),
  ) as Json
  const send: Request['send'] = (api, query = '?') =>
    api.patch(`${path}${query}&fieldManager=test&force=true`, applied, applyPatch)
  return [...requests, { how: 'server-side apply', send }]
}

async function withOwnUid(admin: Kube, path: string, change: string): Promise<Sections> {
  const { metadata } = await admin.get(path)
  return JSON.parse(change.replaceAll(OWN_UID, `${metadata.uid}`)) as Sections
}

/** What is no update. */
export const OPERATIONS: readonly (readonly [
  what: string,
  send: (api: Kube, path: string, query: string) => Promise<unknown>,
])[] = [
  [
    'create a pod',
    (api, path, query) =>
      api.post(`${path}/pods${query}`, { metadata: { name: 'a' }, spec: { containers: [container] } }),
  ],
  [
    'create a Service',
    (api, path, query) =>
      api.post(`${path}/services${query}`, { metadata: { name: 'a' }, spec: { ports: [{ port: 80 }] } }),
  ],
  [
    'create a pod by an apply',
    (api, path, query) =>
      api.patch(
        `${path}/pods/a${query}&fieldManager=test`,
        { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [container] } },
        applyPatch,
      ),
  ],
  ['delete a pod', (api, path, query) => api.delete(`${path}/pods/target${query}`)],
  ['delete a Service', (api, path, query) => api.delete(`${path}/services/target${query}`)],
  ['delete all pods', (api, path, query) => api.delete(`${path}/pods${query}`)],
  [
    'evict a pod',
    (api, path, query) =>
      api.post(`${path}/pods/target/eviction${query}`, {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: 'target' },
      }),
  ],
  [
    'bind a pod to a node',
    (api, path, query) =>
      api.post(`${path}/pods/target/binding${query}`, {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'target' },
        target: { kind: 'Node', name: 'a' },
      }),
  ],
]

/** 200 for whatever success, else the API server's refusal. */
export async function answerTo(
  request: Promise<unknown>,
): Promise<{ readonly status: number; readonly message?: string }> {
  try {
    await request
    return { status: 200 }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const { status, message } = error
    return { status, message }
  }
}

export const statusOf = async (request: Promise<unknown>) => (await answerTo(request)).status
