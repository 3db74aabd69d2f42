/**
 * JSON as Go writes it (encoding/json, with HTML escaped). The API server compares the value of a JSON Patch's `test`
 * with its own bytes: a `<` that is not `\u003c` is never equal to the one that it stores.
 */
export function toGoJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
