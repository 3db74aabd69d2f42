/** The exit code of a pass, and of an error before it. */
import { isPaused } from '../settings/settings.js'
import { type Fault, type FaultCode, UsageError } from '../util/errors.js'
import type { GroupReport, Report } from './report.js'

/**
 * 0: each group has exactly one active pod, healthy or still under its threshold. 1: a group has not, the pass was
 * interrupted, or a dry run would write. 3: the API server refused a LIST or a pod PATCH, or did not answer. The highest
 * code wins.
 */
export function exitCode({ groups, dryRun, interrupted }: Report): 0 | 1 | 3 {
  const codes = groups.map((group) => groupCode(group, dryRun))
  return codes.includes(3) ? 3 : interrupted || codes.includes(1) ? 1 : 0
}

/** The same, whatever was asked for: a switchover that was refused leaves a healthy group healthy. */
export function healthCode(report: Report, nowMs: number): 0 | 1 | 3 {
  return exitCode({ ...report, groups: report.groups.map((group) => withoutWish(group, nowMs)) })
}

/** The report with what the members say, where a switchover was refused and nothing was written. */
export function withoutWish(group: GroupReport, nowMs: number): GroupReport {
  const { decision, settings, members, activeBefore } = group
  if (decision.kind !== 'unmoved') return group
  const kind =
    members.length === 0
      ? 'empty'
      : isPaused(settings, nowMs)
        ? 'paused'
        : activeBefore.length === 1
          ? 'keep'
          : 'blocked'
  return { ...group, decision: { kind, reason: decision.reason } }
}

const UNSERVED: readonly FaultCode[] = ['unauthenticated', 'denied', 'unreachable', 'failed']

/** Whether the API server refused a request, or did not answer it. */
export function isUnserved({ code }: Fault): boolean {
  return UNSERVED.includes(code)
}

/** 2: wrong flags, environment or kubeconfig. 70 (EX_SOFTWARE of sysexits.h): a defect; a scheduler may try again. */
export function exitCodeOfError(error: unknown): 2 | 70 {
  return error instanceof UsageError ? 2 : 70
}

function groupCode(group: GroupReport, dryRun: boolean): 0 | 1 | 3 {
  const { decision, faults, writes, members, activeBefore, activeAfter } = group
  if (faults.some(isUnserved)) return 3
  if (faults.length > 0 || decision.kind === 'error' || decision.kind === 'blocked') return 1
  if (dryRun && writes.length > 0) return 1
  if (decision.kind === 'empty') return 0
  if (decision.kind === 'unmoved') return decision.reason.code === 'already-active' ? 0 : 1
  const active = members.find(({ pod }) => pod.name === activeAfter)
  // A paused group may fail its check. But it must have an endpoint, and only one.
  if (decision.kind === 'paused') return activeBefore.length === 1 && active && !active.verdict.conclusive ? 0 : 1
  return active?.verdict.health === 'healthy' || active?.verdict.health === 'failing' ? 0 : 1
}
