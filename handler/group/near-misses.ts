/**
 * Warns about typos that keep Services, pods and names out of a group, with the likely meaning. No decision rests on
 * it. Pure, in linear time.
 */

import { MANAGED } from '../kube/keys.js'
import type { Pod, Service } from '../kube/port.js'
import { closest, numbersIn } from '../util/closest.js'
import { compareNames } from '../util/compare-names.js'
import { listsBy } from '../util/lists-by.js'
import { type GroupServices, groupKey } from './groups.js'
import { groupKeyOf, isClaimed, leadsToPods, type Neighbours, neighboursOf, whyNotManaged } from './services.js'

interface Stray {
  readonly namespace: string
  readonly service: string
  /** Includes the names of the Service and its namespace. */
  readonly text: string
}

type Role = 'active' | 'passive'
const ROLES: readonly string[] = ['active', 'passive'] satisfies readonly Role[]

interface Entry {
  readonly key: string
  readonly value: string
}

/**
 * Services that are not managed but look as if they were meant to be. A Service annotated as not managed gets no
 * warning. A Service for the standbys (`role: passive`, beside a Service with `role: active` and otherwise the same
 * selector) is asked to carry that annotation. With opt-in, a Service without it gets only the note that it would be
 * managed.
 * @param all all Services of these namespaces: they tell which are for standbys
 */
export function strayServices(all: readonly Service[], roleLabel: string, optIn = false): readonly Stray[] {
  const services = all.filter(leadsToPods)
  const neighbours = neighboursOf(services, roleLabel, optIn)
  const { copies } = neighbours
  const withActive = new Set(
    services
      .filter((service) => service.selector[roleLabel] === 'active' || isClaimed(service, roleLabel))
      .map((service) => groupKeyOf(service, roleLabel)),
  )
  const strays = services.flatMap((service) => {
    const said = service.annotations[MANAGED]
    if (said === 'false' || (optIn && said !== 'true')) return []
    if (copies.has(service)) return noteOnCopy(service, roleLabel, neighbours)
    if (isClaimed(service, roleLabel)) return []
    const entry = almostRole(service.selector, roleLabel)
    if (!entry) return optIn ? noteOnRoleless(service, roleLabel, neighbours) : []
    if (entry.key === roleLabel && entry.value === 'active') return []
    const { [entry.key]: _entry, ...selector } = service.selector
    const isForStandbys = entry.role === 'passive' && withActive.has(groupKey(service.namespace, selector))
    const { namespace, name } = service
    const says = `service ${namespace}/${name}: its selector holds ${entry.key}: ${entry.value}, so`
    const text =
      isForStandbys && entry.key === roleLabel && entry.value === 'passive'
        ? `${says} that it leads to the pods that wait: if that is on purpose, annotate it with ${MANAGED}: "false"; else did you mean ${roleLabel}: active?`
        : `${says} it is not managed: did you mean ${roleLabel}: ${isForStandbys ? 'passive' : 'active'}?`
    return [{ namespace, service: name, text }]
  })
  return optIn ? [...strays, ...notOptedIn(services, roleLabel, neighbours)] : strays
}

/** A copy for the standbys is expected to be unmanaged. */
function noteOnCopy(service: Service, roleLabel: string, neighbours: Neighbours): readonly Stray[] {
  return service.selector[roleLabel] === 'active' ? noteOnUnmanaged(service, roleLabel, neighbours) : []
}

/**
 * A note on a Service that has opted in without a role in its selector, nor anything like it: `managed: "true"` does
 * not add one.
 */
function noteOnRoleless(service: Service, roleLabel: string, neighbours: Neighbours): readonly Stray[] {
  return roleLabel in service.selector ? [] : noteOnUnmanaged(service, roleLabel, neighbours)
}

function noteOnUnmanaged(service: Service, roleLabel: string, neighbours: Neighbours): readonly Stray[] {
  const { namespace, name } = service
  const notManaged = whyNotManaged(service, roleLabel, neighbours)
  if (!notManaged) return []
  return [{ namespace, service: name, text: `service ${namespace}/${name} ${notManaged.why}. ${notManaged.remedy}` }]
}

/**
 * The Services that would be managed if they opted in: the first few of each namespace, and of a few namespaces. A
 * cluster may be full of Services that select `role: active` and mean something else.
 */
