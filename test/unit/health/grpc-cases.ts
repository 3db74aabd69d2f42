/**
 * One odd gRPC server a row, what our probe says of it, and what the kubelet's own code makes of it (`grpc.test.ts` asks
 * that code).
 */
import { accept, closed, fields, frame, frames, hold, plain, type StartOdd, secure } from '../../support/odd-servers.js'

export interface GrpcCase {
  readonly name: string
  readonly start: StartOdd
  /** The kubelet's verdict, and ours where `ours` says nothing else. */
  readonly passes: boolean
  readonly ours?: boolean
  /** What ours says. */
  readonly text: string
  readonly service?: string
  /** By `grpcs`, which the kubelet does not have. */
  readonly tls?: true
  /** Who goes on until the time is up. The kubelet does so whenever it cannot connect: it tries again. */
  readonly waits?: 'kubelet' | 'ours' | 'both'
}

type Row = readonly [name: string, text: string, start: StartOdd, rest?: Partial<GrpcCase>]

const KUBELET = { waits: 'kubelet' } as const
const BOTH = { waits: 'both' } as const

const SERVING = '\x08\x01'
const GRPC = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
] as const
type Field = readonly [string, string]
const head = (all: readonly Field[], flags = 4) => frame(1, flags, 1, fields(...all))
const OPEN = head(GRPC)
const long = (bytes: number) => String.fromCharCode(...[24, 16, 8, 0].map((shift) => (bytes >>> shift) & 0xff))
const prefixed = (message: string, flag = '\0', bytes = message.length) => `${flag}${long(bytes)}${message}`
const data = (text: string, flags = 0) => frame(0, flags, 1, text)
const message = (text: string, flag?: string, bytes?: number) => data(prefixed(text, flag, bytes))
const trailers = (...all: readonly Field[]) => head(all, 5)
const OK = trailers(['grpc-status', '0'])
const reset = (code: number) => frame(3, 0, 1, long(code))
const goAway = (last: number, code: number) => frame(7, 0, 0, `${long(last)}${long(code)}`)

const speaks = (...answer: readonly Buffer[]) => frames(answer, { tls: false })
const holds = (...answer: readonly Buffer[]) => frames(answer, { tls: false, end: false })
const answers = (text: string) => speaks(OPEN, message(text), OK)
const ends = (...all: readonly Field[]) => speaks(OPEN, trailers(...all))
const only = (...all: readonly Field[]) => speaks(head([...GRPC, ...all], 5))
const typed = (type: string, status = '200') =>
  speaks(head([[':status', status], ['content-type', type]]), message(SERVING), OK) // biome-ignore format: a row

const PASS: readonly Row[] = [
  ['SERVING', 'SERVING', answers(SERVING)],
  ['fields of a later version', 'SERVING', answers(`\x08\x01\x12\x01x\x19${'x'.repeat(8)}\x25xxxx\x28\x05`)],
  ['the status twice', 'SERVING', answers('\x08\x02\x08\x01')],
  ['the status as text before the number', 'SERVING', answers('\x0a\x01x\x08\x01')],
  ['the status in more bytes than it needs', 'SERVING', answers('\x08\x81\x80\x00')],
  ['a status whose upper bits are cut off', 'SERVING', answers('\x08\x81\x80\x80\x80\x10')],
  ['a message in single bytes', 'SERVING', speaks(OPEN, ...[...prefixed(SERVING)].map((byte) => data(byte)), OK)],
  ['empty frames', 'SERVING', speaks(OPEN, data(''), message(SERVING), data(''), OK)],
  ['padding', 'SERVING', speaks(OPEN, frame(0, 8, 1, `\x02${prefixed(SERVING)}\0\0`), OK)],
  ['application/grpc+proto', 'SERVING', typed('application/grpc+proto')],
  ['application/grpc;charset=utf-8', 'SERVING', typed('application/grpc;charset=utf-8')],
  ['HTTP status 500 of gRPC', 'SERVING', typed('application/grpc', '500')],
  ['grpc-status +0', 'SERVING', speaks(OPEN, message(SERVING), trailers(['grpc-status', '+0']))],
  ['an encoding that is not used', 'SERVING', speaks(head([...GRPC, ['grpc-encoding', 'gzip']]), message(SERVING), OK)],
  ['early hints', 'SERVING', speaks(head([[':status', '103']]), OPEN, message(SERVING), OK)],
  ['a farewell that lets us finish', 'SERVING', speaks(goAway(1, 0), OPEN, message(SERVING), OK)],
  ['a ping', 'SERVING', speaks(frame(6, 0, 0, '12345678'), OPEN, message(SERVING), OK)],
  ['a connection that stays open', 'SERVING', holds(OPEN, message(SERVING), OK)],
]

