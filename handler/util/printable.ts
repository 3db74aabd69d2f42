/**
 * What others wrote, on its way to a screen or a log. Annotations, labels, answers of servers and the words of plugins
 * may hold anything: line breaks that forge lines, sequences that a terminal obeys, characters that turn a text around,
 * and secrets. JSON is not printed: it is data, and says what it is.
 */

/** Controls, formats (bidirectional ones, joiners), separators of lines, halves of characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The text on one line, with what cannot be seen written as an escape, and without secrets. */
export function printable(text: string): string {
  return redacted(text).replace(
    UNSEEN,
    (character) => NAMED[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

/** What is never shown, and what is left of it. Bounded: whoever writes long texts must not keep us busy. */
const SECRETS: readonly (readonly [pattern: RegExp, shown: string])[] = [
  // user:password@ of a URL
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"']+@/gi, '$1…@'],
  // a JSON Web Token, as service accounts and OpenID Connect have it
  [/\beyJ[\w-]{8,2000}\.[\w-]+(\.[\w-]*)?/g, '…'],
  // an Authorization header
  [/\b(bearer|basic)(\s+|\s*:\s*)[\w.~+/=-]{8,}/gi, '$1$2…'],
  // --token …
  [/(?<=\s)(--?[\w-]{0,40}(?:token|password|passwd|secret)\s+)(?!-)\S+/gi, '$1…'],
  // token=…, and "clientKeyData": "…"
  [/\b([\w-]{0,40}(?:token|password|passwd|secret|key-?data)=)[^\s"',;&]+/gi, '$1…'],
  [/("[\w-]{0,40}(?:token|password|passwd|secret|key-?data)"\s*:\s*")[^"]+/gi, '$1…'],
  // token: …, which is no word
  [/\b([\w-]{0,40}(?:token|password|passwd|secret):\s+)(?=\S*\d)[^\s"',;&]{8,}/gi, '$1…'],
]

/** No line of ours is longer. */
const MAX_CHARACTERS = 10_000
/** What is cut off may be the end of a secret, by which it would have been known for one. */
const MAX_SECRET_CHARACTERS = 3_000

/** The text without what may be a secret; of a long one the beginning. */
export function redacted(text: string): string {
  const beginning = text.slice(0, MAX_CHARACTERS + MAX_SECRET_CHARACTERS)
  const shown = SECRETS.reduce((shown, [pattern, left]) => shown.replace(pattern, left), beginning)
  return text.length > MAX_CHARACTERS ? `${shown.slice(0, MAX_CHARACTERS)}…` : shown
}
