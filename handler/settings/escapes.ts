/** The texts of a dialogue over TCP, as users write them: bytes that cannot be typed are escapes. */

/** The most bytes of one text. */
const MAX_BYTES = 4_096
/** The most texts that one answer is searched for. */
const MAX_TEXTS = 16

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' }

const KNOWN = '\\r \\n \\t \\0 \\xHH \\\\'

/** Completes "should be …". */
export const SENT_FORM = `a text of at most ${MAX_BYTES / 1_024} KiB, in which ${KNOWN} are escapes`
export const EXPECTED_FORM = `a text of at most ${MAX_BYTES / 1_024} KiB, in which ${KNOWN} are escapes, or at most ${MAX_TEXTS} of these, one a line`

/** The bytes of a text, one per character. `undefined`: it is empty, too long, or holds an unknown escape. */
export function parseBytes(text: string): string | undefined {
  return wrongIn(text) === undefined ? bytesOf(text) : undefined
}

/** The same for each line that is not empty. Spaces are kept, as they may be what a server says. */
export function parseLines(text: string): readonly string[] | undefined {
  if (wrongIn(text) !== undefined) return undefined
  const lines = linesOf(text)
  return lines.length > 0 && lines.length <= MAX_TEXTS ? lines.map(bytesOf) : undefined
}

/** What is wrong with a text, without showing it; completes "is …". */
export function describeBytes(text: string): string {
  return wrongIn(text) ?? 'well-formed'
}

/** The same for several lines. */
export function describeLines(text: string): string {
  return wrongIn(text) ?? (text.trim() ? `${linesOf(text).length} lines` : 'empty')
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}

function wrongIn(text: string): string | undefined {
  if (text === '') return 'empty'
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_BYTES) return `${bytes} bytes long`
  // A backslash is followed by the rest of an escape, or else by nothing that is known.
  const wrong = [...text.matchAll(/\\(?:x[0-9A-Fa-f]{2}|[rnt0\\])|\\/g)].find(([found]) => found === '\\')
  return wrong ? `a text with an unknown escape at character ${wrong.index + 1}` : undefined
}

function bytesOf(text: string): string {
  const bytes = Buffer.from(text).toString('latin1')
  return bytes.replace(/\\(x[0-9A-Fa-f]{2}|[rnt0\\])/g, (_, code: string) =>
    code.startsWith('x') ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? ''),
  )
}
