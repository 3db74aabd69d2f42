// What the clients of a Service see: new connections, one every few milliseconds, from inside of a machine.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { typescriptFile } from '../cluster/processes.js'
import type { Machine } from './machines.js'

/** One connection. Times are milliseconds since 1970, with their fractions, by the machine's clock. */
export interface Sample {
  /** When it was opened. */
  readonly at: number
  /** How long it took until the answer was complete, or the error known. */
  readonly ms: number
  /** Who answered: the answer's body. */
  readonly pod?: string
  /** Why nobody did: `refused`, `hung`, `cut` in the middle of an answer, or the kernel's code. */
  readonly error?: string
}

/** Something to post, from where the clients are. */
export interface Post {
  readonly url: string
  readonly json?: string
}

export interface Posted {
  readonly posted: string
  /** When it was sent, as in `Sample`. */
  readonly at: number
  /** 0: there was no answer. */
  readonly status: number
}

export interface TrafficOptions {
  readonly address: string
  /** 80 unless given. */
  readonly port?: number
  /** 5 unless given. */
  readonly everyMs?: number
  /** What is not connected after that long counts as hung, 900 unless given; what is, has 5 s for its answer. */
  readonly timeoutMs?: number
  /** It stops by itself after that long. A minute unless given. */
  readonly lastMs?: number
}

export interface Traffic {
  /** What has come of the connections so far, in the order in which they ended. */
  readonly samples: readonly Sample[]
  /** Resolves when it was answered. */
  post(post: Post): Promise<Posted>
  /** Opens no more connections, and waits for those that are open. */
  stop(): Promise<readonly Sample[]>
}

/**
 * Each client has an address of its own: the kernel remembers connections for minutes, refused ones included, and a
 * port that is used again would be taken for one of an earlier client's.
 */
let clients = 0

async function newAddress(machine: Machine): Promise<string> {
  clients++
  const address = `172.30.${clients >> 8}.${clients & 255}`
  await machine.exec('ip', 'addr', 'add', `${address}/32`, 'dev', 'nodes')
  return address
}

/** Starts to open connections; resolves when the first has been answered, or failed. */
export async function startTraffic(machine: Machine, options: TrafficOptions): Promise<Traffic> {
  const { address, port = 80, everyMs = 5, timeoutMs = 900, lastMs = 60_000 } = options
  const client = typescriptFile(new URL('./traffic-client.ts', import.meta.url))
  const from = await newAddress(machine)
  const numbers = [port, everyMs, timeoutMs, lastMs].map(String)
  const { command, args } = machine.place(client.command, [...client.args, from, address, ...numbers])
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const samples: Sample[] = []
  const lines = createInterface(child.stdout)
  const waiting: ((posted: Posted) => void)[] = []
  lines.on('line', (line) => {
    const said = JSON.parse(line) as Sample | Posted
    if ('posted' in said) waiting.shift()?.(said)
    else samples.push(said)
  })
  await Promise.race([
    once(lines, 'line'),
    closed.then(() => Promise.reject(new Error('the client of the traffic ended before its first connection'))),
  ])
  return {
    samples,
    post: (post) =>
      new Promise((resolve) => {
        waiting.push(resolve)
        child.stdin.write(`${JSON.stringify(post)}\n`)
      }),
    stop: async () => {
      child.stdin.end()
      await closed
      return samples
    },
  }
}
