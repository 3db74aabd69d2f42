/** How wide a text is on a terminal, and texts that are made to fit. Pure. */

/** Marks that are drawn over the character before them. */
const COMBINING = /[\p{Mn}\p{Me}]/u
/** Characters that take two columns: East Asian ones, and emoji. */
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u
const ASCII = /^[ -~]*$/

/** The columns that a text takes, which holds no control characters (`printable`). */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length
  return [...text].reduce((sum, character) => sum + widthOfOne(character), 0)
}

function widthOfOne(character: string): number {
  return COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1
}

/** Cuts a text to so many columns, and shows by a last … that it was cut. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width < 1) return ''
  let left = width - 1
  const characters = [...text]
  const end = characters.findIndex((character) => {
    left -= widthOfOne(character)
    return left < 0
  })
  return `${characters.slice(0, end).join('')}…`
}

/**
 * Breaks a text into lines at its spaces, so that each takes at most `width` columns. A longer word has a line of its
 * own.
 */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
