/** The lines of an annotation that holds one thing a line. */

export interface FilledLine {
  readonly line: string
  /** From 1, as an editor counts: empty lines count too. */
  readonly number: number
}

/** The lines that are not empty. Surrounding spaces, which YAML can leave unseen, are removed. */
export function filledLines(text: string): readonly FilledLine[] {
  return text
    .split('\n')
    .map((line, n) => ({ line: line.trim(), number: n + 1 }))
    .filter(({ line }) => line !== '')
}
