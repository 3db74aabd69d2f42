/** Kubernetes' own answers to what handler/ resolves by itself: `test/support/cluster/binaries/reference`, one question a line. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Question {
  readonly pod: object
  readonly service: object
  /** The query of a list of the Service's pods. */
  readonly labelSelector: string
}

/** A readinessProbe to run once against a server that is there. */
export interface ProbeRun {
  readonly podIP: string
  /** With `ports` and `readinessProbe`, as in a pod. */
  readonly container: object
  readonly timeoutMs: number
}

/** The kubelet takes `warning`, which is a redirect that it did not follow, for a success. */
export interface ProbeVerdict {
  readonly result: 'success' | 'warning' | 'failure' | 'unknown'
  readonly output: string
}

type Port = { readonly number: number } | { readonly error: string }

/** About the objects as an API server hands them out. */
export interface Answer {
  /** One for each port of the Service. */
  readonly ports: readonly Port[]
  /** What the kubelet does for each readinessProbe. */
  readonly probes: readonly {
    readonly container: string
    readonly kind: 'exec' | 'http' | 'tcp' | 'grpc' | 'none'
    readonly scheme?: string
    readonly host?: string
    readonly port: Port
    readonly timeoutSeconds: number
    readonly failureThreshold: number
  }[]
  readonly podIP: string
  readonly ready: boolean
  /** Whether its phase is one that it never leaves. */
  readonly terminal: boolean
  /** Whether it belongs into the Service's endpoints, if it is selected. */
  readonly inEndpoints: boolean
  /** The endpoint controller's word. */
  readonly selected: boolean
  /** The API server's. */
  readonly listed: boolean
  readonly error?: string
}

/** A real gRPC server to start on loopback. */
export interface GrpcServer {
  /** The status of each service; the empty name is the whole server. Without it, there is no health service. */
  readonly health?: Readonly<Record<string, 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'>>
  /** In PEM. Without them, there is no TLS. */
  readonly certificate?: string
  readonly key?: string
}

export interface Reference {
  /** @throws Error when the objects cannot be read, or the program has ended */
  ask(question: Question): Promise<Answer>
  /** All of them side by side. @throws Error when the program has ended */
  probe(runs: readonly ProbeRun[]): Promise<readonly ProbeVerdict[]>
  /** Starts servers that run until `close`. @returns their ports */
  serveGrpc(grpcServers: readonly GrpcServer[]): Promise<readonly number[]>
  close(): Promise<void>
}

export function startReference(program: string): Reference {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'close')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  async function exchange<T>(question: object): Promise<T> {
    child.stdin.write(`${JSON.stringify(question)}\n`)
    const { value } = await lines.next()
    if (value === undefined) throw new Error(`${program} has ended`)
    const answer: T & { readonly error?: string } = JSON.parse(value)
    if (answer.error) throw new Error(`${answer.error}: ${JSON.stringify(question)}`)
    return answer
  }
  return {
    ask: (question) => exchange<Answer>(question),
    probe: async (runs) => (await exchange<{ readonly verdicts?: readonly ProbeVerdict[] }>({ runs })).verdicts ?? [],
    serveGrpc: async (grpcServers) =>
      (await exchange<{ readonly grpcPorts?: readonly number[] }>({ grpcServers })).grpcPorts ?? [],
    close: async () => {
      child.stdin.end()
      await exit
    },
  }
}
