// The running programs of one cluster: they start under one keeper, and one that ends unasked is reported.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './poll.js'
import { type Command, type Keeper, lastLines, type Process } from './processes.js'

/** Makes of a command one that runs somewhere else: in other namespaces, say. */
export type Place = (command: string, args: readonly string[]) => Pick<Command, 'command' | 'args' | 'wrapper'>

/** Where this process runs. */
export const here: Place = (command, args) => ({ command, args })

/** What to start, and under which name it logs and is spoken of. */
export interface Program {
  readonly name: string
  /** A program on the PATH, or one of Kubernetes' own, which is looked for among the built ones. */
  readonly command: string
  readonly args: readonly string[]
  /** Here, unless given. */
  readonly place?: Place | undefined
}

/** A program ended that was needed. */
export class Died extends Error {}

/** The running programs of one cluster, and which of them are meant to end. */
export class Programs {
  readonly broken: Promise<Error>
  readonly #keeper: Keeper
  readonly #binaries: string
  readonly #running = new Set<Process>()
  #report: (error: Error) => void = () => undefined
  #started = false

  constructor(
    keeper: Keeper,
    binaries: string,
    readonly logs: string,
  ) {
    this.#keeper = keeper
    this.#binaries = binaries
    this.broken = new Promise((resolve) => {
      this.#report = resolve
    })
  }

  /** Starts a program. @throws Error when it cannot be started */
  async run({ name, command, args, place = here }: Program): Promise<Process> {
    const built = join(this.#binaries, command)
    const log = join(this.logs, `${name}.log`)
    // No grace: the API server would wait for its watches to end, and nothing of it is to be kept.
    const placed = place(existsSync(built) ? built : command, args)
    const process = await this.#keeper.run({ name, log, graceMs: 0, ...placed })
    this.#running.add(process)
    void process.exit.then(async () => {
      if (this.#started && this.#running.has(process)) this.#report(await died(process))
    })
    return process
  }

  /** Waits until `ask` is answered. @throws Died when a program ends meanwhile */
  async ready(process: Process, ask: () => Promise<unknown>): Promise<void> {
    await until(`${process.name} is ready (its log: ${process.log})`, async () => {
      for (const needed of this.#running) {
        if (needed.ended === undefined) continue
        // It was started in vain, and is no loss to those that run.
        this.#running.delete(needed)
        throw await died(needed)
      }
      return await ask().then(
        () => true,
        () => undefined,
      )
    })
  }

  /** From here on, an end that nobody asked for is reported. */
  started(): void {
    this.#started = true
  }

  /** Ends one of them on purpose. */
  async stop(process: Process): Promise<void> {
    this.#running.delete(process)
    await process.stop()
  }

  /** Ends them all and removes their folder. */
  async end(): Promise<void> {
    this.#running.clear()
    await this.#keeper.end()
  }
}

async function died({ name, ended, log }: Process): Promise<Died> {
  return new Died(`${name} ended (${ended}). The end of ${log}:\n${await lastLines(log)}`)
}
