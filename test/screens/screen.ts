/** What a user sees: a command in a real pseudo-terminal, or with its output piped, in the town. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import { repository } from '../support/handler.js'
import { onTerminal } from '../support/terminal.js'
import { NOW, type Town } from './town.js'

export interface View {
  /** Absent: the output is piped. */
  readonly columns?: number
  readonly colors?: boolean
}

export interface Screen {
  /** With the codes of the colours, and with the line breaks of a file. */
  readonly text: string
  readonly code: number | null
}

/** As kubectl runs it, with its clocks stopped. */
const PROGRAM = 'node --import ./test/screens/stopped-clock.mjs dist/kubectl-active_passive.cjs'

/** @param args for a shell @param typed once the program asks */
export async function look(town: Town, args: string, view: View, typed?: string): Promise<Screen> {
  const { columns, colors = false } = view
  const env = { KUBECONFIG: town.path, NOW, ...(colors ? {} : { NO_COLOR: '1' }) }
  if (columns === undefined) return piped(`${PROGRAM} ${args}`, env)
  const terminal = onTerminal(`${PROGRAM} ${args}`, { columns, env })
  if (typed !== undefined) {
    terminal.process.stdout?.on('data', () => {
      if (terminal.screen().endsWith('[y/N] ')) terminal.type(typed)
    })
  }
  const code = await terminal.done
  return { text: shown(terminal.screen()), code }
}

/** Both streams, as a log of them would hold them: what is said on stderr comes last. */
async function piped(command: string, env: Readonly<Record<string, string>>): Promise<Screen> {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn('sh', ['-c', `exec ${command}`], {
    ...{ cwd: repository, env: { PATH, HOME, ...env } },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = ['', '']
  for (const [n, stream] of [child.stdout, child.stderr].entries()) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      texts[n] += text
    })
  }
  const [code] = await once(child, 'close')
  return { text: shown(texts.join('')), code }
}

/** The claim of a handover is random. */
function shown(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(/(?<=swap\]: ")[0-9a-f]{16}(?= )/g, '0123456789abcdef')
}

/** The escape character, made visible. */
export function visible(text: string): string {
  return text.replaceAll('\u001b', '␛')
}

export function withoutColors(text: string): string {
  return stripVTControlCharacters(text)
}

/** The screen under the command that was given, and the exit code where it is not 0. */
export function page(args: string, { text, code }: Screen): string {
  return `$ kubectl active-passive ${args}\n${text}${code === 0 ? '' : `[exit code ${code}]\n`}`
}
