/** Where serve says what it has to say. */
export interface Log {
  /** A report that says something new. */
  print(text: string): void
  /** Anything else. */
  warn(message: string): void
}
