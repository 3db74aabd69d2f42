/**
 * Runs gRPC checks: the standard health protocol (grpc.health.v1.Health/Check), judged as the kubelet judges it; its own
 * code is the reference (`test/unit/health/kubelet.test.ts`). Loaded when a pod asks for it.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { authorityOf } from '../util/authority.js'
import { openConnection } from './connection.js'
import { healthQuestion, healthStatus, readFrame } from './health-message.js'
import { USER_AGENT } from './http-request.js'
import { answerOf, openSession } from './http2-session.js'
import { type Limit, limited } from './limit.js'
import { describeNetworkError } from './network-error.js'
import type { ProbeResult } from './probe-result.js'
import type { GrpcTarget } from './targets.js'

type Found = Omit<ProbeResult, 'ms'>

/** By their numbers in the health protocol. */
const HEALTH = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** The names of gRPC's statuses, by their numbers. */
const STATUSES = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'],
  ...['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED'],
  ...['INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
]

const MAX_TYPE_LENGTH = 60

/**
 * Asks once, on a connection of its own, without verifying a certificate. Ends within `timeoutMs` milliseconds, or as
 * soon as `signal` is aborted. Leaves no socket open. Never throws.
 */
export function probeGrpc(target: GrpcTarget, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return limited(timeoutMs, signal, async (limit) => {
    const { host, port, isTls } = target
    const destination = { host, port, ...(isTls ? { tls: { protocols: ['h2'] } } : {}) }
    const socket = await openConnection(destination, limit.signal, () => {
      limit.isReached = true
    })
    try {
      // gRPC asks for ALPN wherever there is TLS.
      if ('alpnProtocol' in socket && socket.alpnProtocol !== 'h2') return failed('TLS without HTTP/2 (no ALPN)')
      return await ask(socket, target, timeoutMs, limit)
    } finally {
      socket.destroy()
    }
  })
}

async function ask(socket: Socket, target: GrpcTarget, timeoutMs: number, limit: Limit): Promise<Found> {
  const { isTls, service } = target
  const authority = authorityOf(target)
  const session = openSession(socket, `${isTls ? 'https' : 'http'}://${authority}`)
  const whyEnded = watchEnd(socket, session)
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      ':scheme': isTls ? 'https' : 'http',
      ':authority': authority,
      'content-type': 'application/grpc',
      'user-agent': USER_AGENT,
      te: 'trailers',
      'grpc-timeout': `${timeoutMs}m`,
    },
    { endStream: false },
  )
  stream.end(healthQuestion(service))
  let trailers: IncomingHttpHeaders | undefined
  stream.once('trailers', (fields: IncomingHttpHeaders) => {
    trailers = fields
  })
  const answer = await answerOf(session, stream).catch(() => undefined)
  if (!answer) return failed(await whyEnded(stream))
  const [fields, flags] = answer
  const notGrpc = whyNotGrpc(fields)
  if (notGrpc) return failed(notGrpc)
  if (flags & constants.NGHTTP2_FLAG_END_STREAM) return statusFailure(fields, service) ?? failed('no message')
  limit.late = 'body unfinished after'
  const frame = await readFrame(stream as AsyncIterable<Buffer>)
  if (!trailers) return failed(await whyEnded(stream))
  return statusFailure(trailers, service) ?? verdict(healthStatus(frame))
}

function failed(text: string): Found {
  return { healthy: false, text }
}

function verdict(status: number): Found {
  return { healthy: HEALTH[status] === 'SERVING', text: HEALTH[status] ?? `health status ${status}` }
}

/** What a server that is none of gRPC answers. `undefined`: it is one. */
function whyNotGrpc(fields: IncomingHttpHeaders): string | undefined {
  const type = fields['content-type']
  if (type && /^application\/grpc(?:$|[+;])/.test(type)) return undefined
  const words =
    type === undefined ? 'no content-type' : `content-type ${JSON.stringify(type.slice(0, MAX_TYPE_LENGTH))}`
  return `no gRPC: HTTP status ${fields[':status']}, ${words}`
}

/** Why the call failed by the server's own word. `undefined`: it did not. */
function statusFailure({ 'grpc-status': text }: IncomingHttpHeaders, service: string): Found | undefined {
  if (typeof text !== 'string' || !/^[+-]?\d{1,10}$/.test(text)) return failed('no grpc-status')
  const name = STATUSES[Number(text)] ?? `grpc-status ${Number(text)}`
  if (name === 'OK') return undefined
  if (name === 'UNIMPLEMENTED') return failed('no health service (UNIMPLEMENTED)')
  if (name === 'NOT_FOUND' && service) return failed(`service ${JSON.stringify(service)} is not known (NOT_FOUND)`)
  return failed(name)
}

/** Tells why a stream ended before its answer was complete. */
function watchEnd(socket: Socket, session: ClientHttp2Session): (stream: ClientHttp2Stream) => Promise<string> {
  let isHttp2 = false
  let goaway: number | undefined
  let fault: Error | undefined
  session.once('remoteSettings', () => {
    isHttp2 = true
  })
  session.once('goaway', (code) => {
    goaway = code
  })
  session.once('error', (error) => {
    fault = error
  })
  const closed = new Promise((resolve) => session.once('close', resolve))
  return async (stream) => {
    // A session that ends closes its stream first, and says why afterwards.
    const isReset = !session.destroyed
    if (!isReset) await closed
    if (!isHttp2 && socket.bytesRead > 0) return 'no HTTP/2'
    if (goaway !== undefined) return `ended by the server (GOAWAY ${http2Code(goaway)})`
    if (fault) return describeNetworkError(fault)
    if (!isReset) return 'connection closed'
    return stream.rstCode ? `stream reset (${http2Code(stream.rstCode)})` : 'no grpc-status'
  }
}

/** The name of an HTTP/2 error code. */
function http2Code(code: number): string {
  return H2_CODES[code] ?? `${code}`
}

/** RFC 9113, section 7. */
const H2_CODES = [
  ...['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED'],
  ...['FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR', 'ENHANCE_YOUR_CALM'],
  ...['INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED'],
]
