/**
 * Warns about selectors that match no pod while a pod has nearly their labels: `app: tpyo` beside `app: typo`. A group
 * that was scaled to zero has neighbours too, and must get no warning. So only names that `isSlip` accepts are
 * suggested, and a pod that another Service selects is not taken for a misspelled one. Pure, in linear time.
 */

import { PIN } from '../kube/keys.js'
import { isLive } from '../kube/pods.js'
import type { Pod, Service } from '../kube/port.js'
import { closest, isSlip, numbersIn, plain, shortened } from '../util/closest.js'
import { compareNames } from '../util/compare-names.js'
import { add, listsBy } from '../util/lists-by.js'
import { type GroupServices, groupKey, groupName } from './groups.js'
import { LabelIndex, type Labels } from './label-index.js'
import { commonSelector, leadsToPods } from './services.js'

type Entry = readonly [key: string, value: string]

/** A tenant may write thousands of names that are one letter apart. */
const MAX_CANDIDATES = 64

/** The most names and pods that are compared in one namespace: these hints must cost little. */
const MAX_STEPS = 10_000
/** The most values that selectors are compared with, of all keys of a namespace. */
const MAX_VALUES = 1_000

/**
 * Warnings for groups that select no pod though a pod was probably meant: its labels are the selector's except for one
 * slip in one value or one key. A warning names the selector and that label of the pod. Pods that have ended (Failed,
 * Succeeded) do not count.
 * @param groups the served groups without pods; without any, nothing is computed
 * @param pods all pods of these namespaces, whatever their labels
 * @param services all Services of these namespaces
 * @returns warnings by `groupKey`
 */
export function emptySelectors(
  groups: readonly GroupServices[],
  pods: readonly Pod[],
  services: readonly Service[],
  roleLabel: string,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  if (groups.length === 0) return found
  const alive = listsBy(pods.filter(isLive), ({ namespace }) => namespace)
  const routing = services.filter(leadsToPods)
  const servicesOf = listsBy(routing, ({ namespace }) => namespace)
  for (const [namespace, own] of listsBy(groups, (group) => group.namespace)) {
    const sorted = [...(alive.get(namespace) ?? [])].sort((a, b) => compareNames(a.name, b.name))
    const index = new NearLabels(sorted, own)
    const isSpokenFor = spokenFor(sorted, servicesOf.get(namespace) ?? [], roleLabel)
    for (const group of own) {
      const near = index.find(group.selector, (pod, [, value]) => !isSpokenFor(pod, group, value))
      if (near) found.set(groupKey(namespace, group.selector), describe(group, near))
    }
  }
  return found
}

interface Near {
  readonly pod: Pod
  /** The label as the pod has it. */
  readonly entry: Entry
}

function describe(group: GroupServices, { pod, entry: [key, value] }: Near): string {
  const selector = Object.entries(group.selector).map((entry) => entry.join('='))
  return `service ${groupName(group)}: its selector ${selector.join()} matches no pod, but pod ${pod.name} has ${key}=${value}: did you mean ${key}: ${value}?`
}

/**
 * Whether another Service with a role selects the pod, or any other Service does. In the second case it may still be
 * meant if the group's Service is named after its label: `helloworld-all` selects all pods of `helloworld`, whatever
 * typo the Service `helloworld` has.
 */
function spokenFor(
  pods: readonly Pod[],
  services: readonly Service[],
  roleLabel: string,
): (pod: Pod, group: GroupServices, value: string) => boolean {
  const hasRole = ({ selector }: Service) => roleLabel in selector || PIN in selector
  const withoutRole = (service: Service) => commonSelector(service, roleLabel)
  const isOfGroup = selectedBy(services.filter(hasRole).map(withoutRole), pods)
  const isServed = selectedBy(
    services.filter((service) => !hasRole(service)).map(({ selector }) => selector),
    pods,
  )
  return (pod, group, value) => isOfGroup(pod) || (isServed(pod) && !isNamedAfter(group, value))
}

function isNamedAfter({ services }: GroupServices, value: string): boolean {
  const parts = (name: string) => `-${name.toLowerCase().replaceAll(/[._]/g, '-')}-`
  return services.some(({ name }) => parts(name).includes(parts(value)))
}

/** Whether one of these selectors matches a pod. An empty one matches none. */
function selectedBy(selectors: readonly Labels[], pods: readonly Pod[]): (pod: Pod) => boolean {
  const index = new LabelIndex(pods, ({ labels }) => labels, selectors)
  const found = index.none()
  for (const selector of selectors) if (Object.keys(selector).length > 0) found.join(index.select(selector))
  const selected = new Set(found.all().map((place) => index.at(place)))
  return (pod) => selected.has(pod)
}

