// Says how far something slow is: one line that is rewritten on a terminal, a line every 30 s elsewhere (a CI log).
import type { Progress } from './binaries.js'

/** @param stream where to write; returns what `buildBinaries` calls, and what ends the line. */
export function progressLine(
  stream: NodeJS.WriteStream,
  task: string,
): {
  readonly onProgress: (progress: Progress) => void
  readonly done: () => void
} {
  let written = Number.NEGATIVE_INFINITY
  return {
    onProgress: ({ seconds, package: name }) => {
      const line = `${task}: ${seconds} s${name && `, ${name}`}`
      if (stream.isTTY) {
        // Cut: a line that wraps is not rewritten as a whole.
        stream.write(`\r\u001b[K${line.slice(0, Math.max(20, stream.columns - 1))}`)
      } else if (seconds - written >= 30) {
        stream.write(`${line}\n`)
        written = seconds
      }
    },
    done: () => {
      if (stream.isTTY) stream.write('\r\u001b[K')
    },
  }
}
