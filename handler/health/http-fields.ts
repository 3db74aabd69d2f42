/**
 * The fields of a head or of trailers in HTTP/1, as Go reads them. All are checked and few are kept: a head of 10 MiB, as
 * Go takes it, costs as little memory as one of a line, however many probes get one at once.
 */
import { setImmediate } from 'node:timers/promises'
import type { Reader } from './bytes.js'

/** By names in small letters: those that somebody looks for, and of their values as many as make a difference. */
export type Fields = ReadonlyMap<string, readonly string[]>

/** Of a Location: servers take requests of much less, and to read and write a URL of millions of bytes takes seconds. */
export const MAX_LOCATION_BYTES = 128 << 10
/** Of those that are looked for, how much of a value is kept. Of the others a longer one means nothing that is taken. */
const KEPT_BYTES: ReadonlyMap<string, number> = new Map([
  ['location', MAX_LOCATION_BYTES + 1],
  ['content-length', 1 << 10],
  ['transfer-encoding', 1 << 10],
  ['trailer', 4 << 10],
])
const LONGEST_NAME = Math.max(...[...KEPT_BYTES.keys()].map(({ length }) => length))
/** Pieces of lines that are read at a stretch. */
const PIECES_AT_ONCE = 4_096

const IN_NAME = /^[\w!#$%&'*+.^`|~ -]*$/
const NOT_IN_VALUE = /[^\t -~\x80-\xff]/

/** Reads up to an empty line. A name may have a space in it: nobody looks for that. @throws Error when it is no HTTP */
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

/** One that is being read: a line and those that are folded to it. */
class Field {
  #start = ''
  /** Of the lines before this one, and of this one; at most `#most` each. */
  #before = ''
  #line = ''
  #isNamed = false
  #most = 0

  /** In small letters; of one that is longer than any that is looked for, the beginning. */
  get name(): string {
    return this.#start.toLowerCase()
  }

  get value(): string {
    return trim(this.#before + trim(this.#line))
  }

  /** Takes a piece of a line without its end. @throws Error when it is no HTTP */
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

/** Two lengths or encodings are as wrong as any number of them, and of a Location the first one counts. */
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

/** Whether it announces, for after the body, what says how long that is. */
function namesFraming(trailer: string): boolean {
  return trailer.split(',').some((name) => /^(transfer-encoding|trailer|content-length)$/i.test(name.trim()))
}

export const withoutEnd = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line)

const isBlank = (character = '') => character === ' ' || character === '\t'

function withoutBlanksBefore(text: string): string {
  let start = 0
  while (start < text.length && isBlank(text[start])) start++
  return text.slice(start)
}

/** Without blanks at both ends. A pattern would look for the end of each run of blanks from each of them. */
export function trim(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text[start])) start++
  while (start < end && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

export function notHttp(): Error {
  return new Error('not HTTP')
}
