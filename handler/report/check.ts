/** The answer of the command `check`: what the account may do, from the report of a rehearsal. Pure. */
import type { Write } from '../kube/recording.js'
import { pagesOf } from '../util/error-page.js'
import { describeFault, type Fault } from '../util/errors.js'
import { isUnserved } from './exit-code.js'
import type { GroupReport, Report } from './report.js'

export interface CheckAnswer {
  readonly lines: readonly CheckLine[]
  readonly warnings: readonly string[]
  /** What is not as it should be, with its remedy. */
  readonly errors: readonly string[]
  /** The pages about the errors, each once. */
  readonly docs: readonly string[]
}

export interface CheckLine {
  readonly verb: 'list' | 'patch' | 'create' | 'exec' | 'probe'
  readonly object: string
  /** `null`: it is not known. */
  readonly ok: boolean | null
  readonly text: string
}

/** @param events whether Events may be created, for each namespace */
export function checkOf({ groups, warnings, complete, scope }: Report, events: readonly CheckLine[]): CheckAnswer {
  const namespaces = scope === 'all' ? [undefined] : scope
  const lists = namespaces.map((namespace): CheckLine => {
    const object = `services and pods in ${namespace === undefined ? 'all namespaces' : `namespace ${namespace}`}`
    const unread = groups.find(
      (group) => group.namespace === namespace && group.services.length === 0 && group.faults.some(isUnread),
    )
    if (unread) return { verb: 'list', object, ok: false, text: unread.faults[0]?.message ?? '' }
    return { verb: 'list', object, ok: complete.includes(namespace) || groups.length > 0 ? true : null, text: '' }
  })
  return {
    lines: [...lists, ...groups.flatMap(writesOf), ...events, ...commandsOf(groups), ...groups.flatMap(probesOf)],
    warnings: [...groups.flatMap((group) => group.warnings), ...warnings],
    errors: groups.flatMap(({ faults }) => faults.map(describeFault)),
    docs: pagesOf(groups.flatMap(({ faults }) => faults)),
  }
}

/** Whether a namespace with this fault was not read to the end. */
function isUnread(fault: Fault): boolean {
  return isUnserved(fault) || fault.code === 'defect'
}

/** 0: all is as it should be. 1: something is not. 3: the API server refused something, or did not answer. */
export function checkCode({ groups }: Report, { lines }: CheckAnswer): 0 | 1 | 3 {
  const faults = groups.flatMap((group) => group.faults)
  if (faults.some(isUnserved) || lines.some(({ verb, ok }) => verb === 'patch' && ok === false)) return 3
  return faults.length > 0 || lines.some(({ verb, ok }) => verb === 'create' && ok === false) ? 1 : 0
}

function writesOf({ writes }: GroupReport): readonly CheckLine[] {
  const byObject = new Map<string, Write['result'][]>()
  for (const { kind, namespace, name, result } of writes) {
    const object = `${kind} ${namespace}/${name}`
    byObject.set(object, [...(byObject.get(object) ?? []), result])
  }
  return [...byObject].map(([object, results]) => {
    const refused = results.find((result) => REFUSED.includes(result))
    const ok = refused ? false : results.includes('dry run') ? true : null
    return { verb: 'patch', object, ok, text: refused ?? (ok ? '' : (results[0] ?? '')) }
  })
}

const REFUSED: readonly Write['result'][] = ['denied', 'rejected', 'changed', 'unauthenticated']

/** Whether commands may be run in the pods of each namespace where a check is one. */
function commandsOf(groups: readonly GroupReport[]): readonly CheckLine[] {
  const byNamespace = new Map<string, CheckLine>()
  for (const { namespace, members } of groups) {
    for (const { verdict } of members) {
      const { unmade, check } = verdict
      if (namespace === undefined || unmade?.code === 'defect' || (!unmade && check.kind !== 'exec')) continue
      const object = `pods in namespace ${namespace}`
      const known = byNamespace.get(namespace)
      if (unmade) byNamespace.set(namespace, { verb: 'exec', object, ok: false, text: unmade.message })
      else if (!known && !verdict.conclusive) byNamespace.set(namespace, { verb: 'exec', object, ok: true, text: '' })
    }
  }
  return [...byNamespace.values()]
}

function probesOf({ namespace, members }: GroupReport): readonly CheckLine[] {
  return members.map(({ pod, verdict }) => ({
    verb: 'probe',
    object: `pod ${namespace}/${pod.name}`,
    ok: verdict.health === 'unknown' ? null : verdict.health === 'healthy',
    text: verdict.check.result,
  }))
}