const STATUSES_FAIL: readonly Row[] = [
  ['NOT_SERVING', 'NOT_SERVING', answers('\x08\x02')],
  ['UNKNOWN', 'UNKNOWN', answers('\x08\x00')],
  ['an empty message', 'UNKNOWN', answers('')],
  ['SERVICE_UNKNOWN', 'SERVICE_UNKNOWN', answers('\x08\x03')],
  ['a status that nobody knows', 'health status 9', answers('\x08\x09')],
  ['a negative status', 'health status -1', answers(`\x08${'\xff'.repeat(9)}\x01`)],
  ['NOT_FOUND', 'service "db" is not known (NOT_FOUND)', ends(['grpc-status', '5']), { service: 'db' }],
  ['NOT_FOUND of the whole server', 'NOT_FOUND', only(['grpc-status', '5'])],
  ['UNIMPLEMENTED', 'no health service (UNIMPLEMENTED)', only(['grpc-status', '12'])],
  ['UNAVAILABLE', 'UNAVAILABLE', only(['grpc-status', '14'], ['grpc-message', 'down'])],
  ['UNAUTHENTICATED after SERVING', 'UNAUTHENTICATED', speaks(OPEN, message(SERVING), trailers(['grpc-status', '16']))],
  ['a grpc-status that nobody knows', 'grpc-status 99', only(['grpc-status', '99'])],
  ['a grpc-status below 0', 'grpc-status -1', only(['grpc-status', '-1'])],
  ['a grpc-status of letters', 'no grpc-status', speaks(OPEN, message(SERVING), trailers(['grpc-status', 'OK']))],
  ['an empty grpc-status', 'no grpc-status', speaks(OPEN, message(SERVING), trailers(['grpc-status', '']))],
  ['trailers without grpc-status', 'no grpc-status', speaks(OPEN, message(SERVING), trailers(['x', 'y']))],
  ['an end without trailers', 'no grpc-status', speaks(OPEN, data(prefixed(SERVING), 1))],
  ['OK and no message', 'no message', ends(['grpc-status', '0'])],
  ['OK in the headers and no message', 'no message', only(['grpc-status', '0'])],
]

const TOO_LONG = 'at most 4096 are read'

const MESSAGES_FAIL: readonly Row[] = [
  ['two messages', 'more than one message', speaks(OPEN, message(SERVING), message(SERVING), OK)],
  ['a message that is cut short', 'message cut short', speaks(OPEN, message(SERVING, '\0', 3), OK)],
  ['a head that is cut short', 'message cut short', speaks(OPEN, data('\0\0'), OK)],
  ['a compressed message', 'compressed message, which was not asked for', speaks(OPEN, message(SERVING, '\x01'), OK)],
  ['a flag that nobody knows', 'no gRPC message', speaks(OPEN, message(SERVING, '\x02'), OK)],
  ['1 GiB announced', `message of 1073741824 bytes, ${TOO_LONG}`, holds(OPEN, message('', '\0', 1 << 30))],
  ['4 GiB announced', `message of 4294967295 bytes, ${TOO_LONG}`, holds(OPEN, message('', '\0', 0xffffffff))],
  ['no protobuf', 'no message of the health protocol', answers('SERVING')],
  ['a number that never ends', 'no message of the health protocol', answers(`\x08${'\xff'.repeat(11)}`)],
  ['a number of 65 bits', 'no message of the health protocol', answers(`\x08${'\xff'.repeat(9)}\x02`)],
  ['a text longer than the message', 'no message of the health protocol', answers('\x08\x01\x12\x7fx')],
  ['field 0', 'no message of the health protocol', answers('\x08\x01\x00\x01')],
  ['a wire type that nobody knows', 'no message of the health protocol', answers('\x08\x01\x0f')],
]

