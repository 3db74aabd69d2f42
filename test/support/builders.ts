/** Pods, Services, and what a pass makes of them, for tests: healthy and ordinary but for what a test says. */

import { writeMoves } from '../../handler/group/cooldown.js'
import { type Choice, type Decision, decide, type Situation } from '../../handler/group/decide.js'
import type { Judged } from '../../handler/group/groups.js'
import type { Member } from '../../handler/group/members.js'
import type { Verdict } from '../../handler/health/judge.js'
import { ACTIVE_SINCE, EPOCH, FAILED_AT, FAILURES, HEALTHY_SINCE, MOVES, PIN } from '../../handler/kube/keys.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import type { Write } from '../../handler/kube/recording.js'
import type { GroupReport, Report } from '../../handler/report/report.js'
import { DEFAULT_SETTINGS, type Settings } from '../../handler/settings/settings.js'

export const NOW = Date.parse('2026-01-01T12:00:00Z')
export const SECOND = 1_000
export const MINUTE = 60 * SECOND

/** Running and Ready for an hour, with an empty map of annotations. */
export function aPod(name: string, rest: Partial<Pod> = {}): Pod {
  return {
    namespace: 'default',
    name,
    uid: `uid-of-${name}`,
    annotations: {},
    createdAtMs: NOW - 60 * MINUTE,
    phase: 'Running',
    terminating: false,
    ready: true,
    readySinceMs: NOW - 60 * MINUTE,
    ip: '10.0.0.1',
    containers: [],
    ...rest,
    labels: { app: 'web', ...rest.labels },
  }
}

type MemberDraft = Partial<Omit<Judged, 'pod'>> & { readonly pod?: Partial<Pod> }

/** A passive pod that passed its check. What is said of it stands in its labels and annotations too. */
export function aMember(name: string, { pod = {}, ...rest }: MemberDraft = {}): Judged {
  const marks: Omit<Member, 'pod'> = {
    role: 'passive',
    labelled: true,
    epoch: 0,
    storedEpoch: rest.epoch ?? 0,
    failures: 0,
    failedAtMs: undefined,
    healthySinceMs: undefined,
    activeSinceMs: undefined,
    activeOwner: undefined,
    notedOwner: undefined,
    moves: [],
    pin: 'none',
    ...rest,
  }
  const labels = {
    ...(marks.labelled ? { role: marks.role } : {}),
    ...(marks.pin === 'own' ? { [PIN]: `uid-of-${name}` } : {}),
  }
  const annotations = {
    ...(marks.epoch ? { [EPOCH]: String(marks.epoch) } : {}),
    ...(marks.failures ? { [FAILURES]: String(marks.failures) } : {}),
    ...times({
      [FAILED_AT]: marks.failedAtMs,
      [HEALTHY_SINCE]: marks.healthySinceMs,
      [ACTIVE_SINCE]: marks.activeSinceMs,
    }),
    ...(marks.moves.length > 0 ? { [MOVES]: writeMoves(marks.moves) } : {}),
  }
  return {
    ...marks,
    pod: aPod(name, { annotations, ...pod, labels: { ...labels, ...pod.labels } }),
    verdict: rest.verdict ?? healthy,
  }
}

function times(moments: Readonly<Record<string, number | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(moments).flatMap(([key, ms]) => (ms === undefined ? [] : [[key, new Date(ms).toISOString()]])),
  )
}

/** An active pod of epoch 1. */
export function anActive(name: string, rest: MemberDraft = {}): Judged {
  return aMember(name, { role: 'active', epoch: 1, pin: 'own', ...rest })
}

export const healthy: Verdict = {
  health: 'healthy',
  conclusive: false,
  failures: 0,
  check: { kind: 'http', result: '200', ms: 3 },
  evidence: 'check',
  marks: {},
}

/** Fails its check, and is still under the threshold. */
export function failing(failures: number, result = '500'): Verdict {
  return { ...healthy, health: 'failing', failures, check: { kind: 'http', result, ms: 3 } }
}

/** Has failed its check as often as it may. */
export function failed(result = '500'): Verdict {
  return { ...failing(3, result), health: 'failed' }
}

/** Its check could not be made, by no fault of its own. */
export function unchecked(failures = 0): Verdict {
  const unmade = { code: 'denied', message: 'may not get pods/exec', remedy: 'Grant it.' } as const
  const check = { kind: 'exec', result: `not checked: ${unmade.message}`, ms: 1 } as const
  return { ...failing(failures), check, unmade }
}

/** The kubelet or the API server has spoken. */
export function conclusively(state: string): Verdict {
  return { ...failed(), conclusive: true, failures: 0, check: { kind: 'http', result: state, ms: 0 } }
}

export const unprobed: Verdict = { ...healthy, health: 'unknown', check: { kind: 'http', result: 'not probed', ms: 0 } }

/** A pod that is being deleted. */
export const terminating = { pod: { terminating: true }, verdict: conclusively('terminating') } as const

/** Selects the active one of the pods with `app: web`. */
export function aService(name: string, rest: Partial<Service> = {}): Service {
  return {
    namespace: 'default',
    name,
    uid: `uid-of-service-${name}`,
    resourceVersion: '1',
    annotations: {},
    selector: { app: 'web', role: 'active' },
    publishNotReadyAddresses: false,
    ...rest,
  }
}

/** A Service with these annotations, named without their prefix. */
export function annotated(name: string, annotations: Readonly<Record<string, string>>): Service {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`active-passive/${key}`, value])
  return aService(name, { annotations: Object.fromEntries(prefixed) })
}

export function aSituation(members: readonly Judged[], settings: Partial<Settings> = {}): Situation {
  return { members, settings: { ...DEFAULT_SETTINGS, ...settings }, nowMs: NOW }
}

/** The report of a group of Service `web`, as it is decided; a swap is reported as done. */
export function aGroupReport(
  members: readonly Judged[],
  { settings = {}, ...rest }: Partial<Omit<GroupReport, 'settings'>> & { readonly settings?: Partial<Settings> } = {},
): GroupReport {
  const situation = aSituation(members, settings)
  const decision: Decision = rest.decision ?? decide(situation)
  const actives = members.filter(({ role }) => role === 'active').map(({ pod }) => pod.name)
  return {
    namespace: 'default',
    services: ['web'],
    decision,
    settings: situation.settings,
    members,
    ended: 0,
    activeBefore: actives,
    activeAfter: winnerOf(decision) ?? actives[0],
    writes: [],
    history: [],
    latch: null,
    warnings: [],
    faults: decision.kind === 'error' ? [decision.fault] : [],
    ...rest,
  }
}

/** The name of the pod that is to be made active. */
export function winnerOf(decision: Decision | Choice): string | undefined {
  return 'winner' in decision ? decision.winner.pod.name : undefined
}

export function aReport(groups: readonly GroupReport[], rest: Partial<Report> = {}): Report {
  return {
    groups,
    warnings: [],
    busy: [],
    scope: ['default'],
    complete: ['default'],
    dryRun: false,
    interrupted: false,
    durationMs: 57,
    requests: 2,
    ...rest,
  }
}

/** A write to `pod/NAME` or `service/NAME` in the namespace of all builders. */
export function aWrite(object: `${Write['kind']}/${string}`, result: Write['result'] = 'applied'): Write {
  const [kind, name = ''] = object.split('/') as [Write['kind'], string]
  return { verb: 'patch', kind, namespace: 'default', name, result }
}
