/** A report on what several have asked for together -> for each the report on what that one has asked for. */

import type { Order, Target } from '../pass/scope.js'
import type { GroupReport, Report } from '../report/report.js'
import { isMissing } from '../report/report.js'

/**
 * Who has named groups gets those, and the faults of the namespaces where they are or may be: what was refused elsewhere
 * is no trouble of theirs. Who has named something that is nowhere in the report gets all of it, for all was served then.
 */
export class SplitReport {
  private readonly shares = new Map<string, Report>()
  private index: Places | undefined

  /** @param made what the pass was made for */
  constructor(
    private readonly report: Report,
    private readonly made: Order,
  ) {}

  /** The same object for all who get the same. */
  of(order: Order): Report {
    if (order === this.made) return this.report
    const named = order === 'all' ? [[]] : order.map((target) => this.find(target))
    const places = new Set(named.flat())
    if (named.some((found) => found.length === 0)) for (const place of this.everything()) places.add(place)
    const { groups } = this.report
    if (places.size === groups.length) return this.report
    const sorted = [...places].sort((a, b) => a - b)
    const key = sorted.join()
    const share = this.shares.get(key) ?? { ...this.report, groups: sorted.flatMap((place) => groups[place] ?? []) }
    this.shares.set(key, share)
    return share
  }

  /** But for what others have asked for in vain. */
  private everything(): readonly number[] {
    const isForAll = (group: GroupReport) => this.made === 'all' || !isMissing(group)
    return this.report.groups.flatMap((group, place) => (isForAll(group) ? place : []))
  }

  private find({ namespace, service, pod, otherwise }: Target): readonly number[] {
    this.index ??= placesIn(this.report)
    const places = this.index
    const at = (kind: Kind, name = '') => places.get(keyOf(namespace, `${kind} ${name}`)) ?? []
    const byService = at('service', service)
    const groups = byService.length > 0 ? byService : at('pod', pod)
    const missing = otherwise === 'not-found' ? at('missing', service).slice(0, 1) : []
    return [...groups, ...missing, ...at('fault')]
  }
}

/** What can be named, to where it is in the report: there may be as many callers as groups. */
type Places = ReadonlyMap<string, readonly number[]>
type Kind = 'service' | 'pod' | 'missing' | 'fault'

function placesIn({ groups }: Report): Places {
  const index = new Map<string, number[]>()
  for (const [place, group] of groups.entries()) {
    for (const name of namesOf(group)) {
      for (const key of new Set([keyOf(group.namespace, name), keyOf(undefined, name)])) {
        const places = index.get(key)
        if (places) places.push(place)
        else index.set(key, [place])
      }
    }
  }
  return index
}

function namesOf(group: GroupReport): readonly `${Kind} ${string}`[] {
  const { services, members } = group
  if (services.length === 0) return ['fault ']
  if (isMissing(group)) return services.map((name) => `missing ${name}` as const)
  return [
    ...services.map((name) => `service ${name}` as const),
    ...members.map(({ pod }) => `pod ${pod.name}` as const),
  ]
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`
}
