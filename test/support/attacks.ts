/** What a tenant may do in a namespace of its own to hold up the groups of others. Each is given a namespace and goes on until it is told to end. */
import { setTimeout as sleep } from 'node:timers/promises'
import pLimit from 'p-limit'
import { CLAIM, EPOCH } from '../../handler/kube/keys.js'
import type { OnCluster } from './on-cluster.js'
import type { PodDraft } from './pods.js'
import { type Behaviour, response, startServer } from './servers.js'

export interface Attack {
  readonly name: string
  /** Keeps the API server itself busy, which everybody notices: it is for a measurement with nothing else beside it. */
  readonly isOnServer?: true
  /** Resolves when it is under way. */
  readonly begin: (tenant: Tenant) => Promise<unknown>
}

/** How much of it. What an attack shows does not depend on it, as long as it fits the program that is attacked. */
export interface Scale {
  /** Services of one tenant, where there are to be many. */
  readonly services: number
  /** What the program makes at once (`--concurrency`): a tenant wants more than that. */
  readonly probes: number
  /** What is done again and again is done so many times less often. */
  readonly pace: number
}

const FULL: Scale = { services: 1_100, probes: 64, pace: 1 }

/** Whom an attack comes from. */
export interface Tenant extends OnCluster {
  readonly scale: Scale
  /** Pods `NAME-0`, `NAME-1`, … with the label `app: NAME`, all answered for by one server. */
  addPods(name: string, count: number, behaviour: Behaviour, draft?: Partial<PodDraft>): Promise<void>
  /** The Service of these pods. */
  addGroup(name: string, annotations?: Readonly<Record<string, string>>): Promise<void>
  /** Does this for the nth time, again and again until the attack ends, whatever comes of it. */
  repeat(everyMs: number, act: (n: number) => Promise<unknown>): void
}

export interface BegunAttack {
  readonly namespace: string
  end(): Promise<void>
}

const AT_ONCE = 12
const ACTIVE = { role: 'active' }
/** What the API server takes on one object, in all. */
const MOST_ANNOTATIONS = 262_143
const HANGING = { 'active-passive/health-timeout': '30s' }

