/** The scope of a pass, and the targets in it if a caller asks for only some of its groups. Pure. */

import type { Group, GroupServices } from '../group/groups.js'
import type { Service } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import type { LabelSelector } from './selector.js'

export interface ServiceRef {
  /** Absent: in any namespace of the scope. */
  readonly namespace?: string | undefined
  readonly name: string
}

/** The groups that a pass is responsible for. */
export interface Scope {
  readonly namespaces: readonly string[] | 'all'
  /** Only the groups of these Services; empty: all. A Service that is not there is a fault. */
  readonly services: readonly ServiceRef[]
  /** Only groups with a Service that has these labels; absent: all. Rivals are found among all Services all the same. */
  readonly selector?: LabelSelector
  readonly roleLabel: string
  /** A group is managed only if one of its Services is annotated with `managed: "true"`; the default is false. */
  readonly optIn?: boolean
  /** The settings of Services without annotations. */
  readonly settings: Settings
}

/** Whether the reference names this Service. */
export function names(ref: ServiceRef, service: Service): boolean {
  return ref.name === service.name && (ref.namespace === undefined || ref.namespace === service.namespace)
}

/** What a scope asks of a group. */
export type Filter = Pick<Scope, 'services' | 'selector'>

/** Whether one of the group's Services is named, if any are, and one has the labels, if any are asked for. */
export function isInScope({ services, selector }: Filter, group: GroupServices): boolean {
  return (
    (services.length === 0 || group.services.some((one) => services.some((ref) => names(ref, one)))) &&
    (!selector || group.services.some(({ labels }) => selector.matches(labels ?? {})))
  )
}

/** A Service or a pod that a caller names. If both are given and no Service of that name is managed, the pod counts. */
export interface Target {
  /** Absent: in any namespace of the scope. */
  readonly namespace?: string | undefined
  readonly service?: string | undefined
  readonly pod?: string | undefined
  /** The reaction when it names no group: serve all groups, report it, or do nothing. */
  readonly otherwise: 'all' | 'not-found' | 'nothing'
}

/** The request of a caller: the groups of these targets, or all groups. */
export type Selection = readonly Target[] | 'all'

/** The groups whose pods must be read: all, if a target names no managed Service but may name a pod or ask for all. */
export function groupsToRead(
  groups: readonly GroupServices[],
  targets: readonly Target[] | undefined,
): readonly GroupServices[] {
  if (targets === undefined) return groups
  const isNamed = (target: Target) => groups.some((group) => namesService(target, group))
  if (!targets.every((target) => isNamed(target) || (!target.pod && target.otherwise !== 'all'))) return groups
  return groups.filter((group) => targets.some((target) => namesService(target, group)))
}

/** @returns the groups that are named, and the targets that name none */
export function selectGroups(
  groups: readonly Group[],
  targets: readonly Target[],
): { readonly selected: readonly Group[]; readonly unmatched: readonly Target[] } {
  const selected = new Set<Group>()
  const unmatched: Target[] = []
  for (const target of targets) {
    const byService = groups.filter((group) => namesService(target, group))
    const matches = byService.length > 0 ? byService : groups.filter((group) => namesPod(target, group))
    if (matches.length === 0) unmatched.push(target)
    for (const group of matches) selected.add(group)
  }
  return { selected: groups.filter((group) => selected.has(group)), unmatched }
}

function namesService({ namespace, service }: Target, group: GroupServices): boolean {
  return isIn(namespace, group) && group.services.some(({ name }) => name === service)
}

function namesPod({ namespace, pod }: Target, group: Group): boolean {
  const { members, strangers, ended } = group
  const pods = [...members.map((member) => member.pod), ...strangers, ...ended] // an alert may be about one that has ended
  return isIn(namespace, group) && pods.some(({ name }) => name === pod)
}

function isIn(namespace: string | undefined, group: GroupServices): boolean {
  return namespace === undefined || namespace === group.namespace
}

/** The name of a namespace or a Service. */
export function parseName(text: string): string | undefined {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text) ? text : undefined
}

/** `NAME` or `NAMESPACE/NAME`. */
export function parseServiceRef(text: string): ServiceRef | undefined {
  const parts = text.split('/')
  const name = parts.pop() ?? ''
  const [namespace, ...more] = parts
  if (more.length > 0 || !parseName(name)) return undefined
  if (namespace === undefined) return { name }
  return parseName(namespace) ? { namespace, name } : undefined
}
