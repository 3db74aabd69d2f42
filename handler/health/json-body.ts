/** Compares the JSON of an answer with what it has to hold. Pure. */
import { formatPath, type JsonFact } from '../settings/json-facts.js'
import { redacted } from '../util/printable.js'

/** The most characters of a value that are shown. */
const MAX_VALUE_LENGTH = 60

/** The first difference, completing "200, but …", or `undefined`. */
export function differenceIn(body: Buffer, facts: readonly JsonFact[]): string | undefined {
  let json: unknown
  try {
    json = JSON.parse(body.toString())
  } catch {
    return 'no JSON'
  }
  for (const { path, value } of facts) {
    const found = valueAt(json, path)
    if (found === undefined) return `no ${JSON.stringify(formatPath(path))}`
    if (!isWritten(found, value)) return `${formatPath(path)} is ${shown(found)}`
  }
  return undefined
}

/** The value that the keys lead to. `undefined`: they lead nowhere, as JSON holds no such value. */
function valueAt(json: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null) return undefined
    const isKey = Array.isArray(value) ? /^\d+$/.test(key) : true
    return isKey && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
  }, json)
}

/** Whether this is how the value is written. A number may be written in more than one way: 1 and 1.0. */
function isWritten(value: unknown, text: string): boolean {
  if (typeof value === 'object' && value !== null) return false
  return (
    String(value) === text || (typeof value === 'number' && /^-?\d[\d.eE+-]*$/.test(text) && Number(text) === value)
  )
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  const text = redacted(value)
  return JSON.stringify(text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text)
}
