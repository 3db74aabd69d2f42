/**
 * The last handovers of a group, as an annotation on its Services: JSON, newest first. The release of a handover writes
 * it. Pure. Only people and `status` read it; no decision rests on it.
 */
import { HISTORY } from '../kube/keys.js'
import type { Service } from '../kube/port.js'
import { printable } from '../util/printable.js'

const HANDOVERS = ['first', 'failover', 'failback', 'repair', 'switchover'] as const
export type HandoverKind = (typeof HANDOVERS)[number]

/** One handover. */
export interface HistoryEntry {
  /** When it was released, in RFC 3339. */
  readonly at: string
  readonly kind: HandoverKind
  /** The pod that was active before; several, separated by commas, before a repair. Absent: none. */
  readonly from?: string
  readonly to: string
  /** A code of `REASONS`. */
  readonly reason: string
  /** The same for people, cut to MAX_TEXT characters. */
  readonly text: string
  readonly epoch: number
}

const MAX_ENTRIES = 10
const MAX_BYTES = 4_096
const MAX_TEXT = 160
const MAX_NAME = 253
/** Two names. A repair may have found more active pods. */
const MAX_FROM = 2 * MAX_NAME + 1
/** Kubernetes allows more; whatever is longer was not written by us. */
const MAX_READ = 2 * MAX_BYTES

/** The annotation with one more entry. Older entries go once there are more than ten, or 4 KiB. */
export function addToHistory(raw: string | undefined, entry: HistoryEntry): string {
  const { from } = entry
  const short = from !== undefined && from.length > MAX_FROM ? { from: `${from.slice(0, MAX_FROM - 1)}…` } : {}
  const entries = [{ ...entry, ...short }, ...readHistory(raw)].slice(0, MAX_ENTRIES)
  for (;;) {
    const text = JSON.stringify(entries)
    if (Buffer.byteLength(text) <= MAX_BYTES || entries.length === 1) return text
    entries.pop()
  }
}

/** Reads the annotation. Entries that make no sense are left out: anybody may have written it. */
export function readHistory(raw: string | undefined): readonly HistoryEntry[] {
  if (raw === undefined || raw.length > MAX_READ) return []
  try {
    const list: unknown = JSON.parse(raw)
    return Array.isArray(list) ? list.slice(0, MAX_ENTRIES).flatMap(readEntry) : []
  } catch {
    return []
  }
}

function readEntry(value: unknown): readonly HistoryEntry[] {
  if (typeof value !== 'object' || value === null) return []
  const { at, kind, from, to, reason, text, epoch } = value as Readonly<Record<string, unknown>>
  const isText = (one: unknown, most: number): one is string => typeof one === 'string' && one.length <= most
  const known = HANDOVERS.find((one) => one === kind)
  if (!known || !isText(at, 40) || Number.isNaN(Date.parse(at))) return []
  if (!isText(to, MAX_NAME) || !isText(reason, 63) || !Number.isSafeInteger(epoch)) return []
  return [
    {
      ...{ at: new Date(at).toISOString(), kind: known, to, reason, epoch: epoch as number },
      ...(isText(from, MAX_FROM) ? { from } : {}),
      text: isText(text, MAX_TEXT) ? text : '',
    },
  ]
}

/** Shortens a sentence to what an entry holds. */
export function shortened(text: string): string {
  const said = printable(text)
  return said.length > MAX_TEXT ? `${said.slice(0, MAX_TEXT - 1)}…` : said
}

/** The handovers of a group, newest first, each once: every Service of the group has its own copy. */
export function historyOf(services: readonly Service[]): readonly HistoryEntry[] {
  const all = services.flatMap(({ annotations }) => readHistory(annotations[HISTORY]))
  const known = new Map(all.map((entry) => [`${entry.epoch} ${entry.to} ${entry.kind}`, entry]))
  return [...known.values()].sort((a, b) => b.epoch - a.epoch || (a.at < b.at ? 1 : -1)).slice(0, MAX_ENTRIES)
}
