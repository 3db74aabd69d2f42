// What a script that takes long says of itself: figures on stdout, and on a terminal a line on stderr meanwhile.
import { showProgress } from '../../handler/util/progress.js'

export interface Work {
  /** What it is at, for the line on the terminal. */
  at(what: string): void
  /** For work that leaves timers no turn. */
  tick(): void
  /** Prints a line of the results. */
  print(line: string): void
  done(): void
}

/** @param task its name in the line on the terminal */
export function startWork(task: string): Work {
  let now = ''
  const say = (seconds: number) => [task, now, `${seconds} s`].filter((part) => part !== '').join(', ')
  const { tick, erase, done } = showProgress(process.stderr, process.env, say)
  return {
    at: (what) => {
      now = what
    },
    tick,
    print: (line) => {
      erase()
      console.log(line)
    },
    done,
  }
}
