/** One namespace, or all in one: from its two LISTs to the reports of its groups. */
import type { Fault } from './errors.js'
import { faultOf } from './kube/fault.js'
import type { Service } from './kube/port.js'
import { recording, type Write } from './kube/recording.js'
import { stillClaimed } from './latch.js'
import { strayServices } from './near-misses.js'
import { type GroupServices, groupKey } from './observe.js'
import { tendAndRemember } from './remember.js'
import type { GroupReport } from './report/report.js'
import { takeSnapshot } from './snapshot.js'
import { groupsToRead, isInScope, type ServiceRef, selectGroups, type Target } from './targets.js'
import type { GroupContext } from './tend.js'

/** Bounds what is read at once. */
export type Reads = <T>(read: () => Promise<T>) => Promise<T>

/** Which groups of a namespace are to be served. */
export interface Wanted {
  readonly targets?: readonly Target[]
  /** Those that have been served already. */
  readonly done?: ReadonlySet<string>
}

export interface Tended {
  readonly namespace: string | undefined
  readonly groups: readonly GroupReport[]
  /** Every Service there; `undefined` when they could not be read. */
  readonly services: readonly Service[] | undefined
  /** On Services that are in no group. */
  readonly warnings: readonly string[]
  /** The groups that were served. */
  readonly keys: readonly string[]
  /** The targets that name one of them. */
  readonly matched: ReadonlySet<Target>
  /** All groups were served. */
  readonly isComplete: boolean
}

const NOTHING = { warnings: [], keys: [], matched: new Set<Target>(), isComplete: false }

/** Never throws for what the cluster does. @param namespace `undefined`: all, in one LIST each */
export async function tendNamespace(
  context: GroupContext,
  { services: refs, dryRun: isDryRun }: { readonly services: readonly ServiceRef[]; readonly dryRun: boolean },
  namespace: string | undefined,
  wanted: Wanted,
  reads: Reads,
): Promise<Tended> {
  const writes: Write[] = []
  const { targets, done } = wanted
  const isWanted = (group: GroupServices) => isInScope(refs, group) && !done?.has(keyOf(group))
  const select = (groups: readonly GroupServices[]) => groupsToRead(groups.filter(isWanted), targets)
  const object = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`
  try {
    const recorded = { ...context, kube: recording(context.kube, writes, isDryRun) }
    const snapshot = await reads(() => takeSnapshot(recorded, { namespace, select }, !isDryRun))
    const { services, stuck, healed, error } = snapshot
    if (error) {
      const leftovers = stuck.length > 0 ? [stillClaimed(stuck, context.roleLabel)] : []
      const report = faultReport(context, namespace, [], [faultOf(error, object, context.stop), ...leftovers])
      return { ...NOTHING, namespace, groups: [{ ...report, writes }], services: undefined }
    }
    const { selected, unmatched } = targets
      ? selectGroups(snapshot.groups, targets)
      : { selected: snapshot.groups, unmatched: [] }
    const isHere = ({ namespace: other }: Target) =>
      namespace === undefined || other === undefined || other === namespace
    const isComplete = targets === undefined || unmatched.some((target) => target.otherwise === 'all' && isHere(target))
    const groups = isComplete ? snapshot.groups : selected
    const tended = groups.map((group) => {
      const isOwn = (service: Service) => group.services.some(({ uid }) => uid === service.uid)
      const own = stuck.filter(({ service }) => isOwn(service))
      const earlier = writes.filter((write) => group.services.some(({ name }) => write.object === `service/${name}`))
      const leftovers = own.length > 0 ? [stillClaimed(own, context.roleLabel)] : []
      return tendAndRemember(context, group, earlier, leftovers, healed.filter(isOwn))
    })
    const matched = new Set(targets?.filter((target) => !unmatched.includes(target)))
    const strays = targets === undefined && refs.length === 0 ? strayServices(services, context.roleLabel) : []
    const warnings = strays.map(({ text }) => text)
    const keys = groups.map(keyOf)
    return { namespace, groups: await Promise.all(tended), services, warnings, keys, matched, isComplete }
  } catch (error) {
    const report = faultReport(context, namespace, [], [faultOf(error, object, context.stop)])
    return { ...NOTHING, namespace, groups: [report], services: undefined }
  }
}

function keyOf({ namespace, selector }: GroupServices): string {
  return groupKey(namespace, selector)
}

/** What stands for groups that could not be served at all. */
export function faultReport(
  { defaults }: Pick<GroupContext, 'defaults'>,
  namespace: string | undefined,
  services: readonly string[],
  faults: readonly [Fault, ...Fault[]],
): GroupReport {
  return {
    namespace,
    services,
    decision: { kind: 'error', fault: faults[0] },
    settings: defaults,
    members: [],
    ended: 0,
    activeBefore: [],
    activeAfter: undefined,
    writes: [],
    latch: null,
    warnings: [],
    faults,
  }
}
