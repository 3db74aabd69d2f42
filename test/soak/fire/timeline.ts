/** What happened around a gap, as far as it concerns one group: for people who ask why it was so long. Pure. */
import { CLAIM, EPOCH } from '../../../handler/kube/keys.js'
import type { Change } from '../../support/cluster/history.js'
import type { Entry } from './chronicle.js'
import type { Fire } from './fire-judge.js'
import type { Span } from './gap.js'

/** What led to it. */
const BEFORE_MS = 2_000

/** @returns a line each, with seconds since the gap began: a request when it came in, a write when it was seen */
export function timeline(
  { groups, history, entries }: Pick<Fire, 'groups' | 'history' | 'entries'>,
  app: string,
  { fromMs, toMs }: Span,
): readonly string[] {
  const others = groups.filter((group) => group.app !== app)
  const names = others.flatMap((group) => [group.app, ...Object.keys(group.services)])
  const isOfAnother = (text: string) => names.some((name) => new RegExp(`/${name}\\b|\\b${name}-\\d`).test(text))
  const writes = history.map((change): Entry => ({ atMs: change.seenAtMs, ...written(change) }))
  return [...entries, ...writes]
    .filter(({ atMs }) => atMs >= fromMs - BEFORE_MS && atMs <= toMs)
    .sort((a, b) => a.atMs - b.atMs)
    .flatMap(({ atMs, who, what }) =>
      what
        .trim()
        .split(/\n\s*\n/)
        .filter((block) => !isOfAnother(`/${who} ${block}`))
        .map((block) => `${seconds(atMs - fromMs)} ${who} ${block.replaceAll('\n', '; ')}`),
    )
}

function seconds(ms: number): string {
  return `${ms < 0 ? '' : '+'}${(ms / 1_000).toFixed(3)} s`.padStart(11)
}

function written({ kind, deleted, object }: Change): Pick<Entry, 'who' | 'what'> {
  const { name, labels = {}, annotations = {} } = object.metadata
  if (deleted) return { who: name, what: 'is gone' }
  if (kind === 'service') return { who: name, what: `selects ${list(object.spec.selector)}, ${claimOf(annotations)}` }
  const { phase, conditions = [] } = object.status ?? {}
  const ready = conditions.find(({ type }) => type === 'Ready')?.status === 'True' ? 'Ready' : 'not Ready'
  return { who: name, what: `is ${labels.role ?? 'unlabelled'}, epoch ${annotations[EPOCH] ?? 0}, ${phase}, ${ready}` }
}

function claimOf({ [CLAIM]: claim }: Readonly<Record<string, string>>): string {
  return claim === undefined ? 'not claimed' : `claimed: ${claim}`
}

function list(selector: Readonly<Record<string, string>> = {}): string {
  return Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}
