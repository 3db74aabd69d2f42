/** What the metrics say of single groups, for as long as there are such groups. */
import type { Gauge } from 'prom-client'
import { exitCode } from '../../report/exit-code.js'
import type { GroupReport, Report } from '../../report/report.js'
import { isMissing } from '../../report/report.js'
import { compareNames } from '../../util/compare-names.js'
import { listsBy } from '../../util/lists-by.js'

/**
 * So many groups that are well have series of their own, and so many that are not. Beyond that namespaces have one after
 * the other: a tenant who has thousands of groups takes nobody's alert away.
 */
const OK_LIMIT = 1_000
const NOT_OK_LIMIT = 4_000

export interface GroupGauges {
  readonly active: Gauge<'namespace' | 'services' | 'pod'>
  readonly groupOk: Gauge<'namespace' | 'services'>
  readonly groups: Gauge
  readonly withoutSeries: Gauge
}

interface Known {
  readonly namespace: string
  readonly services: readonly string[]
  readonly pod: string
  readonly isOk: boolean
}

export class GroupSeries {
  /** By its Services: each is in one group at a time. */
  private readonly byService = new Map<string, Known>()
  private readonly known = new Set<Known>()
  private isFresh = true

  constructor(private readonly gauges: GroupGauges) {}

  /** What is known of these groups. */
  served(report: Report): void {
    for (const group of report.groups) {
      for (const service of group.services) this.forget(this.byService.get(keyOf(group.namespace, service)))
      if (group.services.length === 0 || isMissing(group)) continue // a fault, and no group
      this.note(group, exitCode({ ...report, interrupted: false, groups: [group] }) === 0)
    }
    this.gauges.groups.set(this.known.size)
  }

  /** A namespace that could not be read keeps what is known of it; the others lose what is not there any more. */
  passed({ complete, groups, busy }: Report): void {
    if (complete.length === 0) return
    const there = new Set<Known | undefined>()
    for (const { namespace, services } of [...groups.filter((group) => !isMissing(group)), ...busy]) {
      for (const service of services) there.add(this.byService.get(keyOf(namespace, service)))
    }
    const isRead = ({ namespace }: Known) => complete.some((one) => one === undefined || one === namespace)
    for (const group of this.known) if (!there.has(group) && isRead(group)) this.forget(group)
    this.gauges.groups.set(this.known.size)
  }

  /** Sets the gauges of single groups: before they are read, and not for each group that is served. */
  refresh(): void {
    if (this.isFresh) return
    this.isFresh = true
    const { active, groupOk, withoutSeries } = this.gauges
    active.reset()
    groupOk.reset()
    const all = [...this.known]
    const isOk = (group: Known) => group.isOk
    const shown = [
      ...inTurn(
        all.filter((group) => !isOk(group)),
        NOT_OK_LIMIT,
      ),
      ...inTurn(all.filter(isOk), OK_LIMIT),
    ]
    for (const { namespace, services, pod, isOk } of shown) {
      const labels = { namespace, services: services.join(',') }
      if (pod !== '') active.set({ ...labels, pod }, 1)
      groupOk.set(labels, isOk ? 1 : 0)
    }
    withoutSeries.set(all.length - shown.length)
  }

  private note({ namespace = '', services, activeAfter: pod = '' }: GroupReport, isOk: boolean): void {
    const group: Known = { namespace, services, pod, isOk }
    this.isFresh = false
    this.known.add(group)
    for (const service of services) this.byService.set(keyOf(namespace, service), group)
  }

  private forget(group: Known | undefined): void {
    if (!group || !this.known.delete(group)) return
    this.isFresh = false
    for (const service of group.services) this.byService.delete(keyOf(group.namespace, service))
  }
}

/** The first of each namespace, then the second of each, and so on; the same ones each time, in whatever order they came. */
function inTurn(groups: readonly Known[], limit: number): readonly Known[] {
  if (groups.length <= limit) return groups
  const sorted = groups
    .map((group) => ({ group, name: group.services.join(',') }))
    .sort((a, b) => compareNames(a.group.namespace, b.group.namespace) || compareNames(a.name, b.name))
  const namespaces = [...listsBy(sorted, ({ group }) => group.namespace).values()]
  const places = namespaces.flatMap((own) => own.map(({ group }, place) => ({ group, place })))
  return places
    .sort((a, b) => a.place - b.place)
    .slice(0, limit)
    .map(({ group }) => group)
}

function keyOf(namespace: string | undefined, service: string): string {
  return `${namespace}/${service}`
}
