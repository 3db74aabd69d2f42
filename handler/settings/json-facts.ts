/** What the JSON of an answer has to hold, as users write it: `status=UP`, one a line. */

import { filledLines } from './check.js'
import type { Wrong } from './check-mistakes.js'

export interface JsonFact {
  /** The keys that lead to the value, outermost first. The index of an array is one too. */
  readonly path: readonly string[]
  /** The text itself, or a number, `true`, `false` or `null` as JSON writes them. */
  readonly value: string
}

const MAX_BYTES = 4_096
const MAX_FACTS = 16

/** Completes "should be …". */
export const FACTS_FORM = `PATH=VALUE such as status=UP or checks.0.status=UP (a dot that is part of a key is written \\.), or at most ${MAX_FACTS} of these, one a line, all of which have to hold, and ${MAX_BYTES / 1_024} KiB in all`

/** Parses facts, one per line. `undefined` if there is none, if there are too many, or if a line is none. */
export function parseFacts(text: string): readonly JsonFact[] | undefined {
  if (Buffer.byteLength(text) > MAX_BYTES) return undefined
  const lines = filledLines(text)
  if (lines.length === 0 || lines.length > MAX_FACTS) return undefined
  const facts = lines.map(({ line }) => factIn(line))
  return facts.every((fact) => fact !== undefined) ? facts : undefined
}

/** Writes facts as `parseFacts` reads them. */
export function formatFacts(facts: readonly JsonFact[]): string {
  return facts.map(({ path, value }) => `${formatPath(path)}=${value}`).join('\n')
}

/** The wrong one of several lines. @param quote shows text that a user wrote */
export function mistakeInFacts(text: string, quote: (text: string) => string): Wrong | undefined {
  const lines = filledLines(text)
  const wrong = lines.find(({ line }) => factIn(line) === undefined)
  if (lines.length < 2 || wrong === undefined) return undefined
  return { says: `line ${wrong.number}: ${quote(wrong.line)} should be ${FACTS_FORM}` }
}

/** The path as users write it. */
export function formatPath(path: readonly string[]): string {
  return path.map((key) => key.replace(/[\\.=]/g, '\\$&')).join('.')
}

/** The path ends at the first `=` that no backslash precedes. */
function factIn(line: string): JsonFact | undefined {
  const [, path = '', value = ''] = /^((?:[^\\=]|\\[\\.=])+)=(.*)$/.exec(line) ?? []
  const keys = [...path.matchAll(/(?:^|\.)((?:[^\\.]|\\[\\.=])*)/g)].map(([, key = '']) => key)
  return path && keys.every((key) => key !== '')
    ? { path: keys.map((key) => key.replace(/\\([\\.=])/g, '$1')), value: value.trim() }
    : undefined
}
