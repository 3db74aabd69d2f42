/** What the handlers under fire look after: groups of pods whose health is known at any moment, and their Services. */
import { jsonPatch } from '../../support/cluster/client.js'
import { until } from '../../support/cluster/poll.js'
import { type Rule, type ServiceAccountUser, serviceAccount } from '../../support/cluster/users.js'
import type { Cluster } from '../../support/cluster-context.js'
import { type OnCluster, openNamespace } from '../../support/on-cluster.js'
import type { Behaviour, TestServer } from '../../support/servers.js'
import type { Chronicle } from './chronicle.js'
import type { Group } from './fire-judge.js'
import type { Health } from './gap.js'

const PODS = 3
/** This Service, the only one of its group, may not be patched: its swaps go without a claim. */
const LOCKED = 'locked'
const APPS: Readonly<Record<string, readonly string[]>> = {
  web: ['web'],
  db: ['db', 'db-metrics'],
  [LOCKED]: [LOCKED],
}

/** A pod, by its name: there may be none, or another than before. */
export interface FirePod {
  readonly name: string
  /** Whether it is the active one, as far as can be read. */
  isActive(): Promise<boolean>
  behave(behaviour: Behaviour): Promise<void>
  setReady(ready: boolean): Promise<void>
  remove(): Promise<void>
  create(): Promise<void>
}

export interface FireGroup extends Group {
  readonly pods: readonly FirePod[]
}

export interface FireWorld {
  readonly cluster: OnCluster
  readonly groups: readonly FireGroup[]
  /** The one of them whose Services may not be patched. */
  readonly unclaimed: FireGroup
  readonly health: readonly Health[]
  /** Somebody with the rights of a handler, whose requests can be told from those of others. */
  addUser(name: string): Promise<ServiceAccountUser>
  /** The user writes a note on a Service, and applies its selector as it is in the manifest. */
  edit(group: Group, service: string, note: string): Promise<void>
}

export async function openFireWorld(plane: Cluster, chronicle: Chronicle): Promise<FireWorld> {
  const open = Object.values(APPS)
    .flat()
    .filter((name) => name !== LOCKED)
  const rules = rightsOn(open)
  const cluster = await openNamespace(plane, rules)
  const health: Health[] = []
  const groups = await Promise.all(
    Object.entries(APPS).map(async ([app, names]) => {
      const selector = { app, role: 'active' }
      for (const name of names) await cluster.addService({ name, selector })
      const pods: FirePod[] = []
      for (let n = 0; n < PODS; n++) {
        const server = await cluster.addPod(`${app}-${n}`, 'ok', { labels: { app } })
        health.push({ atMs: performance.now(), pod: server.name, healthy: true })
        pods.push(firePod(cluster, app, server, health, chronicle))
      }
      const services: Group['services'] = Object.fromEntries(names.map((name) => [name, { selector, annotations: {} }]))
      return { app, services, pods }
    }),
  )
  return {
    cluster,
    groups,
    unclaimed: groups.find(({ app }) => app === LOCKED) as FireGroup,
    health,
    addUser: (name) => serviceAccount(plane.kubeconfig, { namespace: cluster.namespace, name, rules }),
    edit: async ({ services }, name, note) => {
      const { selector = {}, annotations = {} } = services[name] ?? {}
      Object.assign(annotations, { note })
      const path = `${cluster.api}/services/${name}`
      await persist(`a note on ${name}`, () => cluster.admin.patch(path, { metadata: { annotations } }))
      const whole = [{ op: 'replace', path: '/spec/selector', value: selector }]
      await persist(`the selector of ${name}`, () => cluster.admin.patch(path, whole, jsonPatch))
    },
  }
}

/** All that `serve --watch` needs, but for the Services that may not be patched. */
function rightsOn(services: readonly string[]): readonly Rule[] {
  const core = { apiGroups: [''] }
  return [
    { ...core, resources: ['pods'], verbs: ['list', 'watch', 'patch'] },
    { ...core, resources: ['services'], verbs: ['list', 'watch'] },
    { ...core, resources: ['services'], verbs: ['patch'], resourceNames: services },
  ]
}

function firePod(cluster: OnCluster, app: string, server: TestServer, health: Health[], chronicle: Chronicle): FirePod {
  const { name } = server
  const { admin, api } = cluster
  const path = `${api}/pods/${name}`
  return {
    name,
    isActive: async () => (await cluster.labels(name).catch(() => undefined))?.role === 'active',
    behave: async (behaviour) => {
      await server.behave(behaviour)
      chronicle.note(name, `answers: ${behaviour}`)
      health.push({ atMs: performance.now(), pod: name, healthy: behaviour === 'ok' })
    },
    setReady: (ready) => persist(`${name} ready: ${ready}`, () => cluster.setStatus(name, { ready })),
    remove: () => persist(`${name} is deleted`, () => admin.delete(path), 404),
    create: () =>
      persist(`${name} is created`, async () => {
        await cluster.createPod(server, { labels: { app } }).catch(ignore(409))
        await cluster.setStatus(name, {})
      }),
  }
}

/** Asks until it is answered well, or with the status that says that it has been done. */
async function persist(what: string, ask: () => Promise<unknown>, done?: number): Promise<void> {
  const attempt = () =>
    ask()
      .then(() => true, ignore(done))
      .catch(() => undefined)
  await until(what, attempt, { timeoutMs: 60_000, everyMs: 50 })
}

function ignore(status: number | undefined): (error: unknown) => true {
  return (error) => {
    if (error instanceof Error && 'status' in error && error.status === status) return true
    throw error
  }
}
