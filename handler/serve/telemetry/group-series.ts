/** The series of single groups in the metrics. They exist for as long as their groups do. */
import type { Gauge } from 'prom-client'
import { exitCode } from '../../report/exit-code.js'
import type { GroupReport, Report } from '../../report/report.js'
import { isMissing } from '../../report/report.js'
import { compareNames } from '../../util/compare-names.js'
import { listsBy } from '../../util/lists-by.js'

/**
 * The numbers of groups that have series of their own: so many that are well, and so many that are not. Where there are
 * more groups, the namespaces take turns, so that a tenant with thousands of groups suppresses no alert of another.
 */
const MAX_OK = 1_000
const MAX_NOT_OK = 4_000

interface GroupGauges {
  readonly active: Gauge<'namespace' | 'services' | 'pod'>
  readonly groupOk: Gauge<'namespace' | 'services'>
  readonly groups: Gauge
  readonly withoutSeries: Gauge
}

interface KnownGroup {
  readonly namespace: string
  readonly services: readonly string[]
  readonly pod: string
  readonly isOk: boolean
}

export class GroupSeries {
  /** Each Service is in one group at a time. */
  private readonly byService = new Map<string, KnownGroup>()
  private readonly known = new Set<KnownGroup>()
  /** Whether the gauges show the known groups. */
  private isFresh = true

  constructor(private readonly gauges: GroupGauges) {}

  /** Notes these groups, in place of everything that was known of them. */
  served(report: Report): void {
    for (const group of report.groups) {
      for (const service of group.services) this.forget(this.byService.get(keyOf(group.namespace, service)))
      if (group.services.length === 0 || isMissing(group)) continue // the report is on a fault, and on no group
      this.note(group, exitCode({ ...report, interrupted: false, groups: [group] }) === 0)
    }
    this.gauges.groups.set(this.known.size)
  }

  /** Forgets the groups that a pass did not find. The groups of a namespace that could not be read are kept. */
  passed({ complete, groups, busy }: Report): void {
    if (complete.length === 0) return
    const there = new Set<KnownGroup | undefined>()
    for (const { namespace, services } of [...groups.filter((group) => !isMissing(group)), ...busy]) {
      for (const service of services) there.add(this.byService.get(keyOf(namespace, service)))
    }
    const isRead = ({ namespace }: KnownGroup) => complete.some((one) => one === undefined || one === namespace)
    for (const group of this.known) if (!there.has(group) && isRead(group)) this.forget(group)
    this.gauges.groups.set(this.known.size)
  }

  /**
   * Sets the gauges of single groups. It is called before they are read, because once for each served group costs more.
   */
  refresh(): void {
    if (this.isFresh) return
    this.isFresh = true
    const { active, groupOk, withoutSeries } = this.gauges
    active.reset()
    groupOk.reset()
    const all = [...this.known]
    const isOk = (group: KnownGroup) => group.isOk
    const shown = [
      ...takeInTurn(
        all.filter((group) => !isOk(group)),
        MAX_NOT_OK,
      ),
      ...takeInTurn(all.filter(isOk), MAX_OK),
    ]
    for (const { namespace, services, pod, isOk } of shown) {
      const labels = { namespace, services: services.join(',') }
      if (pod !== '') active.set({ ...labels, pod }, 1)
      groupOk.set(labels, isOk ? 1 : 0)
    }
    withoutSeries.set(all.length - shown.length)
  }

  private note({ namespace = '', services, activeAfter: pod = '' }: GroupReport, isOk: boolean): void {
    const group: KnownGroup = { namespace, services, pod, isOk }
    this.isFresh = false
    this.known.add(group)
    for (const service of services) this.byService.set(keyOf(namespace, service), group)
  }

  private forget(group: KnownGroup | undefined): void {
    if (!group || !this.known.delete(group)) return
    this.isFresh = false
    for (const service of group.services) this.byService.delete(keyOf(group.namespace, service))
  }
}

/**
 * Takes the first group of each namespace, then the second of each, and so on. The result does not depend on the order
 * in which the groups came.
 */
function takeInTurn(groups: readonly KnownGroup[], limit: number): readonly KnownGroup[] {
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
