/** The report of a pass that several callers share -> for each caller the report on the groups that it asked for. */

import type { Selection, Target } from '../pass/scope.js'
import type { GroupReport, Report } from '../report/report.js'
import { isMissing } from '../report/report.js'

/**
 * A caller that named groups gets those groups, and the faults of the namespaces where they are or may be. It gets no
 * fault of another namespace, which does not concern it. A caller that named something that is nowhere in the report
 * gets the whole report, because all groups were served on its behalf.
 */
export class SplitReport {
  private readonly parts = new Map<string, Report>()
  private index: Places | undefined

  /** @param selection the groups that the pass was made for */
  constructor(
    private readonly report: Report,
    private readonly selection: Selection,
  ) {}

  /** The part of one caller. Callers whose parts are equal get the same object. */
  of(selection: Selection): Report {
    if (selection === this.selection) return this.report
    const named = selection === 'all' ? [[]] : selection.map((target) => this.find(target))
    const places = new Set(named.flat())
    if (named.some((found) => found.length === 0)) for (const place of this.everything()) places.add(place)
    const { groups } = this.report
    if (places.size === groups.length) return this.report
    const sorted = [...places].sort((a, b) => a - b)
    const key = sorted.join()
    const part = this.parts.get(key) ?? { ...this.report, groups: sorted.flatMap((place) => groups[place] ?? []) }
    this.parts.set(key, part)
    return part
  }

  /** All groups, without the Services that other callers named and that were not found. */
  private everything(): readonly number[] {
    const isForAll = (group: GroupReport) => this.selection === 'all' || !isMissing(group)
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

/**
 * From everything that a target can name to its places in the report. An index, because there may be as many callers as
 * groups.
 */
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
