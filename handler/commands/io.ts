/** What the commands of a person need of the process: where they print, and how they ask. */

export interface Io {
  /** Writes to stdout; resolves when it is written, or its reader has gone. */
  print(text: string): Promise<void>
  /** Writes a message to stderr, on one line. */
  warn(text: string): void
  /**
   * Asks on the terminal; only y and yes are true, the end of the input is false.
   * @throws Cancelled if the process is told to stop meanwhile
   */
  ask(question: string): Promise<boolean>
  /** stdin and stderr are terminals: there is somebody to ask. */
  readonly isTerminal: boolean
  /** The width of stdout; `undefined`: it is no terminal. */
  readonly columns: number | undefined
  /** stdout is a terminal, and NO_COLOR is not set. */
  readonly colors: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  /** How the user calls this program, for messages. */
  readonly program: string
}

/** The process was told to stop before anything was changed. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
}