/** Begins the attack in this namespace. Resolves when it is under way. */
export async function beginAttack(here: OnCluster, { begin }: Attack, scale = FULL): Promise<BegunAttack> {
  const ended = new AbortController()
  const limit = pLimit(AT_ONCE)
  const underWay: Promise<void>[] = []
  const servers: { close(): Promise<void> }[] = []
  const again = async (everyMs: number, act: (n: number) => Promise<unknown>) => {
    for (let n = 0; !ended.signal.aborted; n++) {
      await act(n).catch(() => {})
      await sleep(everyMs * scale.pace)
    }
  }
  const tenant: Tenant = {
    ...here,
    scale,
    addPods: async (name, count, behaviour, draft = {}) => {
      const server = await startServer(behaviour, { name })
      servers.push(server)
      const add = (n: number) => {
        const labels = { app: name, role: n === 0 ? 'active' : 'passive', ...draft.labels }
        return here.createPod({ name: `${name}-${n}`, port: server.port }, { ...draft, labels })
      }
      await Promise.all(Array.from({ length: count }, (_, n) => limit(() => add(n))))
    },
    addGroup: (name, annotations = {}) =>
      here.addService({ name, selector: { app: name, ...ACTIVE }, annotations, spec: { clusterIP: 'None' } }),
    repeat: (everyMs, act) => void underWay.push(again(everyMs, act)),
  }
  await begin(tenant)
  return {
    namespace: here.namespace,
    end: async () => {
      ended.abort()
      await Promise.all(underWay)
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}

/** A group whose active pod fails and whose other one is well: each pass wants to swap. */
async function inNeed(tenant: Tenant, name: string, annotations: Readonly<Record<string, string>> = {}): Promise<void> {
  await tenant.addPods(`${name}-well`, 1, 'ok', { labels: { app: name, role: 'passive' }, annotations })
  await tenant.addPods(name, 1, 'error', { annotations })
  await tenant.addGroup(name, { 'active-passive/failures': '1' })
}

/** Group by group, pods that are probed with `behaviour`. */
async function groups(
  tenant: Tenant,
  count: number,
  pods: number,
  behaviour: Behaviour,
  annotations: Readonly<Record<string, string>>,
): Promise<void> {
  for (let n = 0; n < count; n++) {
    await tenant.addPods(`many-${n}`, pods, behaviour)
    await tenant.addGroup(`many-${n}`, annotations)
  }
}

const merge = (tenant: Tenant, object: string, metadata: object) =>
  tenant.admin.patch(`${tenant.api}/${object}`, { metadata })

/** An answer that comes just before it would cost nothing to wait for it. */
const late: Behaviour = (socket) => void setTimeout(() => socket.end(response(500, '')), 240)

export const MANY_SERVICES = 'more Services than are worth a thought'

export const ATTACKS: readonly Attack[] = [
  {
    name: 'an epoch that JSON writers escape',
    begin: async (tenant) => {
      await inNeed(tenant, 'less', { [EPOCH]: '<' })
      await inNeed(tenant, 'separator', { [EPOCH]: '\u2028' })
    },
  },
  {
    name: 'pods whose annotations are full',
    begin: (tenant) => inNeed(tenant, 'full', { a: 'x'.repeat(MOST_ANNOTATIONS) }),
  },
  {
    name: 'more silent pods than there are probes, which may take an hour',
    begin: async (tenant) => {
      await tenant.addPods('silent', tenant.scale.probes + 2, 'silent')
      await tenant.addGroup('silent', { 'active-passive/health-timeout': '1h' })
    },
  },
  { name: '12 groups that hang', begin: (tenant) => groups(tenant, 12, 2, 'silent', HANGING) },
  {
    name: 'answers that come just in time to keep a place',
    begin: (tenant) =>
      groups(tenant, tenant.scale.probes / 8, 8, late, {
        'active-passive/failures': '100',
        'active-passive/period': '10ms',
      }),
  },
  {
    name: MANY_SERVICES,
    begin: async (tenant) => {
      const limit = pLimit(AT_ONCE)
      await Promise.all(
        Array.from({ length: tenant.scale.services }, (_, n) => limit(() => tenant.addGroup(`group-${n}`))),
      )
    },
  },
  {
    name: '256 KiB of prefer, and 1,000 names',
    begin: async (tenant) => {
      const names = Array.from({ length: 1_000 }, (_, n) => `preferred-${`${n}`.padStart(240, '0')}`).join(',')
      await tenant.addPods('preferred', tenant.scale.probes / 4, 'ok')
      await tenant.addGroup('preferred', { 'active-passive/prefer': names })
    },
  },
  {
    name: 'its own Service claimed again and again',
    begin: async (tenant) => {
      await inNeed(tenant, 'claimed')
      tenant.repeat(100, (n) => merge(tenant, 'services/claimed', { annotations: { [CLAIM]: `${n} claimed-0` } }))
    },
  },
  {
    name: 'Services made and deleted',
    begin: async (tenant) => {
      tenant.repeat(60, async (n) => {
        await tenant.addGroup(`brief-${n}`)
        await tenant.admin.delete(`${tenant.api}/services/brief-${n}`)
      })
    },
  },
  {
    name: 'probes that redirect in circles, drip and flood',
    begin: async (tenant) => {
      for (const behaviour of [
        'redirect-loop',
        'drip',
        'drip-headers',
        'flood',
        'flood-headers',
        'informational',
      ] as const) {
        await tenant.addPods(behaviour, 2, behaviour)
        await tenant.addGroup(behaviour, HANGING)
      }
    },
  },
  {
    name: 'pods that become Ready and not, all the time',
    begin: async (tenant) => {
      await tenant.addPods('flapping', 4, 'ok')
      await tenant.addGroup('flapping')
      for (const pod of [0, 1, 2, 3]) {
        tenant.repeat(60, (n) => tenant.setStatus(`flapping-${pod}`, { ready: n % 2 === 0 }))
      }
    },
  },
  {
    name: 'roles that are given and taken all the time',
    begin: async (tenant) => {
      await tenant.addPods('labelled', 3, 'ok')
      await tenant.addGroup('labelled')
      tenant.repeat(40, (n) => tenant.label(`labelled-${n % 3}`, { role: n % 2 === 0 ? 'active' : null }))
    },
  },
  {
    name: 'pods that change whenever they are to be swapped',
    begin: async (tenant) => {
      for (const group of ['restless-a', 'restless-b', 'restless-c', 'restless-d', 'restless-e', 'restless-f']) {
        await inNeed(tenant, group)
        tenant.repeat(60, (n) => merge(tenant, `pods/${group}-well-0`, { annotations: { [EPOCH]: `${n}` } }))
      }
    },
  },
  {
    name: 'roles that come from a template',
    begin: async (tenant) => {
      await tenant.addPods('templated', 3, 'error', { labels: ACTIVE })
      await tenant.addGroup('templated')
    },
  },
  {
    name: 'finalizers that nobody takes off',
    begin: async (tenant) => {
      await inNeed(tenant, 'kept')
      await tenant.addGroup('kept-too')
      for (const object of ['pods/kept-0', 'services/kept-too']) {
        await merge(tenant, object, { finalizers: ['example.com/wait'] })
        await tenant.admin.delete(`${tenant.api}/${object}`)
      }
      tenant.repeat(200, () => merge(tenant, 'pods/kept-well-0', { labels: { role: 'passive' } }))
    },
  },
  {
    name: 'selectors and settings that make no sense',
    begin: async (tenant) => {
      await inNeed(tenant, 'odd')
      await tenant.addService({ name: 'wide', selector: ACTIVE, spec: { clusterIP: 'None' } })
      await tenant.addService({ name: 'other', selector: { tier: 'none', ...ACTIVE }, spec: { clusterIP: 'None' } })
      await tenant.addGroup('odd-too', { 'active-passive/failures': 'many', 'active-passive/latch': '\u2028' })
    },
  },
  {
    name: 'pods that are written in every pass',
    isOnServer: true,
    begin: (tenant) =>
      groups(tenant, Math.ceil(tenant.scale.services / 10), 8, 'error', {
        'active-passive/failures': '1000',
        'active-passive/probes': '1',
        'active-passive/period': '0s',
      }),
  },
  {
    name: 'a swap of a thousand Services',
    isOnServer: true,
    begin: async (tenant) => {
      await inNeed(tenant, 'crowd')
      const limit = pLimit(AT_ONCE)
      const others = Array.from({ length: tenant.scale.services }, (_, n) => `crowd-${n}`)
      await Promise.all(
        others.map((name) =>
          limit(() => tenant.addService({ name, selector: { app: 'crowd', ...ACTIVE }, spec: { clusterIP: 'None' } })),
        ),
      )
      tenant.repeat(60, (n) => merge(tenant, 'pods/crowd-well-0', { annotations: { [EPOCH]: `${n}` } }))
    },
  },
  {
    name: 'a thousand claims that are put back',
    isOnServer: true,
    begin: async (tenant) => {
      const limit = pLimit(AT_ONCE)
      const names = Array.from({ length: tenant.scale.services }, (_, n) => `left-${n}`)
      await Promise.all(names.map((name) => limit(() => tenant.addGroup(name, { [CLAIM]: 'left nobody' }))))
      const claim = (name: string) => merge(tenant, `services/${name}`, { annotations: { [CLAIM]: 'left nobody' } })
      tenant.repeat(10, () => Promise.all(names.map((name) => limit(() => claim(name)))))
    },
  },
]
