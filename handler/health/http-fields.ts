/**
 * Reads the fields of an HTTP/1 head or of trailers, as Go does. All are checked, and few are kept: a head of 10 MiB,
 * which Go accepts, costs as little memory as one line, however many probes receive one at once.
 */
import { setImmediate } from 'node:timers/promises'
import type { Reader } from './bytes.js'

/** Values by lower-case names: only the fields that are needed, and only as many values as make a difference. */
export type Fields = ReadonlyMap<string, readonly string[]>

/**
 * The longest Location. Servers accept much shorter requests, and reading and writing a URL of millions of bytes takes
 * seconds.
 */
export const MAX_LOCATION_BYTES = 128 << 10
/** The fields that are kept, and how many bytes of each value. Longer values of all but Location are never accepted. */
const KEPT_BYTES: ReadonlyMap<string, number> = new Map([
  ['location', MAX_LOCATION_BYTES + 1],
  ['content-length', 1 << 10],
  ['transfer-encoding', 1 << 10],
  ['trailer', 4 << 10],
])
const LONGEST_NAME = Math.max(...[...KEPT_BYTES.keys()].map(({ length }) => length))
/** How many pieces of lines are read before other work may run. */
const PIECES_AT_ONCE = 4_096

const IN_NAME = /^[\w!#$%&'*+.^`|~ -]*$/
const NOT_IN_VALUE = /[^\t -~\x80-\xff]/

/**
 * Reads fields up to an empty line. A name may contain a space: no such field is needed. @throws Error if it is not
 * HTTP
 */
export async function readFields(reader: Reader): Promise<Fields> {
  const fields = new Map<string, string[]>()
  let field: Field | undefined
  let isNewLine = true
  for (let count = 1; ; count++) {
    if (count % PIECES_AT_ONCE === 0) await setImmediate()
    let piece = reader.piece()
    while (piece === undefined) {
      await reader.more()
      piece = reader.piece()
    }
    const isLast = piece.endsWith('\n')
    const text = isLast ? withoutEnd(piece.slice(0, -1)) : piece
    if (isNewLine && !isBlank(text[0])) {
      if (field) keep(fields, field)
      if (text === '') return fields
      field = new Field()
    }
    if (!field) throw notHttp()
    field.add(text, isNewLine)
    if (isLast) field.endLine()
    isNewLine = isLast
  }
}

/** A field that is being read: its line and the lines folded to it. */
class Field {
  #start = ''
  /** The value on the lines before, and on this line; at most `#most` bytes each. */
  #before = ''
  #line = ''
  #isNamed = false
  #most = 0

  /** The name in lower case. A name longer than any that is kept is cut. */
  get name(): string {
    return this.#start.toLowerCase()
  }

  get value(): string {
    return trim(this.#before + trim(this.#line))
  }

  /** Adds a piece of a line, without its line end. @throws Error if it is not HTTP */
  add(piece: string, isNewLine: boolean): void {
    let text = piece
    if (!this.#isNamed) {
      const colon = text.indexOf(':')
      const part = colon < 0 ? text : text.slice(0, colon)
      if (!IN_NAME.test(part)) throw notHttp()
      if (this.#start.length <= LONGEST_NAME) this.#start += part.slice(0, LONGEST_NAME + 1)
      if (colon < 0) return
      if (this.#start === '') throw notHttp()
      this.#isNamed = true
      this.#most = KEPT_BYTES.get(this.name) ?? 0
      text = text.slice(colon + 1)
    }
    if (NOT_IN_VALUE.test(text)) throw notHttp()
    if (this.#most === 0) return
    if (isNewLine) {
      this.#before = `${this.#before}${trim(this.#line)} `.slice(0, this.#most)
      this.#line = ''
    }
    if (this.#line.length < this.#most)
      this.#line = (this.#line + (this.#line === '' ? withoutBlanksBefore(text) : text)).slice(0, this.#most)
  }

  endLine(): void {
    if (!this.#isNamed) throw notHttp()
  }
}

/** Two different lengths or encodings are as wrong as more of them, and only the first Location counts. */
function keep(fields: Map<string, string[]>, { name, value }: Field): void {
  const most = KEPT_BYTES.get(name)
  if (most === undefined) return
  const isLong = value.length >= most
  if (isLong && name === 'content-length') throw notHttp()
  if (name === 'trailer' && !isLong && !namesFraming(value)) return
  const known = fields.get(name) ?? []
  if (known.length === (name === 'location' ? 1 : 2) || (name === 'content-length' && known.includes(value))) return
  fields.set(name, [...known, value])
}

/** Whether a Trailer announces a field that tells the length of the body. */
function namesFraming(trailer: string): boolean {
  return trailer.split(',').some((name) => /^(transfer-encoding|trailer|content-length)$/i.test(name.trim()))
}

/** A line without the carriage return at its end. */
export const withoutEnd = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line)

const isBlank = (character = '') => character === ' ' || character === '\t'

function withoutBlanksBefore(text: string): string {
  let start = 0
  while (start < text.length && isBlank(text[start])) start++
  return text.slice(start)
}

/** Trims spaces and tabs. A regular expression would search for the end of a run of blanks from each blank in it. */
export function trim(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text[start])) start++
  while (start < end && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

/** The error for bytes that are not HTTP. */
export function notHttp(): Error {
  return new Error('not HTTP')
}