function matches(selector: Labels, { labels }: Pod, but?: string): boolean {
  return Object.entries(selector).every(([key, value]) => key === but || labels[key] === value)
}

/** The space is a safe separator: neither a key nor a value has one. */
function idOf([key, value]: Entry): string {
  return `${key} ${value}`
}

/** The pods of a namespace by their labels, and the labels by the names they may be mistaken for. */
class NearLabels {
  readonly #pods = new Map<string, Pod[]>()
  readonly #selected: LabelIndex<Pod>
  #steps = MAX_STEPS
  #values = MAX_VALUES
  readonly #keysOf = new Map<string, string[]>()
  readonly #valuesOf = new Map<string, string[]>()
  /** By key: the values by their traces. Built for a key when it is first needed. */
  readonly #traces = new Map<string, ReadonlyMap<string, readonly string[]>>()

  constructor(pods: readonly Pod[], groups: readonly GroupServices[]) {
    const selectors = groups.map(({ selector }) => selector)
    this.#selected = new LabelIndex(pods, ({ labels }) => labels, selectors)
    for (const pod of pods) {
      for (const entry of Object.entries(pod.labels)) {
        const [key, value] = entry
        if (!this.#pods.has(idOf(entry))) {
          add(this.#keysOf, value, key)
          add(this.#valuesOf, key, value)
        }
        add(this.#pods, idOf(entry), pod)
      }
    }
  }

  /** A pod that has the labels of a selector except for one slip, if no pod has all of them. */
  find(selector: Labels, isFree: (pod: Pod, entry: Entry) => boolean): Near | undefined {
    const entries = Object.entries(selector)
    if (this.#steps <= 0 || !this.#selected.select(selector).isEmpty()) return undefined
    for (const [key, value] of entries) {
      const others = entries.filter(([other]) => other !== key)
      const slips: readonly Entry[] = [
        ...this.#valuesNear(key, value).map((near) => [key, near] as const),
        ...this.#keysNear(key, value).map((near) => [near, value] as const),
      ]
      for (const entry of slips) {
        const [near, its] = entry
        const pod = this.#fewest([entry, ...others]).find(
          (one) =>
            this.#isAllowed() &&
            one.labels[near] === its &&
            (near === key || one.labels[key] === undefined) &&
            matches(selector, one, key) &&
            isFree(one, entry),
        )
        if (pod) return { pod, entry }
      }
    }
    return undefined
  }

  /** Counts a step; false once all steps are used. */
  #isAllowed(): boolean {
    return this.#steps-- > 0
  }

  /** The pods with the rarest of these labels. */
  #fewest(entries: readonly Entry[]): readonly Pod[] {
    const lists = entries.map((entry) => this.#pods.get(idOf(entry)) ?? [])
    return lists.reduce((fewest, list) => (list.length < fewest.length ? list : fewest), lists[0] ?? [])
  }

  #valuesNear(key: string, value: string): readonly string[] {
    const byTrace = this.#traces.get(key) ?? this.#index(key)
    const near = new Set<string>()
    for (const trace of tracesOf(value)) {
      for (const other of byTrace.get(trace) ?? []) {
        if (near.size < MAX_CANDIDATES) near.add(other)
      }
    }
    return [...near].filter((other) => this.#isAllowed() && other !== value && isSlip(other, value))
  }

  #index(key: string): ReadonlyMap<string, readonly string[]> {
    const values = (this.#valuesOf.get(key) ?? []).slice(0, this.#values)
    this.#values -= values.length
    const byTrace = indexed(values)
    this.#traces.set(key, byTrace)
    return byTrace
  }

  #keysNear(key: string, value: string): readonly string[] {
    const keys = (this.#keysOf.get(value) ?? []).slice(0, MAX_CANDIDATES)
    return keys.filter((other) => this.#isAllowed() && other !== key && isKeySlip(other, key))
  }
}

/** Looser than `isSlip`, because the values are equal. */
function isKeySlip(one: string, other: string): boolean {
  const [parts, others] = [one.split('/'), other.split('/')]
  const isNear = (part: string, like: string) =>
    closest(part, [like]) !== undefined || closest(like, [part]) !== undefined
  return (
    numbersIn(one) === numbersIn(other) &&
    parts.length === others.length &&
    parts.every((part, n) => isNear(part, others[n] ?? ''))
  )
}

function indexed(values: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const byTrace = new Map<string, string[]>()
  for (const value of values) for (const trace of new Set(tracesOf(value))) add(byTrace, trace, value)
  return byTrace
}

/** The traces of a value. Two values that differ by one slip share one. */
function tracesOf(value: string): readonly string[] {
  const numbers = numbersIn(value)
  return shortened(plain(value)).map((trace) => `${trace} ${numbers}`)
}
