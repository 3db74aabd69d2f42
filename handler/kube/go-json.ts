/**
 * JSON as Go's encoding/json writes it, with HTML escaped. The API server compares the value of a JSON Patch `test`
 * with its own bytes: `<` never equals the `\u003c` that it stores.
 */
export function toGoJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
