/** Runs a program with a pseudo-terminal, by util-linux' `script`, which every Linux has. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { repository } from './handler.js'

export interface OnTerminal {
  readonly process: ChildProcess
  /** What the terminal has been sent so far. */
  readonly screen: () => string
  /** Types on the keyboard: `\u0003` is Ctrl-C, and `\u0004` at the beginning of a line ends the input. */
  type(text: string): void
  /** The exit code. */
  readonly done: Promise<number | null>
}

export interface Terminal {
  readonly columns?: number
  /** Beyond PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>
}

/** @param command for a shell, in the folder of the repository: what it redirects does not reach the terminal */
export function onTerminal(command: string, { columns = 80, env = {} }: Terminal = {}): OnTerminal {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn('script', ['-qec', `stty cols ${columns} rows 24; exec ${command}`, '/dev/null'], {
    cwd: repository,
    env: { PATH, HOME, TERM: 'xterm', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const type = (typed: string) => void child.stdin.write(typed)
  return { process: child, screen: () => text, type, done: once(child, 'close').then(([code]) => code) }
}
