/** Shows a value that somebody gave: in quotes, and no more of it than tells which one it was. */

/** The most characters of a value that a message shows. A name, a duration or a number is shorter. */
const MAX_CHARACTERS = 100

/** The value in the quotes of JSON, which show where it begins and ends; what is cut off it stands outside them as …. */
export function quoted(text: string): string {
  return text.length > MAX_CHARACTERS ? `${JSON.stringify(text.slice(0, MAX_CHARACTERS))}…` : JSON.stringify(text)
}
