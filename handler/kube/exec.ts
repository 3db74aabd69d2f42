/**
 * Runs commands in containers of pods, through the API server: its subresource `exec` over a WebSocket, in the protocol
 * of kubectl. The first byte of a message is the number of a channel.
 */
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { describeServer } from './client.js'
import type { Commands, Order, Ran } from './commands.js'
import { collectionPath } from './list.js'
import { Rights } from './rights.js'
import { type Access, isOfAdmission, readStatus, refusal, unanswered, unintelligible } from './status.js'
import { type Answer, LIMITS, type Limits, openTransport } from './transport.js'

/** v5 closes single channels, which nothing here needs; servers before Kubernetes 1.30 know v4 alone. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

/** The numbers of the channels. */
const STDOUT = 1
const STDERR = 2
const STATUS = 3

/** A command that writes more than this is not waited for. */
const MAX_OUTPUT_BYTES = 1_048_576
const MAX_STATUS_BYTES = 65_536
/** How much of the output's end is kept. */
const TAIL_BYTES = 1_024

/** Sends nothing before the first call. */
export function connectCommands(config: KubeConfig, limits: Partial<Limits> = {}): Commands {
  // Connections of their own: those that wait for kubelets hold up no other request.
  const transport = openTransport(config, { ...LIMITS, maxSockets: Number.POSITIVE_INFINITY, ...limits })
  const server = describeServer(config)
  const rights = new Rights()
  return {
    get requests() {
      return transport.requests
    },
    run: async (order, begun, signal) => {
      const access: Access = { verb: 'get', resource: 'pods/exec', namespace: order.pod.namespace, server }
      const conversation = new Conversation()
      try {
        const receive = (message: Buffer) => conversation.receive(message)
        const answer = await transport.webSocket(pathOf(order), PROTOCOLS, receive, signal)
        if ('status' in answer) return declined(access, answer, rights)
        rights.allowed(access)
        begun()
        void answer.closed.then(() => conversation.end())
        return await conversation.result.finally(answer.close)
      } catch (error) {
        if (signal.aborted) throw error
        return { kind: 'refused', error: unanswered(access, error) }
      }
    },
  }
}

function pathOf({ pod, container, command }: Order): string {
  const query = new URLSearchParams({ container, stdout: 'true', stderr: 'true' })
  for (const word of command) query.append('command', word)
  return `${collectionPath('pods', pod.namespace)}/${encodeURIComponent(pod.name)}/exec?${query}`
}

/** The messages of one command, until its end. */
class Conversation {
  private tail = Buffer.alloc(0)
  private bytes = 0
  private status = ''
  private tell: (ran: Ran) => void = () => {}
  readonly result = new Promise<Ran>((resolve) => {
    this.tell = resolve
  })

  receive(message: Buffer): void {
    const [channel] = message
    const rest = message.subarray(1)
    if (channel === STATUS) this.statusCame(rest)
    else if (channel === STDOUT || channel === STDERR) this.outputCame(rest)
  }

  /** The connection has ended. */
  end(): void {
    this.tell({ kind: 'failed', text: 'the connection ended before the command' })
  }

  /** A word that is cut at its beginning is left out: it may be a secret that nothing tells any more. */
  private get written(): string {
    const text = this.tail.toString()
    return this.bytes > TAIL_BYTES ? text.replace(/^\s*\S*/, '…') : text
  }

  private outputCame(part: Buffer): void {
    this.bytes += part.length
    this.tail = Buffer.concat([this.tail, part]).subarray(-TAIL_BYTES)
    if (this.bytes > MAX_OUTPUT_BYTES) this.tell({ kind: 'failed', text: 'more than 1 MiB of output' })
  }

  private statusCame(part: Buffer): void {
    this.status += part.toString()
    const isTooLong = this.status.length > MAX_STATUS_BYTES
    if (isTooLong) this.tell({ kind: 'failed', text: 'no exit code' })
    const end = isTooLong ? undefined : readEnd(this.status)
    if (end) this.tell(ranOf(end, this.written))
  }
}

/** The Status that ends a command. */
interface End {
  readonly status: string
  readonly message?: unknown
  readonly details?: { readonly causes?: readonly { readonly reason?: unknown; readonly message?: unknown }[] }
}

/** `undefined`: it is none, or not whole yet. */
function readEnd(text: string): End | undefined {
  try {
    const said = JSON.parse(text) as Partial<End> | null
    return typeof said?.status === 'string' ? (said as End) : undefined
  } catch {
    return undefined
  }
}

function ranOf({ status, message, details }: End, output: string): Ran {
  if (status === 'Success') return { kind: 'exited', code: 0, output }
  const causes = Array.isArray(details?.causes) ? details.causes : []
  const code = `${causes.find((cause) => cause?.reason === 'ExitCode')?.message}`
  // A failure with the code of a success is a lie.
  if (/^-?\d{1,10}$/.test(code) && Number(code) !== 0) return { kind: 'exited', code: Number(code), output }
  return failed(typeof message === 'string' && message ? message : 'no exit code')
}

/** The pod, the container or the node could not run it. */
function failed(message: string): Ran {
  const isLost = /\bdialing backend\b|\bdial tcp\b|no preferred addresses|No agent available/.test(message)
  if (isLost) return { kind: 'failed', text: `kubelet not reached: ${message}`, reached: false }
  if (/executable file not found|no such file or directory/.test(message)) return { kind: 'failed', text: NOT_FOUND }
  return { kind: 'failed', text: message }
}

/** No such program in the container. */
const NOT_FOUND = 'command not found in the container'

function declined(access: Access, answer: Answer, rights: Rights): Ran {
  const { status } = answer
  const said = readStatus(answer)
  if (said && !isOfServer(said.message)) {
    if (status === 404) return { kind: 'failed', text: 'the pod is gone' }
    // 400: the container is not there, or does not run. 500: the kubelet is not reached, or could not run the command.
    if (status === 400 || status === 500) return failed(said.message)
  }
  const error = status < 300 ? unintelligible(access, answer) : refusal(access, answer, rights)
  return { kind: 'refused', error }
}

/** Whether the API server itself failed before it asked the kubelet: its admission, or its storage, which is read for the pod. */
function isOfServer(message: string): boolean {
  return isOfAdmission(message) || /^(?:etcdserver|rpc error): /.test(message)
}
