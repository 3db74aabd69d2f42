/** Kubernetes' own answers to what handler/ resolves by itself: `test/cluster/binaries/reference`, one question a line. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Question {
  readonly pod: object
  readonly service: object
  /** The query of a list of the Service's pods. */
  readonly labelSelector: string
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

export interface Reference {
  /** @throws Error when the objects cannot be read, or the program has ended */
  ask(question: Question): Promise<Answer>
  close(): Promise<void>
}

export function startReference(program: string): Reference {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'close')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    ask: async (question) => {
      child.stdin.write(`${JSON.stringify(question)}\n`)
      const { value } = await lines.next()
      if (value === undefined) throw new Error(`${program} has ended`)
      const answer: Answer = JSON.parse(value)
      if (answer.error) throw new Error(`${answer.error}: ${JSON.stringify(question)}`)
      return answer
    },
    close: async () => {
      child.stdin.end()
      await exit
    },
  }
}
