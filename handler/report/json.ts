/** The report for programs. */
import { whyNot } from '../group/candidates.js'
import type { Judged } from '../group/groups.js'
import type { Patch } from '../kube/patch.js'
import { objectOf, type Write } from '../kube/recording.js'
import type { Settings } from '../settings/settings.js'
import { pageOf } from '../util/error-page.js'
import { describeFault } from '../util/errors.js'
import type { GroupReport, Report } from './report.js'
import { summaryOf } from './summary.js'

/** The report as one JSON document, for programs. @param indent 0: on one line */
export function toJson(report: Report, indent = 2): string {
  const { groups, warnings, durationMs, requests } = report
  const document = { groups: groups.map(groupJson), warnings, summary: summaryOf(report), durationMs, requests }
  return `${JSON.stringify(document, null, indent)}\n`
}

function groupJson(group: GroupReport) {
  const { namespace = null, services, decision, settings, members, activeBefore, activeAfter, faults } = group
  const [fault, ...more] = faults
  return {
    namespace,
    services,
    decision: decision.kind,
    reason:
      decision.kind === 'error' ? { code: decision.fault.code, text: describeFault(decision.fault) } : decision.reason,
    active: { before: activeBefore.join(',') || null, after: activeAfter ?? null },
    ended: group.ended,
    pods: members.map((member) => podJson(member, settings)),
    writes: group.writes.map(writeJson),
    latch: group.latch,
    warnings: [...more.map(describeFault), ...group.warnings],
    ...(fault ? { error: { ...fault, doc: pageOf(fault) } } : {}),
  }
}

export interface WriteJson {
  readonly verb: Write['verb']
  readonly object: string
  readonly result: Write['result']
  readonly type?: Patch['type'] | undefined
  readonly patch?: Patch['body'] | undefined
}

/** `patch` is the body that a dry run has not sent, `type` is its kind: a JSON Patch or a JSON Merge Patch. */
export function writeJson(write: Write): WriteJson {
  const { verb, result, planned } = write
  const { type, body } = planned?.patch ?? {}
  return { verb, object: objectOf(write), result, ...(planned ? { type, patch: body } : {}) }
}

function podJson(member: Judged, settings: Settings) {
  const { pod, role, epoch, verdict } = member
  const why = whyNot(member, settings)
  return {
    name: pod.name,
    uid: pod.uid,
    role,
    epoch,
    healthy: verdict.health === 'healthy',
    failures: verdict.failures,
    check: verdict.check,
    evidence: verdict.health === 'healthy' ? verdict.evidence : null,
    whyNot: why?.text ?? null,
    whyNotCode: why?.code ?? null,
  }
}
