/** The process's streams for the commands. */
import { createInterface } from 'node:readline'
import type { Environment } from '../cli/options.js'
import { printable } from '../util/printable.js'
import { Cancelled, type Io } from './io.js'

export interface Streams {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
}

/** @param prefix of what is written to stderr @param stop ends a question */
export function openTerminal(
  { stdin, stdout, stderr }: Streams,
  env: Environment,
  program: string,
  prefix: string,
  stop: AbortSignal,
): Io {
  return {
    print: (text) => new Promise((resolve) => void stdout.write(text, () => resolve())),
    warn: (text) => void stderr.write(`${prefix}: ${printable(text)}\n`),
    ask: (question) => askOn(stdin, stderr, question, stop),
    isTerminal: stdin.isTTY === true && stderr.isTTY === true,
    get columns() {
      return stdout.isTTY && stdout.columns > 0 ? stdout.columns : undefined // 0: a terminal that knows no size
    },
    colors: stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
    env,
    program,
  }
}

/** The terminal itself edits the line, so that Ctrl-C reaches the process as a signal, as everywhere else. */
function askOn(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  question: string,
  stop: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input, terminal: false })
    const cancel = () => {
      isAnswered = true
      output.write('\n')
      reject(new Cancelled('nothing was changed'))
      lines.close()
    }
    let isAnswered = false
    const end = (answer: boolean) => {
      isAnswered = true
      stop.removeEventListener('abort', cancel)
      resolve(answer)
      lines.close()
    }
    if (stop.aborted) return cancel()
    stop.addEventListener('abort', cancel, { once: true })
    lines.once('line', (line) => end(/^\s*y(es)?\s*$/i.test(line)))
    lines.once('close', () => {
      if (!isAnswered) output.write('\n') // nobody has pressed Enter
      end(false)
    })
    output.write(`${question} [y/N] `)
  })
}
