/** Where serve says what it has to say. */
export interface Log {
  /** A report that says something new. */
  print(text: string): void
  /** Anything else. */
  warn(message: string): void
}

/** A defect of the program, for `warn`. */
export function describeDefect(error: unknown): string {
  return `defect: ${(error instanceof Error && error.stack) || error}`
}
