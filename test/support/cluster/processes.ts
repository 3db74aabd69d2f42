// Child processes whose life ends with ours. A keeper (`keeper.ts`) holds them: when this process ends, however
// abruptly, the keeper stops them and removes the folder they work in.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

export type KeeperOrder =
  | {
      readonly kind: 'start'
      readonly id: number
      readonly command: string
      readonly args: readonly string[]
      readonly log: string
      readonly graceMs: number
      readonly wrapper: boolean
    }
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'signal'; readonly id: number; readonly signal: NodeJS.Signals }
  | { readonly kind: 'end' }

export type KeeperEvent =
  | { readonly kind: 'started'; readonly id: number; readonly pid: number }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  | { readonly kind: 'exited'; readonly id: number; readonly how: string }
  | { readonly kind: 'signalled'; readonly id: number }

/** Arguments with which Node runs TypeScript. */
const typescript: readonly string[] = ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href]

/** The command that runs a file of TypeScript. */
export function typescriptFile(file: URL): { readonly command: string; readonly args: readonly string[] } {
  return { command: process.execPath, args: [...typescript, fileURLToPath(file)] }
}

/** One process under the keeper. */
export interface Process {
  readonly name: string
  /** Path of the file that holds what it wrote to stdout and stderr. */
  readonly log: string
  readonly pid: number
  /** How it ended (`exit code 1`, `SIGKILL`); undefined while it runs. */
  readonly ended: string | undefined
  /** Resolves with how it ended. Never rejects. */
  readonly exit: Promise<string>
  /** SIGTERM, and SIGKILL when its grace is over. Resolves when the process has ended. */
  stop(): Promise<void>
  /** Sends it a signal. Resolves when it was sent, or the process has ended. */
  signal(name: NodeJS.Signals): Promise<void>
}

/** What to run. */
export interface Command {
  /** For messages. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** The file to which it logs. */
  readonly log: string
  /** How long it may take to end by itself when told to, 2 s unless given. 0: it is killed at once. */
  readonly graceMs?: number
  /**
   * The command is one that starts another and waits for it (`nsenter`, `unshare --fork`): signals go to that one, and
   * `exit` tells when it has ended.
   */
  readonly wrapper?: boolean
}

/**
 * Starts the keeper of `folder`, in which all its processes run and which it removes when it ends.
 * @param cgroup name of a control group below which its processes make others; removed likewise
 */
export function startKeeper(folder: string, cgroup?: string): Keeper {
  return new Keeper(folder, cgroup)
}

export class Keeper {
  readonly #child: ChildProcess
  readonly #running = new Map<number, KeptProcess>()
  #lastId = 0

  constructor(folder: string, cgroup?: string) {
    this.#child = fork(fileURLToPath(new URL('./keeper.ts', import.meta.url)), [folder, ...(cgroup ? [cgroup] : [])], {
      execArgv: [...typescript],
      // A session of its own: Ctrl-C reaches us alone, and what is to be stopped is stopped in order.
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#child.on('message', (event: KeeperEvent) => this.#running.get(event.id)?.notice(event))
    this.#child.once('exit', () => {
      // Normally there is nothing left to do here. But somebody may have killed the keeper itself.
      for (const kept of this.#running.values()) kept.abandon()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    })
  }

  /** Starts a process. @throws Error when the command cannot be started. */
  async run({ name, command, args, log, graceMs = 2_000, wrapper = false }: Command): Promise<Process> {
    const id = ++this.#lastId
    const kept = new KeptProcess(
      name,
      log,
      () => this.#tell({ kind: 'stop', id }),
      (signal) => this.#tell({ kind: 'signal', id, signal }),
    )
    this.#running.set(id, kept)
    void kept.exit.then(() => this.#running.delete(id))
    this.#tell({ kind: 'start', id, command, args, log, graceMs, wrapper })
    await kept.started
    return kept
  }

  /** Ends all processes and removes the folder. Resolves when that is done. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#tell({ kind: 'end' })
    await exit
  }

  #tell(order: KeeperOrder): void {
    // An order that cannot be delivered needs no error of its own: the keeper's `exit` follows.
    if (this.#child.connected) this.#child.send(order, () => undefined)
  }
}

class KeptProcess implements Process {
  readonly started: Promise<void>
  readonly exit: Promise<string>
  ended: string | undefined
  pid = 0
  readonly #settleStart: { resolve: () => void; reject: (error: Error) => void }
  readonly #settleExit: (how: string) => void
  /** Those that the keeper has not come to, in order. */
  readonly #signals: (() => void)[] = []

  constructor(
    readonly name: string,
    readonly log: string,
    readonly askToStop: () => void,
    readonly askToSignal: (name: NodeJS.Signals) => void,
  ) {
    const start = deferred<void>()
    const exit = deferred<string>()
    this.started = start.promise
    this.exit = exit.promise
    this.#settleStart = start
    this.#settleExit = exit.resolve
  }

  async stop(): Promise<void> {
    if (this.ended === undefined) this.askToStop()
    await this.exit
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    const sent = deferred<void>()
    this.#signals.push(sent.resolve)
    if (this.ended === undefined) this.askToSignal(name)
    await Promise.race([sent.promise, this.exit])
  }

  notice(event: KeeperEvent): void {
    switch (event.kind) {
      case 'started':
        this.pid = event.pid
        this.#settleStart.resolve()
        return
      case 'failed':
        this.#fail(event.message)
        return
      case 'signalled':
        this.#signals.shift()?.()
        return
      case 'exited':
        this.#end(event.how)
    }
  }

  /** The keeper is gone: nobody else will end this process. */
  abandon(): void {
    if (this.pid === 0) {
      this.#fail('the keeper of the processes has ended')
      return
    }
    try {
      process.kill(this.pid, 'SIGKILL')
    } catch {
      // It has ended already.
    }
    this.#end('SIGKILL')
  }

  #fail(message: string): void {
    this.#settleStart.reject(new Error(`${this.name} could not be started: ${message}`))
    this.#end('never started')
  }

  #end(how: string): void {
    this.ended = how
    this.#settleExit(how)
  }
}

function deferred<T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: Error) => void
} {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** The last lines of a log, for an error message; empty when there is no log yet. */
export async function lastLines(log: string, count = 10): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
