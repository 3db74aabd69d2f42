// The past of a namespace, revision by revision, and the questions that safety tests have about it. Pure.
import type { KubeObject } from './client.js'

/** As much of a pod as the questions need. */
export interface ObservedPod extends KubeObject {
  readonly status?: {
    readonly phase?: string
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
  }
}

/** As much of a Service as the questions need. */
export interface ObservedService extends KubeObject {
  readonly spec: { readonly selector?: Readonly<Record<string, string>> }
}

/** One write that the API server made: what it left behind, or that it deleted. */
export type Change = {
  /** The resourceVersion of the write as a number: pods and Services count the same revisions of one etcd. */
  readonly revision: number
  readonly deleted: boolean
  /** When it was seen, of `performance.now()`: never before the write, and late where the API server was away. */
  readonly seenAtMs: number
} & (
  | { readonly kind: 'pod'; readonly object: ObservedPod }
  | { readonly kind: 'service'; readonly object: ObservedService }
)

/** The time between two writes: the pods and Services that existed after one revision. */
export interface Instant {
  readonly revision: number
  readonly pods: readonly ObservedPod[]
  readonly services: readonly ObservedService[]
}

/** Where something was seen that should not be. */
export interface Finding {
  readonly revision: number
  /** The Service's name; absent for what concerns pods alone. */
  readonly service?: string
  readonly pods: readonly string[]
}

export interface RoleOptions {
  /** `role` unless given. */
  readonly roleLabel?: string
  /** Only pods with these labels; all of the namespace otherwise. A namespace with several groups asks for each. */
  readonly labels?: Labels
}

type Labels = Readonly<Record<string, string>>

/** The instants after each change, in order. `changes` are in the order of their revisions. */
export function* instants(changes: readonly Change[]): Generator<Instant> {
  const pods = new Map<string, ObservedPod>()
  const services = new Map<string, ObservedService>()
  for (const [index, change] of changes.entries()) {
    const { name } = change.object.metadata
    if (change.kind === 'pod') put(pods, name, change.object, change.deleted)
    else put(services, name, change.object, change.deleted)
    // The first instant is a list: many objects, one revision.
    if (changes[index + 1]?.revision === change.revision) continue
    yield { revision: change.revision, pods: [...pods.values()], services: [...services.values()] }
  }
}

/** The instants at which two or more live pods bear the role label `active`. */
export function twoActives(changes: readonly Change[], options: RoleOptions = {}): readonly Finding[] {
  const findings: Finding[] = []
  for (const { revision, pods } of instants(changes)) {
    const names = actives(pods, options)
    if (names.length >= 2) findings.push({ revision, pods: names })
  }
  return findings
}

/** The largest number of live pods that bore the role label `active` at one instant. */
export function maxActives(changes: readonly Change[], options: RoleOptions = {}): number {
  let most = 0
  for (const { pods } of instants(changes)) most = Math.max(most, actives(pods, options).length)
  return most
}

/**
 * The instants at which a Service selects two or more live pods. Looked at are the Services whose selector holds the
 * role label at some time in this history; the others are meant to select as many pods as there are.
 */
export function serviceSelectsTwo(changes: readonly Change[], options: RoleOptions = {}): readonly Finding[] {
  const roleLabel = options.roleLabel ?? 'role'
  const managed = new Set<string>()
  for (const { kind, object } of changes) {
    if (kind === 'service' && object.spec.selector?.[roleLabel] !== undefined) managed.add(object.metadata.uid)
  }
  const findings: Finding[] = []
  for (const { revision, pods, services } of instants(changes)) {
    for (const { metadata, spec } of services) {
      if (!managed.has(metadata.uid)) continue
      const names = selected(pods, spec.selector)
      if (names.length >= 2) findings.push({ revision, service: metadata.name, pods: names })
    }
  }
  return findings
}

/** How often a pod became active that was not the last to be it. */
export function promotions(changes: readonly Change[], options: RoleOptions = {}): number {
  return holders(changes, options).length
}

/** The pods that became active, one after the other, as they were then; a pod that was the last to be it is not named again. */
export function holders(
  changes: readonly Change[],
  { roleLabel = 'role', labels = {} }: RoleOptions = {},
): readonly { readonly pod: ObservedPod; readonly seenAtMs: number }[] {
  const found: { pod: ObservedPod; seenAtMs: number }[] = []
  for (const { kind, deleted, seenAtMs, object } of changes) {
    const { metadata } = object
    if (kind !== 'pod' || deleted || metadata.uid === found.at(-1)?.pod.metadata.uid) continue
    if (bears(metadata.labels, { ...labels, [roleLabel]: 'active' })) found.push({ pod: object, seenAtMs })
  }
  return found
}

function actives(pods: readonly ObservedPod[], { roleLabel = 'role', labels = {} }: RoleOptions): readonly string[] {
  return selected(pods, { ...labels, [roleLabel]: 'active' })
}

/** A Service without a selector selects nothing. */
function selected(pods: readonly ObservedPod[], selector: Labels = {}): readonly string[] {
  if (Object.keys(selector).length === 0) return []
  return pods.filter((pod) => isLive(pod) && bears(pod.metadata.labels, selector)).map(({ metadata }) => metadata.name)
}

export function bears(labels: Labels = {}, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value)
}

/** A terminating pod lives until it is gone: its containers may still serve. A finished one never serves again. */
function isLive(pod: ObservedPod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed'
}

function put<T>(objects: Map<string, T>, name: string, object: T, deleted: boolean): void {
  if (deleted) objects.delete(name)
  else objects.set(name, object)
}
