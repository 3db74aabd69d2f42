/** Where serve says what it has to say. */
export interface Log {
  /** A report that says something new. */
  print(text: string): void
  /** Anything else. */
  warn(message: string): void
}

/** A defect of the program, for `warn`: on one line, as all that is logged. */
export function describeDefect(error: unknown): string {
  const said = (error instanceof Error && error.stack) || String(error)
  return `defect: ${said.replaceAll(/\n\s*/g, ' | ')}`
}
