/** What the metrics say of single groups, for as long as there are such groups. */
import type { Gauge } from 'prom-client'
import { isMissing } from '../missing.js'
import { exitCode } from '../report/exit-code.js'
import type { GroupReport, Report } from '../report/report.js'

/** Beyond it groups are counted, and have no series of their own. */
const GROUPS_LIMIT = 1_000

export interface GroupGauges {
  readonly active: Gauge<'namespace' | 'services' | 'pod'>
  readonly groupOk: Gauge<'namespace' | 'services'>
  readonly groups: Gauge
}

interface Known {
  readonly namespace: string
  readonly services: readonly string[]
  readonly pod: string
}

export class GroupSeries {
  /** By its Services: each is in one group at a time. */
  private readonly byService = new Map<string, Known>()
  private readonly known = new Set<Known>()
  private readonly withSeries = new Set<Known>()

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

  private note({ namespace = '', services, activeAfter: pod = '' }: GroupReport, isOk: boolean): Known {
    const group: Known = { namespace, services, pod }
    this.known.add(group)
    for (const service of services) this.byService.set(keyOf(namespace, service), group)
    if (this.withSeries.size >= GROUPS_LIMIT) return group
    this.withSeries.add(group)
    if (pod !== '') this.gauges.active.set(labelsOf(group), 1)
    this.gauges.groupOk.set({ namespace, services: services.join(',') }, isOk ? 1 : 0)
    return group
  }

  private forget(group: Known | undefined): void {
    if (!group || !this.known.delete(group)) return
    for (const service of group.services) this.byService.delete(keyOf(group.namespace, service))
    if (!this.withSeries.delete(group)) return
    const { namespace, services, pod } = labelsOf(group)
    this.gauges.active.remove({ namespace, services, pod })
    this.gauges.groupOk.remove({ namespace, services })
  }
}

function labelsOf({ namespace, services, pod }: Known) {
  return { namespace, services: services.join(','), pod }
}

function keyOf(namespace: string | undefined, service: string): string {
  return `${namespace}/${service}`
}
