/** A log for tests: they look at what was written. */
import type { Entry, Level, Log } from '../../handler/serve/telemetry/log.js'

export interface KeptLog extends Log {
  readonly entries: readonly Entry[]
  /** The messages of these levels, in order; of all levels where none is given. */
  said(...levels: readonly Level[]): readonly string[]
  clear(): void
}

export function keepLog(): KeptLog {
  const entries: Entry[] = []
  const at =
    (level: Level): Log['info'] =>
    (msg, fields = {}) =>
      void entries.push({ level, msg, fields })
  return {
    ...{ info: at('info'), warn: at('warn'), error: at('error'), entries },
    said: (...levels) =>
      entries.filter(({ level }) => levels.length === 0 || levels.includes(level)).map(({ msg }) => msg),
    clear: () => {
      entries.length = 0
    },
  }
}
