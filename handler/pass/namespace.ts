/** Reconciles one namespace, or all of them at once: from the two LISTs to the reports of the groups. */

import { keyOf } from '../group/group-key.js'
import type { Group, GroupServices } from '../group/groups.js'
import { strayServices } from '../group/near-misses.js'
import { isClaimed } from '../group/services.js'
import type { Stuck } from '../handover/claim.js'
import { faultOf } from '../kube/fault.js'
import type { Service } from '../kube/port.js'
import { recording, type Write } from '../kube/recording.js'
import { faultReport, type GroupReport, reportWithout } from '../report/report.js'
import { fence } from '../util/defect.js'
import { describeFault } from '../util/errors.js'
import { bounded } from './bounded.js'
import type { GroupContext } from './context.js'
import { UNMANAGED } from './evaluate.js'
import { leftovers, unread } from './faults.js'
import { fenced } from './fence.js'
import { reconcileAndNote } from './healing-notes.js'
import { type Filter, groupsToRead, isInScope, selectGroups, type Target } from './scope.js'
import { readGroup, takeSnapshot } from './snapshot.js'

/** Limits the reads at once. */
type Reads = <T>(read: () => Promise<T>) => Promise<T>

/** The groups of a namespace that are to be served. */
export interface GroupsToServe {
  readonly targets?: readonly Target[]
  /** The keys of the groups that have been served already. */
  readonly done?: ReadonlySet<string>
}

/** Serves a group. @param mustRead if the group has waited for its turn, and has to be read again */
export type Reconcile = (own: GroupContext, mustRead: boolean) => Promise<GroupReport>

/** Decides when each group is served. */
export interface Host {
  /** Whether this pass leaves the group alone: another pass serves it, or the backoff skips it. */
  isBusy(group: Group): boolean
  serve(group: Group, reconcile: Reconcile): Promise<GroupReport>
}

/** The result of reading a namespace. Its groups are served in parallel, each for as long as it takes. */
export interface NamespaceResult {
  readonly namespace: string | undefined
  /** A report for each group that was served, and for what could not be read. */
  readonly reports: Promise<readonly GroupReport[]>
  /** The groups of the namespace that are in scope. */
  readonly found: readonly GroupServices[]
  /** The groups that this pass has left alone: another pass serves them, or the backoff skips them. */
  readonly busy: readonly GroupServices[]
  /** Every Service of the namespace; `undefined` when they could not be read. */
  readonly services: readonly Service[] | undefined
  /** Warnings about Services that are in no group. */
  readonly warnings: readonly string[]
  /** The keys of the groups that were served or left alone. */
  readonly keys: readonly string[]
  /** The targets that name one of these groups. */
  readonly matched: ReadonlySet<Target>
  /** All groups in scope were served or left alone. */
  readonly isComplete: boolean
}

const NOTHING = {
  ...{ found: [], busy: [], warnings: [], keys: [], matched: new Set<Target>(), isComplete: false },
  services: undefined,
}

