/**
 * Probes of one pod, a container each, and the server that each of them meets: a choice from the tables that the
 * kubelet's own code is asked about in `test/unit/health`.
 */
import type { StartOdd } from '../support/odd-servers.js'
import { GRPC_CASES } from '../unit/health/grpc-cases.js'
import { CASES } from '../unit/health/kubelet-cases.js'

interface ProbeRow {
  readonly name: string
  readonly port: number
  /** Commands meet no server. */
  readonly start?: StartOdd
  readonly readinessProbe: object
  /** The kubelet's verdict by the table. Ours is the same in all of these. */
  readonly passes: boolean
  /** The kubelet throws its result away, and the container stays as it was: not ready. */
  readonly thrownAway: boolean
}

/** The port of a server of its own, which listens once all others do. */
export const READY_PORT = 9000

const HTTP_AND_TCP = [
  ...['connection: nobody listens', 'connection: nobody listens, over TLS', 'connection: a reset at once'],
  ...['connection: an answer that hangs', 'connection: silence', 'connection: silence, over TLS'],
  ...['headers: a head in single bytes', 'headers: headers that drip'],
  ...['body: a page of 1 GiB', 'body: a body that is cut short', 'body: a body that is cut short by a reset'],
  ...['redirect: for ever', 'redirect: to another host', 'status line: 304', 'status line: 204', 'status line: 500'],
  ...['status line: HTTP/1.0', 'HTTP/2: HTTP/2 only', 'TLS: TLS', 'TLS: a certificate that has expired'],
  ...['TLS: no TLS on a port with', 'tcp: open', 'tcp: closed'],
]

const GRPC = [
  ...['answer: SERVING', 'status: NOT_SERVING', 'status: NOT_FOUND', 'status: UNIMPLEMENTED', 'no gRPC: 404'],
  ...['no gRPC: HTTP/1', 'message: 1 GiB announced', 'frames: a reset', 'waiting: a message and no end'],
]

/** What there is to run in these containers is one program. */
const COMMANDS: readonly (readonly [name: string, command: readonly string[], passes: boolean])[] = [
  ['exec: exit code 0', ['/bin/sleep', '0'], true],
  ['exec: exit code 1', ['/bin/sleep', 'nonsense'], false],
  ['exec: a command that hangs', ['/bin/sleep', '60'], false],
  ['exec: no such program', ['/bin/nothing'], false],
]

/** Without a result of their own to the kubelet. */
const THROWN_AWAY = [
  ...['body: a body that is cut short', 'body: a body that is cut short by a reset'],
  'exec: no such program',
]

/** Those that pass have time on a machine that is busy; of the others, some use all there is. */
const limits = (passes: boolean) => ({ periodSeconds: 2, timeoutSeconds: passes ? 10 : 2, failureThreshold: 1 })

export const ROWS: readonly ProbeRow[] = [
  ...HTTP_AND_TCP.map((name) => {
    const { start, passes, tcp, get } = named(CASES, name)
    const { path = '/health', scheme = 'HTTP' } = get
    return { name, start, passes, probeAt: (port: number) => (tcp ? { tcpSocket: { port } } : { httpGet: { port, path, scheme } }) } // biome-ignore format: a row
  }),
  ...GRPC.map((name) => {
    const { start, passes, service = '' } = named(GRPC_CASES, name)
    return { name, start, passes, probeAt: (port: number) => ({ grpc: { port, service } }) }
  }),
  ...COMMANDS.map(([name, command, passes]) => ({ name, passes, probeAt: () => ({ exec: { command } }) })),
].map(({ probeAt, ...row }, n) => {
  const port = READY_PORT + 1 + n
  const thrownAway = THROWN_AWAY.includes(row.name)
  return { ...row, port, thrownAway, readinessProbe: { ...probeAt(port), ...limits(row.passes) } }
})

function named<T extends { readonly name: string }>(all: readonly T[], name: string): T {
  const found = all.find((one) => one.name === name)
  if (!found) throw new Error(`no row is named ${name}`)
  return found
}
