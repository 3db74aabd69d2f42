/** The log of serve. */
export interface Log {
  /** Writes a report that tells something new. */
  print(text: string): void
  /** Writes anything else. */
  warn(message: string): void
}

/** The text of a defect of the program, for `warn`: one line, like everything in the log. */
export function describeDefect(error: unknown): string {
  const text = (error instanceof Error && error.stack) || String(error)
  return `defect: ${text.replaceAll(/\n\s*/g, ' | ')}`
}
