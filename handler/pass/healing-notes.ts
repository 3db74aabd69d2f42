/**
 * Reconciles one group (reconcile.ts) and notes what was healed in it. The note goes on an object that was not healed,
 * if there is one, because the writer that rewrites the healed object rewrites its annotations too.
 */

import { isSwap } from '../group/decide.js'
import type { Group } from '../group/groups.js'
import type { Member } from '../group/members.js'
import { CLAIM, HEALED } from '../kube/keys.js'
import type { Kube, Pod, Service, Written } from '../kube/port.js'
import { recording, type Write } from '../kube/recording.js'
import type { GroupReport } from '../report/report.js'
import { describeFault } from '../util/errors.js'
import { bounded } from './bounded.js'
import type { GroupContext } from './context.js'
import { withAlso } from './fence.js'
import { type Incident, incidentsOf, type Memory, noteOf, notesIn, recall, remember } from './healing.js'
import { faultOfHealing, type Told } from './healing-faults.js'
import { reconcile } from './reconcile.js'

/** A pass tries to write a note for at most this long. */
const NOTE_LIMIT_MS = 3_000
/** At most this many objects are tried, one after the other. */
const TRIED = 3

/**
 * Costs one more request if something was healed (a few if it fails), and none if nothing was.
 * @param writes, leftovers as for `reconcile`
 * @param released Services of the group that were released while it was read, as they were before
 */
export async function reconcileAndNote(
  context: GroupContext,
  group: Group,
  writes: Write[],
  leftovers: Parameters<typeof reconcile>[3],
  released: readonly Service[],
): Promise<GroupReport> {
  const report = await reconcile(context, group, writes, leftovers)
  return withAlso(report, group, () => noted(context, report, group, released))
}

/** Notes what was healed. @returns the report with it */
async function noted(
  context: GroupContext,
  report: GroupReport,
  group: Group,
  released: readonly Service[],
): Promise<GroupReport> {
  const incidents = incidentsOf(report, released, context.roleLabel)
  if (incidents.length === 0) return report

  const { dryRun } = context
  const now = context.clock.now()
  const memory = recall(notesIn(group.services, group.members), now)
  const members = group.fault ? undefined : group.members
  const told: Told = { ...context, namespace: group.namespace, members, isDryRun: dryRun }
  const said = incidents.map((incident) => {
    const times = (memory[incident.what]?.length ?? 0) + 1
    // A dry run has healed nothing. The writes that it would make give it exit code 1.
    return { what: incident.what, again: times > 1 && !dryRun, fault: faultOfHealing(incident, times, told) }
  })
  const writes = [...report.writes]
  const whats = incidents.map(({ what }) => what)
  const isNoted = (await note(context, writes, remember(memory, whats, now), report, group, incidents)) || dryRun
  const firsts = said.filter(({ again }) => !again).map(({ fault }) => describeFault(fault))
  return {
    ...report,
    writes,
    ...(dryRun ? {} : { healed: said.map(({ what, again }) => ({ what, again })) }),
    warnings: [...report.warnings, ...firsts, ...(isNoted ? [] : [NOT_NOTED])],
    faults: [...report.faults, ...said.flatMap(({ again, fault }) => (again ? [fault] : []))],
  }
}

const NOT_NOTED = `what was healed could not be noted (annotation ${HEALED}), so that the next time is taken for the first`

async function note(
  context: GroupContext,
  writes: Write[],
  memory: Memory,
  report: GroupReport,
  group: Group,
  incidents: readonly Incident[],
): Promise<boolean> {
  const kube = recording(bounded(context.kube, context.requests, group), writes, context.dryRun)
  const until = context.deadline.within(NOTE_LIMIT_MS)
  const text = noteOf(memory)
  for (const keep of keepersOf(report, group, incidents).slice(0, TRIED)) {
    if (until.aborted) return false
    const written = await keep(kube, text, until)
    if (written.kind === 'applied') return true
  }
  return false
}

type Keeper = (kube: Kube, note: string, signal: AbortSignal) => Promise<Written<unknown>>

/**
 * The objects for the note, in this order: pods that were not healed, the active one first, then such Services, then
 * healed objects. A pod whose role was healed counts as not healed, because it has kept its annotations. After a swap,
 * the promoted pod is the only pod, because the others may have ended since they were read. A group with a fault has
 * only its Services, because its pods must stay as they are.
 */
function keepersOf(report: GroupReport, group: Group, incidents: readonly Incident[]): readonly Keeper[] {
  const healed = new Set(
    incidents.flatMap(({ what, services, pods }) => [
      ...services.map(({ uid }) => uid),
      ...(what === 'role' ? [] : pods.map(({ pod }) => pod.uid)),
    ]),
  )
  const isHealed = ({ uid }: { readonly uid: string }) => healed.has(uid)
  const pods = writable(report).map(({ pod }) => pod)
  const services = group.services.filter(({ annotations }) => !(CLAIM in annotations))
  return [
    ...pods.filter((pod) => !isHealed(pod)).map(onPod),
    ...services.filter((service) => !isHealed(service)).map(onService),
    ...pods.filter(isHealed).map(onPod),
    ...services.filter(isHealed).map(onService),
  ]
}

/** The pods that may be written, the active one first. */
function writable({ decision, faults, members, activeAfter }: GroupReport): readonly Member[] {
  if (faults.length > 0 || decision.kind === 'error' || decision.kind === 'paused') return []
  const isActive = ({ pod }: Member) => pod.name === activeAfter
  if (isSwap(decision)) return isActive(decision.winner) ? [decision.winner] : []
  return members
    .filter(({ pod, pin }) => pin !== 'foreign' && !pod.terminating)
    .sort((a, b) => Number(isActive(b)) - Number(isActive(a)))
}

function onPod(pod: Pod): Keeper {
  return (kube, note, signal) => kube.patchPodMetadata(pod, { uid: pod.uid, annotations: { [HEALED]: note } }, signal)
}

function onService(service: Service): Keeper {
  const { resourceVersion } = service
  return (kube, note, signal) =>
    kube.patchService(service, { resourceVersion, annotations: { [HEALED]: note }, selector: {} }, signal)
}
