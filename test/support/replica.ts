/** `node handler serve` as a process of its own: a replica. */
import { until } from './cluster/poll.js'
import { type Run, startHandler } from './handler.js'

export interface Replica {
  readonly pid: number
  readonly url: string
  /** What it has said so far, of the watches for instance. */
  readonly stderr: string
  /** Resolves when it has ended. */
  readonly done: Promise<Run>
  /** What /metrics says. */
  metrics(): Promise<string>
  /** A value of /metrics, or the sum of those that have these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  kill(signal: NodeJS.Signals): void
  /** Tells it to end, and waits until it has. */
  stop(): Promise<Run>
}

/** Starts `node handler serve --port 0` with these arguments; it listens when this resolves. */
export async function startReplica(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Replica> {
  const { process: child, done } = startHandler(['serve', '--port', '0', ...args], env)
  let stderr = ''
  child.stderr?.on('data', (text: string) => {
    stderr += text
  })
  const url = await until('serve listens', () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`serve has ended: ${stderr}`)
    return /listening on (http:\S+\d)/.exec(stderr)?.[1]
  })
  const metrics = async () => (await fetch(`${url}/metrics`)).text()
  return {
    pid: child.pid ?? 0,
    url,
    done,
    get stderr() {
      return stderr
    },
    metrics,
    metric: async (name, labels) => sumOf(await metrics(), name, labels),
    kill: (signal) => void child.kill(signal),
    stop: () => {
      child.kill('SIGTERM')
      return done
    },
  }
}

/** Of Prometheus' text format: the sum of a metric's series that have these labels; 0 when there is none. */
export function sumOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