function notOptedIn(services: readonly Service[], roleLabel: string, neighbours: Neighbours): readonly Stray[] {
  const waiting = services.filter(
    (service) =>
      service.annotations[MANAGED] !== 'false' &&
      whyNotManaged(service, roleLabel, neighbours) &&
      !whyNotManaged(service, roleLabel, { copies: neighbours.copies }),
  )
  const all = [...listsBy(waiting, ({ namespace }) => namespace)].sort(([a], [b]) => compareNames(a, b))
  const [named, unnamed] = [all.slice(0, MAX_WARNINGS), all.slice(MAX_WARNINGS)]
  const strays = named.flatMap(([, own]): readonly Stray[] => {
    const [first, ...more] = [...own].sort((a, b) => compareNames(a.name, b.name))
    const [note] = first ? noteOnUnmanaged(first, roleLabel, neighbours) : []
    if (!note) return []
    const others = more.map(({ name }) => name).slice(0, NAMED)
    const rest = more.length - others.length
    const same =
      others.length > 0 ? `. The same goes for ${others.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}` : ''
    return [{ ...note, text: note.text + same }]
  })
  const [next] = unnamed.flatMap(([, own]) => own)
  if (!next) return strays
  const count = unnamed.reduce((sum, [, own]) => sum + own.length, 0)
  const text = `${count} more Services in ${unnamed.length} more namespaces, service ${next.namespace}/${next.name} for one, are not annotated with ${MANAGED}: "true" (--opt-in)`
  return [...strays, { namespace: next.namespace, service: next.name, text }]
}

/**
 * The entry that is the role, or was probably meant to be. Another key counts only if the right one is absent: an
 * application may have a role of its own besides.
 */
function almostRole(
  labels: Readonly<Record<string, string>>,
  roleLabel: string,
): (Entry & { readonly role: Role }) | undefined {
  const own = labels[roleLabel]
  const entries = own === undefined ? Object.entries(labels) : [[roleLabel, own] as const]
  for (const [key, value] of entries) {
    const role = closest(value, ROLES)
    if (role !== undefined && closest(key, [roleLabel]) !== undefined) return { key, value, role: role as Role }
  }
  return undefined
}

/** The most names in one warning; the others are counted. */
const NAMED = 3

/**
 * Warnings about pods that have a role under nearly its key (`rolle: active`), with the likely meaning. Pods with the
 * same label share a warning.
 * @param pods the pods that the group selects
 */
export function strayPods(
  { selector }: Pick<GroupServices, 'selector'>,
  pods: readonly Pod[],
  roleLabel: string,
): readonly string[] {
  const found = new Map<string, { readonly text: string; readonly names: string[] }>()
  for (const { name, labels } of pods) {
    const entry = almostRole(labels, roleLabel)
    // Labels of the group's selector are on all of its pods on purpose. A wrong value under the right key gets another
    // warning.
    if (!entry || entry.key in selector || entry.key === roleLabel) continue
    const text = `${entry.key}=${entry.value}, which is no role: did you mean ${roleLabel}=${entry.role}?`
    const same = found.get(text)
    if (same) same.names.push(name)
    else found.set(text, { text, names: [name] })
  }
  return [...found.values()].map(({ text, names }) => `${listed(names)}: labelled ${text}`)
}

function listed(names: readonly string[]): string {
  const rest = names.length - NAMED
  return `pod${names.length > 1 ? 's' : ''} ${names.slice(0, NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

/** The most warnings of one kind. */
const MAX_WARNINGS = 10

/**
 * Warnings about names in `prefer` or `never` that no pod of the group has, with the pod that was probably meant. A
 * group without pods gets none. A pod that is being replaced is named while it is away.
 * @param podNames the names of the group's pods
 */
export function unnamedPods(
  setting: 'prefer' | 'never',
  names: readonly string[],
  podNames: readonly string[],
): readonly string[] {
  const known = new Set(podNames)
  if (known.size === 0) return []
  const unknown = [...new Set(names)].filter((name) => !known.has(name) && !name.includes('='))
  const warnings = unknown.slice(0, MAX_WARNINGS).map((name) => {
    // `web-3` is no slip for `web-2`: its meaning is unknown.
    const meant = closest(
      name,
      podNames.filter((pod) => numbersIn(pod) === numbersIn(name)),
    )
    const hint =
      meant === undefined ? `; they are ${listed(podNames).replace(/^pods? /, '')}` : `: did you mean ${meant}?`
    return `${setting} names ${name}, and the group has no such pod${hint}`
  })
  const rest = unknown.length - warnings.length
  return rest > 0 ? [...warnings, `${setting} names ${rest} more that the group does not have`] : warnings
}

/** The same for labels in `prefer` or `never`, with the values that the pods have instead. */
export function unnamedLabels(
  setting: 'prefer' | 'never',
  entries: readonly string[],
  pods: readonly Pick<Pod, 'labels'>[],
): readonly string[] {
  if (pods.length === 0) return []
  const known = new Set(pods.flatMap(({ labels }) => Object.entries(labels).map(([key, value]) => `${key}=${value}`)))
  const unknown = [...new Set(entries)].filter((entry) => entry.includes('=') && !known.has(entry))
  const warnings = unknown.slice(0, MAX_WARNINGS).map((entry) => {
    const key = entry.slice(0, entry.indexOf('=') + 1)
    const others = [...known].filter((one) => one.startsWith(key)).sort(compareNames)
    const has =
      others.length > 0 ? `they have ${listed(others).replace(/^pods? /, '')}` : `none has ${key.slice(0, -1)}`
    return `${setting} names ${entry}, and no pod of the group has that label; ${has}`
  })
  const rest = unknown.length - warnings.length
  return rest > 0 ? [...warnings, `${setting} names ${rest} more labels that no pod of the group has`] : warnings
}
