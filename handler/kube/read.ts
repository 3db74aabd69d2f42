/**
 * Turns the API's objects into Pod and Service. Absent fields get their values here. An object that cannot be read is not
 * left out, because its group must not be served without it: it carries the error.
 */
import type {
  V1Container,
  V1ContainerPort,
  V1EnvVar,
  V1ObjectMeta,
  V1Pod,
  V1PodStatus,
  V1Probe,
  V1Service,
  V1ServicePort,
} from '@kubernetes/client-node'
import { fence } from '../util/defect.js'
import { CLAIM, PIN, PREFIX } from './keys.js'
import { isLive } from './pods.js'
import {
  type ClaimWriter,
  type Container,
  type ContainerPort,
  FIELD_MANAGER,
  type Owner,
  type Pod,
  type ReadinessProbe,
  type Service,
  type ServicePort,
  type Writer,
} from './port.js'

/** Reads a pod as the API sends it in JSON: times are strings. Never throws. */
export function readPod(pod: V1Pod): Pod {
  return fence(
    () => readWholePod(pod),
    (error) => ({
      ...identityOf(pod),
      labels: textsIn(pod.metadata?.labels),
      annotations: undefined,
      createdAtMs: 0,
      phase: textOf(pod.status?.phase),
      terminating: false,
      ready: false,
      readySinceMs: 0,
      containers: [],
      unread: error,
    }),
  )
}

/** Reads a Service as the API sends it in JSON. Never throws. */
export function readService(service: V1Service): Service {
  return fence(
    () => readWholeService(service),
    (error) => ({
      ...identityOf(service),
      resourceVersion: textOf(service.metadata?.resourceVersion),
      annotations: textsIn(service.metadata?.annotations),
      labels: textsIn(service.metadata?.labels),
      selector: textsIn(service.spec?.selector),
      publishNotReadyAddresses: false,
      unread: error,
    }),
  )
}

function identityOf({ metadata }: V1Pod | V1Service): Pick<Pod, 'namespace' | 'name' | 'uid'> {
  return { namespace: textOf(metadata?.namespace), name: textOf(metadata?.name), uid: textOf(metadata?.uid) }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function textsIn(map: unknown): Record<string, string> {
  const entries = typeof map === 'object' && map !== null ? Object.entries(map) : []
  const texts: Record<string, string> = Object.create(null)
  for (const [key, value] of entries) if (typeof value === 'string') texts[key] = value
  return texts
}

function readWholePod(pod: V1Pod): Pod {
  const { metadata = {}, spec, status = {} } = pod
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  const ip = text(status.podIP) || text(status.podIPs?.[0]?.ip)
  const node = text(spec?.nodeName)
  const owner = readOwner(metadata)
  // A list may hold thousands of pods that have ended. A pass only needs to know that they are there.
  const hasEnded = !isLive({ phase: text(status.phase) })
  const writers = hasEnded ? [] : readWriters(metadata)
  const restartedAtMs = hasEnded ? 0 : lastRestart(status)
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter(isSidecar)]
  return {
    namespace: text(metadata.namespace),
    name: text(metadata.name),
    uid: text(metadata.uid),
    labels: alone(metadata.labels ?? {}),
    annotations: metadata.annotations && alone(metadata.annotations),
    createdAtMs: readTime(metadata.creationTimestamp),
    phase: text(status.phase),
    terminating: isTerminating(metadata),
    ready: ready?.status === 'True',
    readySinceMs: readTime(ready?.lastTransitionTime),
    ...(restartedAtMs > 0 ? { restartedAtMs } : {}),
    ...(node && !hasEnded ? { node } : {}),
    ...(ip ? { ip } : {}),
    ...(spec?.restartPolicy === 'Never' || spec?.restartPolicy === 'OnFailure' ? { runsOnce: true as const } : {}),
    ...(owner ? { owner } : {}),
    ...(writers.length > 0 ? { writers } : {}),
    containers: hasEnded ? [] : containers.map(readContainer),
  }
}

/** The last restart of the containers that run now, epoch milliseconds. 0: none was restarted. */
function lastRestart({ containerStatuses = [], initContainerStatuses = [] }: V1PodStatus): number {
  const starts = [...containerStatuses, ...initContainerStatuses].map(({ restartCount, state }) =>
    restartCount > 0 && state?.running ? readTime(state.running.startedAt) : 0,
  )
  return Math.max(0, ...starts)
}

