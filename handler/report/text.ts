/** The report for people. It keeps the phrases of the shell recipe that this program replaces, such as `Enabling POD`. */

import type { Decision } from '../group/decide.js'
import type { Judged } from '../group/groups.js'
import type { ReasonCode } from '../group/reasons.js'
import { pagesOf, seePage } from '../util/error-page.js'
import { describeFault } from '../util/errors.js'
import { listsBy } from '../util/lists-by.js'
import { printable } from '../util/printable.js'
import type { GroupReport, Report } from './report.js'
import { summaryOf } from './summary.js'
import { writeLines } from './write-text.js'

/** One block for each group, then the warnings about no group, then one line on the whole pass. */
export function toText(report: Report): string {
  const blocks = report.groups.map((group) => groupLines(group).map(printable).join('\n'))
  const warnings = report.warnings.map(warningLine).map(printable).join('\n')
  return `${[...blocks, ...(warnings ? [warnings] : []), printable(summaryOf(report))].join('\n\n')}\n`
}

function groupLines(group: GroupReport): string[] {
  const { decision, members, ended, writes, warnings, faults } = group
  return [
    `${groupTitle(group)}:`,
    ...members.map(({ pod, role }) => `${pod.name} is the ${role} pod`),
    ...(ended > 0 ? [`${ended} ${ended === 1 ? 'pod has' : 'pods have'} ended (Failed or Succeeded): left out`] : []),
    ...healthLines(members),
    ...decisionLines(decision, members),
    ...writes.flatMap(writeLines),
    ...faults.map((fault) => `Error: ${describeFault(fault)}`),
    ...pagesOf(faults).map(seePage),
    ...warnings.map(warningLine),
  ]
}

function warningLine(warning: string): string {
  return `Warning: ${warning}`
}

function groupTitle({ namespace, services }: GroupReport): string {
  return `${namespace ?? 'all namespaces'}${services.length > 0 ? `/${services.join(',')}` : ''}`
}

/** The active pod first. If several pods have one role, each of their lines ends with the name. */
function healthLines(members: readonly Judged[]): string[] {
  const sorted = [...members].sort((a, b) => (a.role < b.role ? -1 : a.role > b.role ? 1 : 0))
  const byRole = listsBy(members, ({ role }) => role)
  return sorted.map(({ pod, role, verdict }) => {
    const several = (byRole.get(role)?.length ?? 0) > 1
    return `${role === 'active' ? 'Active' : 'Passive'} pod ${healthWords(verdict)}${several ? ` (${pod.name})` : ''}`
  })
}

const WORDS = {
  http: 'HTTP response',
  tcp: 'TCP connection',
  grpc: 'gRPC response',
  exec: 'command',
  ready: 'state',
  several: 'checks',
} as const

function healthWords({ conclusive, check, health, failures, isUnconfirmed, unmade }: Judged['verdict']): string {
  const failure = isUnconfirmed ? ', not counted' : `, failure ${failures}`
  const counted = health === 'failing' && !unmade && (failures > 0 || isUnconfirmed) ? failure : ''
  return conclusive ? `is ${check.result}` : `${WORDS[check.kind]}: ${check.result}${counted}`
}

/** The reasons that mean a failure of the active pod. A deleted pod has not failed. */
const OF_HEALTH: readonly ReasonCode[] = ['active-failed', 'active-not-ready', 'ready-by-kubelet', 'cooldown']

const ROLES = ['active', 'passive'] as const

/** Whether there are members and all of them fail. */
function allFail(members: readonly Judged[]): boolean {
  return (
    members.length > 0 && members.every(({ verdict }) => verdict.health === 'failed' || verdict.health === 'failing')
  )
}

function decisionLines(decision: Decision, members: readonly Judged[]): string[] {
  switch (decision.kind) {
    case 'error':
      return [] // the fault says it
    case 'keep':
      return ['Active node passed healthcheck']
    case 'first':
    case 'failback':
    case 'repair':
    case 'switchover':
    case 'failover':
      return [
        ...(OF_HEALTH.includes(decision.reason.code) ? ['Detected application health failure'] : []),
        `Reason: ${decision.reason.text}`,
        `Enabling ${decision.winner.pod.name}`,
      ]
    case 'blocked': {
      const { code } = decision.reason
      const hasFailed =
        OF_HEALTH.includes(code) ||
        (code === 'no-candidate' && members.some(({ role, pod }) => role === 'active' && !pod.terminating))
      const bothFail =
        decision.reason.code === 'no-candidate' &&
        ROLES.every((role) => allFail(members.filter((member) => member.role === role)))
      return [
        ...(hasFailed ? ['Detected application health failure'] : []),
        ...(bothFail ? ['Passive pod failing health check as well... leaving active pod enabled'] : []),
        `Reason: ${decision.reason.text}`,
      ]
    }
    case 'unmoved':
      return [`Reason: ${decision.reason.text}`, decision.remedy]
    case 'count':
    case 'paused':
    case 'empty':
      return [`Reason: ${decision.reason.text}`]
  }
}
