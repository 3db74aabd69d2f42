/** Says on a terminal how far long work is: one line on stderr, which is rewritten in place and taken away at the end. */
import { printable } from './printable.js'

/** The part of `process.stderr` that is used. */
interface Terminal {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

interface Progress {
  /** Draws the line again, unless that was done just now: for work that leaves timers no turn. */
  tick(): void
  /** Takes the line away until it is drawn the next time: before something else is printed. */
  erase(): void
  /** Takes the line away for good. */
  done(): void
}

/** Work that is over by then says nothing. */
const SILENT_MS = 1_000
/** The line is drawn at most this often. */
const REDRAWN_MS = 200
const ERASED = '\r\u001b[K'
const USUAL_COLUMNS = 80

/** Whether somebody looks: a terminal that can rewrite a line, and no log of a build server. */
function isWatched({ isTTY }: Terminal, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTTY === true && !env.CI && env.TERM !== 'dumb'
}

/** The text on one line of a terminal. It is cut: a line that wraps is not rewritten as a whole. */
export function progressLine(text: string, columns = USUAL_COLUMNS): string {
  return [...printable(text)].slice(0, Math.max((columns || USUAL_COLUMNS) - 1, 0)).join('')
}

/**
 * Begins at once, and draws nothing within the first second. Without a terminal it never draws.
 *
 * @param say the text after so many whole seconds
 */
export function showProgress(
  stream: Terminal,
  env: Readonly<Record<string, string | undefined>>,
  say: (seconds: number) => string,
): Progress {
  if (!isWatched(stream, env)) return { tick: () => {}, erase: () => {}, done: () => {} }
  const startedAtMs = performance.now()
  let drawnAtMs = Number.NEGATIVE_INFINITY
  let drawn = ''
  let isOver = false
  const tick = () => {
    const nowMs = performance.now()
    if (isOver || nowMs - startedAtMs < SILENT_MS || nowMs - drawnAtMs < REDRAWN_MS) return
    drawnAtMs = nowMs
    const line = progressLine(say(Math.floor((nowMs - startedAtMs) / 1_000)), stream.columns)
    if (line !== drawn) stream.write(`${ERASED}${line}`)
    drawn = line
  }
  const timer = setInterval(tick, REDRAWN_MS).unref()
  const erase = () => {
    if (drawn !== '') stream.write(ERASED)
    drawn = ''
  }
  const done = () => {
    isOver = true
    clearInterval(timer)
    erase()
  }
  return { tick, erase, done }
}