/** Resolves once all is read. Reports errors of the cluster. @param namespace `undefined`: all, in one LIST each */
export async function reconcileNamespace(
  context: GroupContext & { readonly host: Host },
  scope: Filter & { readonly dryRun: boolean },
  namespace: string | undefined,
  wanted: GroupsToServe,
  reads: Reads,
): Promise<NamespaceResult> {
  const writes: Write[] = []
  const { targets, done } = wanted
  const { dryRun: isDryRun } = scope
  const isWanted = (group: GroupServices) => isInScope(scope, group) && !done?.has(keyOf(group))
  const select = (groups: readonly GroupServices[]) => groupsToRead(groups.filter(isWanted), targets)
  const object = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`
  try {
    const recorded = { ...context, kube: recording(context.kube, writes, isDryRun) }
    const snapshot = await reads(() => takeSnapshot(recorded, { namespace, select }, !isDryRun))
    const { services, stuck, healed, error } = snapshot
    if (error) {
      const faults = [faultOf(error, object, context.stop), ...leftovers(stuck, context.roleLabel)] as const
      const report = faultReport(context, namespace, [], faults)
      return { ...NOTHING, namespace, reports: Promise.resolve([{ ...report, writes }]) }
    }
    const { selected, unmatched } = targets
      ? selectGroups(snapshot.groups, targets)
      : { selected: snapshot.groups, unmatched: [] }
    const isHere = ({ namespace: other }: Target) =>
      namespace === undefined || other === undefined || other === namespace
    const isComplete = targets === undefined || unmatched.some((target) => target.otherwise === 'all' && isHere(target))
    const groups = isComplete ? snapshot.groups : selected
    const isLeft = ({ services }: Group) =>
      snapshot.groups.length > 1 && services.some((one) => isClaimed(one, context.roleLabel))
    const busy = groups.filter((group) => context.host.isBusy(group))
    const reports = groups
      .filter((group) => !busy.includes(group))
      .map((group) => {
        const isOwn = (service: Service) => group.services.some(({ uid }) => uid === service.uid)
        const earlier = writes.filter((write) => group.services.some((service) => isOf(service, write)))
        const read = {
          group,
          writes: earlier,
          stuck: stuck.filter((one) => isOwn(one.service)),
          healed: healed.filter(isOwn),
        }
        const reconcile: Reconcile = (own, mustRead) =>
          fenced(own, group, (made) =>
            context.overview.during(group, () =>
              mustRead || isLeft(group) ? reconcileAnew(own, group, made) : reconcileRead(own, read, made),
            ),
          )
        return fenced(context, group, () => context.host.serve(group, reconcile))
      })
    const matched = new Set(targets?.filter((target) => !unmatched.includes(target)))
    const isWhole = targets === undefined && scope.services.length === 0 && !scope.selector
    const warnings = isWhole
      ? fence(
          () => strays(services, context),
          (error) => [describeFault(faultOf(error, object))],
        )
      : []
    const keys = groups.map(keyOf)
    return {
      ...{ namespace, found: snapshot.groups, busy, services, warnings, keys, matched, isComplete },
      reports: Promise.all(reports),
    }
  } catch (error) {
    const report = faultReport(context, namespace, [], [faultOf(error, object, context.stop)])
    return { ...NOTHING, namespace, reports: Promise.resolve([{ ...report, writes }]) }
  }
}

function strays(services: readonly Service[], { roleLabel, optIn }: GroupContext): readonly string[] {
  return strayServices(services, roleLabel, optIn).map(({ text }) => text)
}

function isOf({ namespace, name }: Service, write: Write): boolean {
  return write.kind === 'service' && write.namespace === namespace && write.name === name
}

interface ReadGroup {
  readonly group: Group
  /** Writes that were made while the group was read. Absent: they are noted already. */
  readonly writes?: readonly Write[]
  readonly stuck: readonly Stuck[]
  readonly healed: readonly Service[]
}

function reconcileRead(
  context: GroupContext,
  { group, writes = [], stuck, healed }: ReadGroup,
  made: Write[],
): Promise<GroupReport> {
  made.push(...writes)
  return reconcileAndNote(context, group, made, leftovers(stuck, context.roleLabel), healed)
}

/** Reads the group by itself, waits for leftover claims on it, and reconciles it. */
async function reconcileAnew(context: GroupContext, group: Group, writes: Write[]): Promise<GroupReport> {
  const names = group.services.map(({ name }) => name)
  try {
    const kube = bounded(context.kube, context.requests, group)
    const recorded = { ...context, kube: recording(kube, writes, context.dryRun) }
    const read = await readGroup(recorded, group, !context.dryRun)
    if (read.group) return await reconcileRead(context, { ...read, group: read.group }, writes)
    return reportWithout(context, group.namespace, names, UNMANAGED, {
      writes,
      faults: leftovers(read.stuck, context.roleLabel),
    })
  } catch (error) {
    const fault = unread(error, group, context.stop)
    return { ...faultReport(context, group.namespace, names, [fault]), writes }
  }
}
