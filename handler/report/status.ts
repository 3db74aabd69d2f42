/** The state of the groups, for the command `status`: the report of a dry run, seen from its pods. Pure. */
import { candidates, whyNot } from '../group/candidates.js'
import { restBeforeFailover } from '../group/cooldown.js'
import { isSwap, movesSoFar } from '../group/decide.js'
import type { Judged } from '../group/groups.js'
import type { HistoryEntry } from '../group/history.js'
import { changedSettings, pausedUntil, type Settings } from '../settings/settings.js'
import { formatWait } from '../util/duration.js'
import { pagesOf } from '../util/error-page.js'
import { describeFault } from '../util/errors.js'
import { exitCode } from './exit-code.js'
import type { GroupReport, Report } from './report.js'

export interface Status {
  readonly groups: readonly GroupStatus[]
  /** About Services that are in no group, and about namespaces. */
  readonly warnings: readonly string[]
}

export interface GroupStatus {
  /** `null`: all namespaces, for an error that is about no single one. */
  readonly namespace: string | null
  readonly services: readonly string[]
  /** Several only until the next pass has put it right. */
  readonly active: readonly string[]
  /** Since when the active pod has the role, in RFC 3339; `null`: it is not known. */
  readonly since: string | null
  readonly epoch: number
  readonly health: Health
  readonly standbys: { readonly ready: number; readonly total: number }
  /** What a pass would do now, and why. */
  readonly next: { readonly kind: string; readonly code: string; readonly text: string; readonly to: string | null }
  /** The end of the pause in RFC 3339, or `forever`; `null`: it is not paused. */
  readonly pausedUntil: string | null
  readonly pods: readonly PodStatus[]
  /** The settings that are not defaults, as annotations and flags give them. */
  readonly settings: Readonly<Record<string, string>>
  readonly history: readonly HistoryEntry[]
  readonly warnings: readonly string[]
  readonly errors: readonly string[]
  /** The pages about the errors, each once. */
  readonly docs: readonly string[]
}

/** Of the active pod. `none`: no pod is active. */
export type Health = Judged['verdict']['health'] | 'none'

export interface PodStatus {
  readonly name: string
  readonly role: Judged['role']
  readonly epoch: number
  readonly ready: boolean
  readonly health: Judged['verdict']['health']
  /** The result of its check. */
  readonly check: string
  readonly ms: number
  /** Each of several probes of its check. Absent: there is one. */
  readonly probes?: Judged['verdict']['check']['probes']
  readonly failures: number
  readonly node: string | null
  /** Its place among those that may take over, from 1; `null`: it may not, or it is active. */
  readonly place: number | null
  /** Why it would not take over now, for people; `null`: it would, or it is active. */
  readonly whyNot: string | null
  /** A code of docs/decisions.md; `resting`: it has failed lately, and the cooldown is not over. */
  readonly whyNotCode: string | null
}

export function statusOf({ groups, warnings }: Report, nowMs: number): Status {
  return { groups: groups.map((group) => groupStatus(group, nowMs)), warnings }
}

/**
 * 0: each group has its one active pod, and no pass would have to give it another one. 1: a group has not. 3: the API
 * server refused something or did not answer.
 */
export function statusCode(report: Report): 0 | 1 | 3 {
  const code = exitCode({ ...report, dryRun: false })
  const isMoving = report.groups.some(({ decision }) => isSwap(decision) && decision.kind !== 'failback')
  return code === 0 && isMoving ? 1 : code
}

function groupStatus(group: GroupReport, nowMs: number): GroupStatus {
  const { namespace = null, services, members, activeBefore, settings, history, warnings, faults } = group
  const actives = members.filter(({ role }) => role === 'active')
  const [active] = actives
  const able = candidates(members, settings, nowMs).filter((one) => one.role === 'passive')
  const pods = [...actives, ...members.filter((one) => one.role === 'passive')]
  return {
    ...{ namespace, services, active: activeBefore, history },
    since: active?.activeSinceMs === undefined ? null : new Date(active.activeSinceMs).toISOString(),
    epoch: members.reduce((highest, { epoch }) => Math.max(highest, epoch), 0),
    health: active ? active.verdict.health : 'none',
    standbys: { ready: able.length, total: members.length - actives.length },
    next: nextOf(group),
    pausedUntil: pausedUntil(settings, nowMs),
    pods: pods.map((one) => podStatus(one, group, able, nowMs)),
    settings: withoutPause(changedSettings(settings)),
    warnings,
    errors: faults.map(describeFault),
    docs: pagesOf(faults),
  }
}

function nextOf({ decision }: GroupReport): GroupStatus['next'] {
  if (decision.kind === 'error') {
    return { kind: 'error', code: decision.fault.code, text: describeFault(decision.fault), to: null }
  }
  const { kind, reason } = decision
  return { kind, ...reason, to: isSwap(decision) ? decision.winner.pod.name : null }
}

function podStatus(
  member: Judged,
  { members, settings }: GroupReport,
  able: readonly Judged[],
  nowMs: number,
): PodStatus {
  const { pod, role, epoch, verdict } = member
  const why = role === 'active' ? null : (whyNot(member, settings) ?? restOf(member, members, settings, nowMs))
  const place = able.indexOf(member) + 1
  return {
    ...{ name: pod.name, role, epoch, ready: pod.ready, health: verdict.health },
    ...{ check: verdict.check.result, ms: Math.round(verdict.check.ms), failures: verdict.failures },
    ...(verdict.check.probes ? { probes: verdict.check.probes } : {}),
    node: pod.node ?? null,
    place: place > 0 ? place : null,
    whyNot: why?.text ?? null,
    whyNotCode: why?.code ?? null,
  }
}

/** A pod that has failed lately takes over from one that fails only after a rest. */
function restOf(member: Judged, members: readonly Judged[], settings: Settings, nowMs: number) {
  const recent = movesSoFar({ members, settings, nowMs })
  const restMs = restBeforeFailover(recent, settings.cooldown, nowMs, member.pod)
  return restMs > 0 ? { code: 'resting', text: `rests for another ${formatWait(restMs)} (cooldown)` } : null
}

/** `pausedUntil` says it. */
function withoutPause({ pause: _pause, ...rest }: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return rest
}