const HTTP_FAIL: readonly Row[] = [
  ['Application/GRPC', 'no gRPC: HTTP status 200, content-type "Application/GRPC"', typed('Application/GRPC')],
  ['404', 'no gRPC: HTTP status 404, no content-type', speaks(head([[':status', '404']], 5))],
  ['200 of a page', 'no gRPC: HTTP status 200, content-type "text/html"', typed('text/html')],
  [
    'application/grpc-web',
    'no gRPC: HTTP status 200, content-type "application/grpc-web"',
    typed('application/grpc-web'),
  ],
  [
    'no content-type',
    'no gRPC: HTTP status 200, no content-type',
    speaks(head([[':status', '200']]), message(SERVING), OK),
  ],
  [
    'HTTP/1 before the request',
    'no HTTP/2',
    accept((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    KUBELET,
  ],
  ['HTTP/1', 'no HTTP/2', plain('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'), KUBELET],
  ['another protocol', 'no HTTP/2', accept((socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n')), KUBELET],
]

const FRAMES_FAIL: readonly Row[] = [
  ['a reset', 'stream reset (INTERNAL_ERROR)', speaks(reset(2))],
  ['a reset within the answer', 'stream reset (CANCEL)', speaks(OPEN, message(SERVING), reset(8))],
  ['a reset by a code that nobody knows', 'stream reset (153)', speaks(reset(0x99))],
  ['a farewell', 'ended by the server (GOAWAY ENHANCE_YOUR_CALM)', speaks(goAway(0, 11)), KUBELET],
  ['a farewell without an error', 'ended by the server (GOAWAY NO_ERROR)', speaks(goAway(0, 0))],
  ['an end without an answer', 'connection closed', speaks()],
  ['an end within the answer', 'connection closed', speaks(OPEN, message(SERVING))],
  ['headers in the middle', 'broken HTTP/2', speaks(OPEN, head([['x', 'y']]), message(SERVING), OK)],
  ['headers that are no HPACK', 'no answer within', speaks(frame(1, 4, 1, '\xff\xff\xff\xff\xff\xff\xff\xff')), BOTH],
]

/** Its settings, 4 MiB of frames without a meaning, and no answer. */
const frameFlood = accept((socket) => {
  socket.write(Buffer.concat([frame(4, 0, 0), ...Array(256).fill(frame(99, 0, 0, 'x'.repeat(16_000)))]))
})

const WAITS: readonly Row[] = [
  ['settings and no answer', 'no answer within', holds(), BOTH],
  ['headers and no message', 'body unfinished after', holds(OPEN), BOTH],
  ['a message and no end', 'body unfinished after', holds(OPEN, message(SERVING)), BOTH],
  ['half a message', 'body unfinished after', holds(OPEN, message(SERVING, '\0', 9)), BOTH],
  ['silence', 'no answer within', accept(() => {}), BOTH],
  ['frames without a meaning', 'too many frames', frameFlood, KUBELET],
]

const CONNECTIONS_FAIL: readonly Row[] = [
  ['nobody listens', 'connection refused', closed, KUBELET],
  ['a reset at once', 'connection reset', accept((socket) => socket.resetAndDestroy()), KUBELET],
  ['an end at once', 'connection closed', accept((socket) => socket.end()), KUBELET],
]

/** The kubelet does not take these, and we do: nothing of the verdict is in it. */
const TOO_LENIENT: readonly Row[] = [
  ['binary metadata that is no base64', 'SERVING', speaks(head([...GRPC, ['x-bin', '%']]), message(SERVING), OK)],
]

/** The kubelet takes these, and we do not, on purpose: our limits are smaller, and we ask once. */
const STRICTER: readonly Row[] = [
  ['data before the headers', 'no answer within', speaks(message(SERVING), OPEN, OK), { waits: 'ours' }],
  ['a message of 5 KiB', `message of 5005 bytes, ${TOO_LONG}`, answers(`\x08\x01\x12\x88\x27${'x'.repeat(5_000)}`)],
  ['4,000 fields', 'stream reset (ENHANCE_YOUR_CALM)', speaks(frame(1, 4, 1, Buffer.concat([fields(...GRPC), Buffer.from(`\x40\x01x\x01y${'\xbe'.repeat(4_000)}`, 'latin1')])), message(SERVING), OK)], // biome-ignore format: a row
  ['1,000 early hints', 'headers too long', speaks(...Array(1_000).fill(head([[':status', '103']])), OPEN, message(SERVING), OK)], // biome-ignore format: a row
]

const overTls = (...answer: readonly Buffer[]) => frames(answer)

const TLS_PASS: readonly Row[] = [['SERVING', 'SERVING', overTls(OPEN, message(SERVING), OK)]]

const TLS_FAIL: readonly Row[] = [
  ['NOT_SERVING', 'NOT_SERVING', overTls(OPEN, message('\x08\x02'), OK)],
  ['no ALPN', 'TLS without HTTP/2 (no ALPN)', secure(hold(''))],
  [
    'a port without TLS that answers at once',
    'TLS: wrong version number',
    accept((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n')),
  ],
  ['silence', 'no answer within', accept(() => {}), BOTH],
]

const group = (
  name: string,
  passes: boolean,
  rows: readonly Row[],
  more: Partial<GrpcCase> = {},
): readonly GrpcCase[] =>
  rows.map(([row, text, start, rest]) => ({ name: `${name}: ${row}`, passes, text, start, ...more, ...rest }))

export const GRPC_CASES: readonly GrpcCase[] = [
  ...group('answer', true, PASS),
  ...group('status', false, STATUSES_FAIL),
  ...group('message', false, MESSAGES_FAIL),
  ...group('no gRPC', false, HTTP_FAIL),
  ...group('frames', false, FRAMES_FAIL),
  ...group('waiting', false, WAITS),
  ...group('connection', false, CONNECTIONS_FAIL),
  ...group('more lenient', false, TOO_LENIENT, { ours: true }),
  ...group('stricter', true, STRICTER, { ours: false }),
  ...group('TLS', true, TLS_PASS, { tls: true }),
  ...group('TLS', false, TLS_FAIL, { tls: true }),
]
