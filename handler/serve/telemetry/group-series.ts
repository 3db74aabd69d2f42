/** The series of single groups in the metrics. They exist for as long as their groups do. */
import type { Counter, Gauge } from 'prom-client'
import { isSwap, type Swap } from '../../group/decide.js'
import { healthCode, withoutWish } from '../../report/exit-code.js'
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

/**
 * Prometheus sees no increase when a series begins at 1. The kinds that alerts ask for therefore begin at 0 with their
 * group; the others begin when they happen, so that a quiet group has no more series than it needs.
 */
const KINDS_FROM_ZERO = ['failover', 'failback', 'switchover'] as const

interface GroupMetrics {
  readonly active: Gauge<'namespace' | 'service' | 'pod'>
  readonly groupOk: Gauge<'namespace' | 'service'>
  readonly paused: Gauge<'namespace' | 'service'>
  readonly lastHandover: Gauge<'namespace' | 'service'>
  readonly handovers: Counter<'namespace' | 'service' | 'kind'>
  readonly groups: Gauge
  readonly withoutSeries: Gauge
}

/** The handovers of a group that this process knows of. They stay with the group from one report to the next. */
interface Past {
  /** By kind. */
  readonly counts: Map<string, number>
  lastMs: number | undefined
  /** Whether a reading has shown that the counts began at 0. */
  wasShown: boolean
}

interface KnownGroup {
  readonly namespace: string
  readonly services: readonly string[]
  /** The first of the Services by name: the group's label. */
  readonly service: string
  readonly pod: string
  readonly isOk: boolean
  readonly isPaused: boolean
  readonly past: Past
}

/** The handover of the group that a pass has completed; none in a dry run. */
export function swapOf({ decision, activeAfter }: GroupReport, { dryRun }: Pick<Report, 'dryRun'>): Swap | undefined {
  return isSwap(decision) && activeAfter === decision.winner.pod.name && !dryRun ? decision : undefined
}

export class GroupSeries {
  /** Each Service is in one group at a time. */
  private readonly byService = new Map<string, KnownGroup>()
  private readonly known = new Set<KnownGroup>()
  /** Whether the gauges show the known groups. */
  private isFresh = true
  /** The groups that have series. */
  private shown: readonly KnownGroup[] = []

  /** @param now the time in epoch milliseconds */
  constructor(
    private readonly metrics: GroupMetrics,
    private readonly now: () => number,
  ) {}

  /** Notes these groups, in place of everything that was known of them. */
  served(report: Report): void {
    const nowMs = this.now()
    for (const group of report.groups) {
      const { namespace = '', services } = group
      const service = firstOf(services)
      const before = service === undefined ? undefined : this.byService.get(keyOf(namespace, service))
      for (const one of services) this.forget(this.byService.get(keyOf(namespace, one)))
      if (service === undefined || isMissing(group)) continue // the report is on a fault, and on no group
      const past = before?.service === service ? before.past : { counts: new Map(), lastMs: undefined, wasShown: false }
      this.noteHandover(past, group, report)
      this.note({
        ...{ namespace, services, service, past },
        pod: group.activeAfter ?? '',
        isOk: healthCode({ ...report, interrupted: false, groups: [group] }, nowMs) === 0,
        isPaused: withoutWish(group, nowMs).decision.kind === 'paused',
      })
    }
    this.metrics.groups.set(this.known.size)
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
    this.metrics.groups.set(this.known.size)
  }

  /**
   * Sets the gauges of single groups. It is called before they are read, because once for each served group costs more.
   */
  refresh(): void {
    if (this.isFresh) return
    this.isFresh = true
    const { active, groupOk, paused, lastHandover, withoutSeries } = this.metrics
    for (const gauge of [active, groupOk, paused, lastHandover]) gauge.reset()
    const all = [...this.known]
    const isOk = (group: KnownGroup) => group.isOk
    this.shown = [
      ...takeInTurn(
        all.filter((group) => !isOk(group)),
        MAX_NOT_OK,
      ),
      ...takeInTurn(all.filter(isOk), MAX_OK),
    ]
    for (const { namespace, service, pod, isOk, isPaused, past } of this.shown) {
      const labels = { namespace, service }
      if (pod !== '') active.set({ ...labels, pod }, 1)
      groupOk.set(labels, isOk ? 1 : 0)
      paused.set(labels, isPaused ? 1 : 0)
      if (past.lastMs !== undefined) lastHandover.set(labels, past.lastMs / 1_000)
    }
    withoutSeries.set(all.length - this.shown.length)
  }

  /**
   * Sets the counter of handovers, once for each reading. The first reading of a group shows zeros: a handover that was
   * made before it, as by a replica that has just started, is seen as an increase at the next one.
   */
  refreshHandovers(): void {
    this.refresh()
    const { handovers } = this.metrics
    handovers.reset()
    for (const { namespace, service, past } of this.shown) {
      for (const kind of new Set([...KINDS_FROM_ZERO, ...past.counts.keys()])) {
        handovers.inc({ namespace, service, kind }, past.wasShown ? (past.counts.get(kind) ?? 0) : 0)
      }
      past.wasShown = true
    }
  }

  /** Another process may have made the last handover: then the active pod tells when. */
  private noteHandover(past: Past, group: GroupReport, report: Report): void {
    const nowMs = this.now()
    const swap = swapOf(group, report)
    if (swap) past.counts.set(swap.kind, (past.counts.get(swap.kind) ?? 0) + 1)
    const active = swap ? undefined : group.members.find(({ pod }) => pod.name === group.activeAfter)
    const lastMs = swap ? nowMs : active?.activeSinceMs
    if (lastMs !== undefined) past.lastMs = Math.min(lastMs, nowMs)
  }

  private note(group: KnownGroup): void {
    this.isFresh = false
    this.known.add(group)
    for (const service of group.services) this.byService.set(keyOf(group.namespace, service), group)
  }

  private forget(group: KnownGroup | undefined): void {
    if (!group || !this.known.delete(group)) return
    this.isFresh = false
    for (const service of group.services) this.byService.delete(keyOf(group.namespace, service))
  }
}

function firstOf(services: readonly string[]): string | undefined {
  return [...services].sort(compareNames)[0]
}

/**
 * Takes the first group of each namespace, then the second of each, and so on. The result does not depend on the order
 * in which the groups came.
 */
function takeInTurn(groups: readonly KnownGroup[], limit: number): readonly KnownGroup[] {
  if (groups.length <= limit) return groups
  const sorted = [...groups].sort(
    (a, b) => compareNames(a.namespace, b.namespace) || compareNames(a.service, b.service),
  )
  const namespaces = [...listsBy(sorted, ({ namespace }) => namespace).values()]
  const places = namespaces.flatMap((own) => own.map((group, place) => ({ group, place })))
  return places
    .sort((a, b) => a.place - b.place)
    .slice(0, limit)
    .map(({ group }) => group)
}

function keyOf(namespace: string | undefined, service: string): string {
  return `${namespace}/${service}`
}
