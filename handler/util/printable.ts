/**
 * Makes text of others safe to print on a screen or in a log. Annotations, labels, answers of servers and messages of
 * plugins may hold anything: line breaks that forge lines, sequences that a terminal obeys, characters that turn a text
 * around, and secrets. Documents of JSON are not passed through this: they are data. Lines of JSON in a log are.
 */

/** Control and format characters (bidirectional marks, joiners), line separators, and lone surrogates. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The text on one line. Characters that cannot be seen become escapes, and secrets are removed. */
export function printable(text: string): string {
  return redacted(text).replace(
    UNSEEN,
    (character) => NAMED[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

/**
 * The value as JSON on one line. Characters that cannot be seen become escapes, by which they stay the same for whoever
 * parses the line. Secrets are removed from its texts.
 */
export function printableJson(value: unknown): string {
  const json = JSON.stringify(value, (_key, one: unknown) => (typeof one === 'string' ? redacted(one) : one))
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return json.replace(UNSEEN, (character) => character.split('').map(escaped).join(''))
}

/**
 * Patterns of secrets, and the text that is shown instead. Each pattern is bounded, so that a long text cannot keep us
 * busy.
 */
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
  [/\b([\w-]{0,40}(?:token|password|passwd|pwd|secret|key-?data)=)[^\s"',;&]+/gi, '$1…'],
  [/("[\w-]{0,40}(?:token|password|passwd|secret|key-?data)"\s*:\s*")[^"]+/gi, '$1…'],
  // token: …, which is no word
  [/\b([\w-]{0,40}(?:token|password|passwd|secret):\s+)(?=\S*\d)[^\s"',;&]{8,}/gi, '$1…'],
]

/** The most that is shown of a text. */
const MAX_CHARACTERS = 10_000
/** Characters beyond it that are searched too: a secret may be recognised by its end only. */
const MAX_SECRET_CHARACTERS = 3_000

/** The text without anything that may be a secret. A long text is cut to its beginning. */
export function redacted(text: string): string {
  const beginning = text.slice(0, MAX_CHARACTERS + MAX_SECRET_CHARACTERS)
  const shown = SECRETS.reduce((shown, [pattern, left]) => shown.replace(pattern, left), beginning)
  return text.length > MAX_CHARACTERS ? `${shown.slice(0, MAX_CHARACTERS)}…` : shown
}
