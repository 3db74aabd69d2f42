// What each pod would have answered, asked at its own address all the time: whether an outage could have been avoided.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Observer } from '../../support/cluster/observer.js'
import { typescriptFile } from '../../support/cluster/processes.js'
import type { Machine } from '../../support/node/machines.js'

export interface Seen {
  readonly uid: string
  readonly ip: string
}

/** One answer of one pod. */
export interface Probe {
  readonly uid: string
  /** When it was asked, in milliseconds since 1970. */
  readonly at: number
  /** Whether it answered 200 in time. */
  readonly healthy: boolean
}

export interface Witness {
  /** Asks this pod from now on. */
  add(pod: Seen): void
  /** Asks it no more. */
  remove(pod: Seen): void
  /** Ends it; what the pods have answered, by when they were asked. */
  stop(): Promise<readonly Probe[]>
}

/** How often each pod is asked. */
export const witnessEveryMs = 100
/** What takes longer is no answer. */
const timeoutMs = 1_000

/** @param lastMs it ends by itself after that long */
export function startWitness(machine: Machine, lastMs: number): Witness {
  const client = typescriptFile(new URL('./witness-client.ts', import.meta.url))
  const numbers = [witnessEveryMs, timeoutMs, lastMs].map(String)
  const { command, args } = machine.place(client.command, [...client.args, ...numbers])
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const probes: Probe[] = []
  createInterface(child.stdout).on('line', (line) => probes.push(JSON.parse(line) as Probe))
  const tell = (pod: Seen, gone: boolean): void => void child.stdin.write(`${JSON.stringify({ ...pod, gone })}\n`)
  return {
    add: (pod) => tell(pod, false),
    remove: (pod) => tell(pod, true),
    stop: async () => {
      child.stdin.end()
      await closed
      return probes.sort((a, b) => a.at - b.at)
    },
  }
}

/** Tells the witness of each pod that the observer sees, as long as it has an address. `stop` ends the witness too. */
export function followPods(observer: Observer, witness: Witness): Pick<Witness, 'stop'> {
  const asked = new Map<string, Seen>()
  let told = 0
  const tell = (): void => {
    const changes = observer.history.filter(({ kind }) => kind === 'pod')
    for (const { deleted, object } of changes.slice(told)) {
      const { uid } = object.metadata
      const ip = 'status' in object ? object.status?.podIP : undefined
      const known = asked.get(uid)
      if (deleted && known !== undefined) {
        asked.delete(uid)
        witness.remove(known)
      } else if (!deleted && ip !== undefined && known?.ip !== ip) {
        asked.set(uid, { uid, ip })
        witness.add({ uid, ip })
      }
    }
    told = changes.length
  }
  const timer = setInterval(tell, 50)
  return {
    stop: () => {
      clearInterval(timer)
      return witness.stop()
    },
  }
}