function readOwner({ ownerReferences = [] }: V1ObjectMeta): Owner | undefined {
  const { kind, name, uid } = ownerReferences.find(({ controller }) => controller === true) ?? {}
  if (kind === undefined || name === undefined || uid === undefined) return undefined
  return { kind: text(kind), name: text(name), uid: text(uid) }
}

/** The API server merges the oldest managers of a pod into this entry. It does not tell who created the pod. */
const ANCIENT = 'ancient-changes'

/** A set of fields in the form of managedFields: `f:NAME` is a field, `k:KEY` an item of a list, `.` the set itself. */
interface Fields {
  readonly [field: string]: Fields | undefined
}

function readWriters({ managedFields = [] }: V1ObjectMeta): readonly Writer[] {
  return managedFields.flatMap(({ manager = '', subresource, fieldsV1 }): readonly Writer[] => {
    const fields = (fieldsV1 ?? {}) as Fields
    const metadata = fields['f:metadata'] ?? {}
    const writer: Writer = {
      manager: text(manager),
      created: !subresource && manager !== ANCIENT && isCreator(fields['f:spec']?.['f:containers']),
      owns: metadata['f:ownerReferences'] !== undefined,
      labels: namesIn(metadata['f:labels']),
      annotations: namesIn(metadata['f:annotations']).filter((name) => name.startsWith(PREFIX)),
    }
    const isNothing = !writer.created && !writer.owns && writer.labels.length + writer.annotations.length === 0
    return isNothing ? [] : [writer]
  })
}

/** The creator owns whole containers. A manager that changes an image later owns that field alone. */
function isCreator(containers: Fields | undefined): boolean {
  const items = Object.entries(containers ?? {}).filter(([field]) => field !== '.')
  return containers !== undefined && (items.length === 0 || items.some(([, item]) => item?.['.'] !== undefined))
}

function namesIn(fields: Fields = {}): readonly string[] {
  return Object.keys(fields).flatMap((field) => (field.startsWith('f:') ? [field.slice(2)] : []))
}

function readWholeService({ metadata = {}, spec = {} }: V1Service): Service {
  const claimedBy = readClaimWriter(metadata, spec.selector ?? {})
  return {
    namespace: text(metadata.namespace),
    name: text(metadata.name),
    uid: text(metadata.uid),
    resourceVersion: text(metadata.resourceVersion),
    annotations: alone(metadata.annotations ?? {}),
    ...(metadata.labels ? { labels: alone(metadata.labels) } : {}),
    selector: alone(spec.selector ?? {}),
    publishNotReadyAddresses: spec.publishNotReadyAddresses === true,
    ...(spec.clusterIP === 'None' ? { headless: true as const } : {}),
    ...(spec.type === 'ExternalName' ? { external: true as const } : {}),
    ...(isTerminating(metadata) ? { terminating: true as const } : {}),
    ports: (spec.ports ?? []).map(readServicePort),
    ...(claimedBy ? { claimedBy } : {}),
  }
}

function isTerminating({ deletionTimestamp }: V1ObjectMeta): boolean {
  return deletionTimestamp !== undefined && deletionTimestamp !== null
}

/**
 * A selector is one field, whatever keys it has: it belongs to its last writer, and to all managers that apply the
 * same. Other managers than ourselves go first: a pass writes a claim once, and another manager may keep applying it.
 */
function readClaimWriter(
  { annotations = {}, managedFields = [] }: V1ObjectMeta,
  selector: Readonly<Record<string, string>>,
): ClaimWriter | undefined {
  const isPinned = Object.hasOwn(selector, PIN)
  if (!isPinned && !Object.hasOwn(annotations, CLAIM)) return undefined
  const writers = managedFields.flatMap(({ manager = '', time, subresource, fieldsV1 }): readonly ClaimWriter[] => {
    const fields = (fieldsV1 ?? {}) as Fields
    const written = isPinned
      ? fields['f:spec']?.['f:selector']
      : fields['f:metadata']?.['f:annotations']?.[`f:${CLAIM}`]
    // The API sends a string, though the model says Date.
    return written && !subresource ? [{ manager: text(manager), time: time === undefined ? '' : String(time) }] : []
  })
  const others = writers.filter(({ manager }) => manager !== FIELD_MANAGER)
  return [...(others.length > 0 ? others : writers)].sort((a, b) => (a.time < b.time ? 1 : -1))[0]
}

function readServicePort({ name, port, targetPort, protocol }: V1ServicePort): ServicePort {
  return {
    ...(name ? { name: text(name) } : {}),
    targetPort: portNumber(targetPort || port),
    protocol: text(protocol) || 'TCP',
  }
}

/**
 * Takes the prototype off a map: a label may be called `constructor`, and must not be found where it is absent. The map
 * is changed in place: a copy that is built without a prototype takes three times the memory.
 * @throws TypeError if it is no map of texts: all that makes groups rests on them
 */
function alone(map: Record<string, string>): Record<string, string> {
  if (typeof map !== 'object' || Array.isArray(map)) throw new TypeError('labels, annotations or a selector are no map')
  for (const value of Object.values(map))
    if (typeof value !== 'string') throw new TypeError('a label, an annotation or a part of a selector is no text')
  return Object.setPrototypeOf(map, null)
}

/** Absent, it is empty. @throws TypeError if it is no text */
function text(value: string | null | undefined): string {
  if (typeof (value ?? '') !== 'string') throw new TypeError(`there is ${typeof value} where a text has to be`)
  return value ?? ''
}

/** @throws TypeError if it is no number */
function number(value: number): number {
  if (typeof value !== 'number') throw new TypeError(`there is ${typeof value} where a number has to be`)
  return value
}

/** A number, or the name of a port. @throws TypeError */
function portNumber(value: number | string): number | string {
  return typeof value === 'string' ? value : number(value)
}

function isSidecar({ restartPolicy }: V1Container): boolean {
  return restartPolicy === 'Always'
}

function readContainer({ name, ports = [], readinessProbe, env = [] }: V1Container): Container {
  return {
    name: text(name),
    ports: ports.map(readContainerPort),
    ...(readinessProbe ? { readinessProbe: readProbe(readinessProbe, env) } : {}),
  }
}

function readContainerPort({ name, containerPort, protocol }: V1ContainerPort): ContainerPort {
  return {
    number: number(containerPort),
    ...(name ? { name: text(name) } : {}),
    ...(protocol && protocol !== 'TCP' ? { protocol: text(protocol) } : {}),
  }
}

/** Reads a probe. Of several handlers the first counts, in the kubelet's order: exec, httpGet, tcpSocket, grpc. */
function readProbe(
  { exec, httpGet, tcpSocket, grpc, timeoutSeconds, failureThreshold }: V1Probe,
  env: readonly V1EnvVar[],
): ReadinessProbe {
  const patience = {
    timeoutMs: number(timeoutSeconds || 1) * 1_000,
    ...(failureThreshold ? { failureThreshold: number(failureThreshold) } : {}),
  }
  const host = (declared: { host?: string }) => (declared.host ? { host: text(declared.host) } : {})
  if (httpGet && !exec) {
    return {
      kind: 'http',
      ...patience,
      scheme: httpGet.scheme === 'HTTPS' ? 'https' : 'http',
      ...host(httpGet),
      port: portNumber(httpGet.port),
      path: text(httpGet.path) || '/',
      headers: (httpGet.httpHeaders ?? []).map(({ name, value }) => [text(name), text(value)] as const),
    }
  }
  if (tcpSocket && !exec) return { kind: 'tcp', ...patience, ...host(tcpSocket), port: portNumber(tcpSocket.port) }
  if (grpc && !exec) return { kind: 'grpc', ...patience, port: number(grpc.port), service: text(grpc.service) }
  const command = (exec?.command ?? []).map(text)
  return { kind: 'exec', ...patience, command, ...(isExpanded(command, env) ? { isExpanded: true } : {}) }
}

/** Whether the kubelet replaces something in the command (third_party/forked/golang/expansion in Kubernetes). */
function isExpanded(command: readonly string[], env: readonly V1EnvVar[]): boolean {
  const names = new Set(env.map(({ name }) => name))
  return command.some(
    (word) => word.includes('$$') || [...word.matchAll(/\$\(([^$()]*)\)/g)].some(([, name = '']) => names.has(name)),
  )
}

function readTime(time: Date | string | undefined): number {
  const ms = time === undefined ? Number.NaN : new Date(time).getTime()
  return Number.isNaN(ms) ? 0 : ms
}
