/**
 * One odd server a row, how a readinessProbe asks it, and what the kubelet's own code makes of it (`kubelet.test.ts` asks
 * that code). A row without a probe asks for `/health` with no headers.
 */
import { CERTIFICATES } from '../../support/odd-certificates.js'
import {
  accept,
  closed,
  fields,
  flood,
  frame,
  frames,
  hold,
  http2,
  plain,
  routes,
  type StartOdd,
  secure,
  slowly,
  thenReset,
} from '../../support/odd-servers.js'

export interface Get {
  readonly path?: string
  readonly scheme?: 'HTTP' | 'HTTPS'
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Only the timeout ends it; or does for us, as Node's HTTP/2 goes on to wait when it has refused an answer. */
  readonly hangs?: true
}

export interface Case {
  readonly name: string
  /** As the kubelet has it. */
  readonly passes: boolean
  /** Where ours differs, on purpose or for want of a way. */
  readonly ours?: boolean
  readonly start: StartOdd
  readonly get: Get
  /** Connects, and asks nothing. */
  readonly tcp?: true
  readonly host?: string
}

type Row = readonly [name: string, start: StartOdd, get?: Get]

const HTTPS: Get = { scheme: 'HTTPS' }
const HANGS: Get = { hangs: true }
const HANGS_TLS: Get = { ...HTTPS, hangs: true }
const KIB = 1024
const page = (bytes: number) => 'x'.repeat(bytes)
const ok = (headers = '', body = 'fine') => `HTTP/1.1 200 OK\r\n${headers}\r\n${body}`
const sized = (bytes: number, body: string) => ok(`Content-Length: ${bytes}\r\n`, body)
const chunked = (body: string, headers = '') => ok(`Transfer-Encoding: chunked\r\n${headers}`, body)
const status = (code: number | string, headers = 'Content-Length: 0\r\n') => `HTTP/1.1 ${code}\r\n${headers}\r\n`
const to = (location: string, code = 302) => status(`${code} Found`, `Location: ${location}\r\nContent-Length: 0\r\n`)
const FINE = ok('Content-Length: 4\r\n')

const STATUS_LINES_PASS: readonly Row[] = [
  ['200', plain(FINE)],
  ['no reason', plain('HTTP/1.1 200\r\n\r\nfine')],
  ['no reason after a space', plain('HTTP/1.1 200 \r\n\r\nfine')],
  ['spaces before the status', plain('HTTP/1.1    200 OK\r\n\r\nfine')],
  ['line feeds only', plain('HTTP/1.1 200 OK\nContent-Length: 4\n\nfine')],
  ['HTTP/1.0', plain('HTTP/1.0 200 OK\r\n\r\nfine')],
  ['HTTP/1.0 with a chunked body that is none', plain('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfine')],
  ['HTTP/2.0 in the status line', plain('HTTP/2.0 200 OK\r\n\r\nfine')],
  ['HTTP/9.9', plain('HTTP/9.9 200 OK\r\n\r\nfine')],
  ['HTTP/0.9 in the status line', plain('HTTP/0.9 200 OK\r\n\r\nfine')],
  ['a reason in bytes of no encoding', plain('HTTP/1.1 200 \xff\xfe\r\n\r\nfine')],
  ['a reason with control characters', plain('HTTP/1.1 200 a\x01b\x00\r\n\r\nfine')],
  ['201', plain(status(201))],
  ['204', plain(status(204, ''))],
  ['204 with a body', plain(`${status(204, 'Content-Length: 4\r\n')}fine`)],
  ['204 with a body that does not come', plain(status(204, 'Content-Length: 4\r\n'))],
  ['206', plain(status(206))],
  ['299', plain(status(299))],
  ['300', plain(status(300))],
  ['301 without a Location', plain(status(301))],
  ['302 with an empty Location', plain(status(302, 'Location: \r\nContent-Length: 0\r\n'))],
  ['304', plain(status(304, 'Content-Length: 10\r\n'))],
  ['305 with a Location', plain(to('/health', 305))],
  ['306', plain(to('/health', 306))],
  ['399', plain(status(399))],
  ['100 before the answer', plain(`HTTP/1.1 100 Continue\r\n\r\n${FINE}`)],
  ['103 before the answer, with headers', plain(`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${FINE}`)],
  ['many 1xx before the answer', plain(`${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(500)}${FINE}`)],
  ['199 before the answer', plain(`HTTP/1.1 199 Odd\r\n\r\n${FINE}`)],
]

const STATUS_LINES_FAIL: readonly Row[] = [
  ['99', plain(status('099'))],
  ['+20 as a status', plain(status('+20'))],
  ['-20 as a status', plain(status('-20'))],
  ['2000', plain(status(2000))],
  ['20', plain(status(20))],
  ['a status of letters', plain(status('abc'))],
  ['101', plain('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n')],
  ['101 and nothing else', plain('HTTP/1.1 101 Switching Protocols\r\n\r\n')],
  ['100 and no answer', plain('HTTP/1.1 100 Continue\r\n\r\n')],
  ['400', plain(status(400))],
  ['500', plain(status(500))],
  ['599', plain(status(599))],
  ['999', plain(status(999))],
  ['HTTP/1.10', plain('HTTP/1.10 200 OK\r\n\r\nfine')],
  ['HTTP/1', plain('HTTP/1 200 OK\r\n\r\nfine')],
  ['http/1.1 in small letters', plain('http/1.1 200 OK\r\n\r\nfine')],
  ['a space before the status line', plain(' HTTP/1.1 200 OK\r\n\r\nfine')],
  ['an empty line before the status line', plain('\r\nHTTP/1.1 200 OK\r\n\r\nfine')],
  ['a tab in the status line', plain('HTTP/1.1\t200\tOK\r\n\r\nfine')],
  ['a carriage return after the status', plain('HTTP/1.1 200\r \r\n\r\nfine')],
  ['ICY', plain('ICY 200 OK\r\n\r\nfine')],
  ['HTTP/0.9, which has no head', plain('<html>fine</html>')],
  ['another protocol', plain('SSH-2.0-OpenSSH_9.9\r\n\0\xff\r\n')],
  ['HTTP/2 without TLS', plain('\0\0\0\x04\0\0\0\0\0')],
  ['no end of the headers', plain('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n')],
  ['half a status line', plain('HTTP/1.1 200')],
]

const HEADERS_PASS: readonly Row[] = [
  ['a space before a colon', plain(ok('X-Odd : 1\r\n'))],
  ['a length with a space before its colon, which is another name', plain(ok('Content-Length : 9\r\n'))],
  ['a folded header', plain(ok('X-Odd: 1\r\n  2\r\n\t3\r\n'))],
  ['a folded length', plain(ok('Content-Length:\r\n 4\r\n'))],
  ['a header of 60 KiB', plain(ok(`X-Long: ${page(60 * KIB)}\r\n`))],
  ['a header of 200 KiB', plain(ok(`X-Long: ${page(200 * KIB)}\r\n`))],
  ['headers of 9 MiB', plain(ok(`X-Long: ${page(KIB)}\r\n`.repeat(9 * KIB)))],
  ['300,000 blanks before a length', plain(ok(`Content-Length:${' '.repeat(300_000)}4\r\n`))],
  ['300,000 letters of a status', plain(`HTTP/1.1 200 ${page(300_000)}\r\n\r\nfine`)],
  ['a name of 300,000 letters', plain(ok(`${page(300_000)}: 1\r\n`))],
  ['300,000 blanks in a header', plain(ok(`X-Long: x${' '.repeat(300_000)}x\r\n`))],
  ['5,000 headers', plain(ok('X-Many: 1\r\n'.repeat(5_000)))],
  ['bytes of no encoding in a value', plain(ok('X-Odd: \xff\xfe\x80\r\n'))],
  ['an empty value', plain(ok('X-Odd:\r\nX-Odd2: \r\n'))],
  ['no space after the colon', plain(ok('Content-Length:4\r\n'))],
  ['a space within a name', plain(ok('X Odd: 1\r\n'))],
  ['every character of a token', plain(ok("!#$%&'*+-.^_`|~09azAZ: 1\r\n"))],
  ['a tab in a value', plain(ok('X-Odd: a\tb\r\n'))],
  ['a length twice, the same', plain(ok('Content-Length: 4\r\nContent-Length: 4\r\n'))],
  ['a length five times, the same', plain(ok('Content-Length: 4\r\n'.repeat(5)))],
  ['a length and chunks', plain(chunked('4\r\nfine\r\n0\r\n\r\n', 'Content-Length: 3\r\n'))],
  ['a length that is too short', plain(sized(2, 'fine'))],
  ['a length with zeros before it', plain(ok('Content-Length: 0004\r\n'))],
  ['a length with spaces about it', plain(ok('Content-Length:   4  \r\n'))],
  [
    'a length of 2^63 - 1 of a page that is long',
    plain(sized(1, page(12 * KIB)).replace(': 1', `: ${2n ** 63n - 1n}`)),
  ],
  ['no length and no end of the connection at 204', plain(hold(status(204, '')))],
  ['Chunked with a capital', plain(ok('Transfer-Encoding: CHUNKED\r\n', '4\r\nfine\r\n0\r\n\r\n'))],
  ['a gzip that is none', plain(ok('Content-Encoding: gzip\r\n', 'not gzip'))],
  ['an encoding that nobody knows', plain(ok('Content-Encoding: odd, gzip\r\n', 'fine'))],
  ['Connection: keep-alive, and an end', plain(ok('Connection: keep-alive\r\nContent-Length: 4\r\n'))],
  ['Upgrade in an answer', plain(ok('Connection: Upgrade\r\nUpgrade: h2c\r\n'))],
  ['a Trailer without chunks', plain(ok('Trailer: Content-Length\r\n'))],
  ['a cookie that is none', plain(ok('Set-Cookie: \x80=;;;=\r\n'))],
  ['a head in single bytes', plain(slowly('HT', 'TP/1.1 2', '00 OK\r', '\nContent-Len', 'gth: 4\r\n\r', '\nfi', 'ne'))],
]

const HEADERS_FAIL: readonly Row[] = [
  ['a header of 11 MiB', plain(ok(`X-Long: ${page(11 * KIB * KIB)}\r\n`))],
  ['1xx of 11 MiB before the answer', plain(`${`HTTP/1.1 103 E\r\nX: ${page(KIB)}\r\n\r\n`.repeat(11 * KIB)}${FINE}`)],
  ['no colon', plain(ok('X-Odd\r\n'))],
  ['a space before the first name', plain(ok(' X-Odd: 1\r\n'))],
  ['no name', plain(ok(': 1\r\n'))],
  ['bytes of no token in a name', plain(ok('X-\xff: 1\r\n'))],
  ['a tab in a name', plain(ok('X\tOdd: 1\r\n'))],
  ['brackets in a name', plain(ok('X(Odd): 1\r\n'))],
  ['a NUL in a value', plain(ok('X-Odd: a\0b\r\n'))],
  ['a control character in a value', plain(ok('X-Odd: a\x01b\r\n'))],
  ['a DEL in a value', plain(ok('X-Odd: a\x7fb\r\n'))],
  ['a carriage return in a value', plain(ok('X-Odd: a\rb\r\n'))],
  ['two lengths', plain(ok('Content-Length: 4\r\nContent-Length: 5\r\n'))],
  ['two lengths in one header', plain(ok('Content-Length: 4, 4\r\n'))],
  ['a length of +4', plain(ok('Content-Length: +4\r\n'))],
  ['a length of -1', plain(ok('Content-Length: -1\r\n'))],
  ['an empty length', plain(ok('Content-Length: \r\n'))],
  ['a length of letters', plain(ok('Content-Length: four\r\n'))],
  ['a length of 4.0', plain(ok('Content-Length: 4.0\r\n'))],
  ['a length of 0x4', plain(ok('Content-Length: 0x4\r\n'))],
  ['a length of 2^63', plain(ok(`Content-Length: ${2n ** 63n}\r\n`))],
  ['a bad length at 204', plain(status(204, 'Content-Length: four\r\n'))],
  ['a bad length in a 1xx', plain(`HTTP/1.1 103 E\r\nContent-Length: four\r\n\r\n${FINE}`)],
  ['a bad length beside chunks', plain(chunked('4\r\nfine\r\n0\r\n\r\n', 'Content-Length: four\r\n'))],
  ['Transfer-Encoding: gzip, chunked', plain(ok('Transfer-Encoding: gzip, chunked\r\n', '4\r\nfine\r\n0\r\n\r\n'))],
  ['Transfer-Encoding: identity', plain(ok('Transfer-Encoding: identity\r\n'))],
  ['an empty Transfer-Encoding', plain(ok('Transfer-Encoding: \r\n'))],
  ['chunked twice', plain(chunked('4\r\nfine\r\n0\r\n\r\n', 'Transfer-Encoding: chunked\r\n'))],
  ['a Trailer that names the length', plain(chunked('0\r\n\r\n', 'Trailer: X, content-length\r\n'))],
  ['headers that drip', plain(hold('HTTP/1.1 200 OK\r\nX-Odd: 1')), HANGS],
]

const BODIES_PASS: readonly Row[] = [
  ['a page of 12 KiB that never ends', plain(hold(ok('', page(12 * KIB))))],
  ['a page of 12 KiB of more that does not come', plain(sized(100 * KIB, page(12 * KIB)))],
  ['a page of 1 GiB', plain(flood(ok(`Content-Length: ${1 << 30}\r\n`, ''), 1 << 30))],
  ['10 KiB of more, and a page that hangs', plain(hold(sized(100 * KIB, page(10 * KIB))))],
  ['10 KiB in a chunk that hangs', plain(hold(chunked(`ffff\r\n${page(10 * KIB)}`)))],
  ['10 KiB in many chunks, and then nonsense', plain(chunked(`${`400\r\n${page(KIB)}\r\n`.repeat(11)}nonsense`))],
  ['10 KiB, and then a reset', plain(thenReset(sized(100 * KIB, page(11 * KIB))))],
  ['an endless page that ends', plain(ok('', 'fine'))],
  ['chunks with extensions', plain(chunked('4;odd="x"\r\nfine\r\n0;y\r\n\r\n'))],
  ['chunks with spaces after the size', plain(chunked('4 \t\r\nfine\r\n0\r\n\r\n'))],
  ['chunks with trailers', plain(chunked('4\r\nfine\r\n0\r\nX-Odd: 1\r\n\r\n'))],
  ['chunk sizes with zeros', plain(chunked('0000000004\r\nfine\r\n000\r\n\r\n'))],
  ['chunk sizes in capitals', plain(chunked('A\r\n0123456789\r\n0\r\n\r\n'))],
  ['a chunk of 2^64 - 1', plain(hold(chunked(`ffffffffffffffff\r\n${page(12 * KIB)}`)))],
  ['a body after the chunks', plain(chunked('4\r\nfine\r\n0\r\n\r\nmore'))],
  ['a body in pieces', plain(slowly(chunked('4\r\nfi'), 'n', 'e\r', '\n0\r', '\n\r', '\n'))],
  ['204 with chunks that are none', plain(status(204, 'Transfer-Encoding: chunked\r\n'))],
  ['a whole body, and a connection that stays', plain(hold(FINE))],
]

const BODIES_FAIL: readonly Row[] = [
  ['a body that is cut short', plain(sized(5, 'fine'))],
  ['a body that is cut short before 10 KiB', plain(sized(100 * KIB, page(10 * KIB - 1)))],
  ['a body that is cut short by a reset', plain(thenReset(sized(5, 'fine')))],
  ['an endless page that is cut short by a reset', plain(thenReset(ok()))],
  ['a body that hangs', plain(hold(sized(5, 'fine'))), HANGS],
  ['a page without a length that hangs', plain(hold(ok())), HANGS],
  ['a page that hangs before 10 KiB', plain(hold(ok('', page(10 * KIB - 1)))), HANGS],
  ['chunks that are none', plain(chunked('fine'))],
  ['chunks that end early', plain(chunked('4\r\nfine\r\n'))],
  ['chunks without the last empty line', plain(chunked('4\r\nfine\r\n0\r\n'))],
  ['a chunk that is cut short', plain(chunked('5\r\nfine'))],
  ['a chunk that is longer than it says', plain(chunked('3\r\nfine\r\n0\r\n\r\n'))],
  ['a chunk size with a sign', plain(chunked('+4\r\nfine\r\n0\r\n\r\n'))],
  ['a chunk size with 0x', plain(chunked('0x4\r\nfine\r\n0\r\n\r\n'))],
  ['a chunk size with a space before it', plain(chunked(' 4\r\nfine\r\n0\r\n\r\n'))],
  ['a chunk size with a space before its extension', plain(chunked('4 ;x\r\nfine\r\n0\r\n\r\n'))],
  ['an empty chunk size', plain(chunked('\r\nfine\r\n0\r\n\r\n'))],
  ['a chunk size of 17 digits', plain(chunked('00000000000000004\r\nfine\r\n0\r\n\r\n'))],
  ['a chunk extension of 5 KiB', plain(chunked(`4;${page(5 * KIB)}\r\nfine\r\n0\r\n\r\n`))],
  ['chunk extensions of 40 KiB in all', plain(chunked(`${`1;${page(4_000)}\r\nx\r\n`.repeat(10)}0\r\n\r\n`))],
  ['line feeds only in chunks', plain(chunked('4\nfine\n0\n\n'))],
  ['trailers that are none', plain(chunked('4\r\nfine\r\n0\r\nnonsense\r\n\r\n'))],
  ['trailers of 5 KiB', plain(chunked(`4\r\nfine\r\n0\r\nX: ${page(5 * KIB)}\r\n\r\n`))],
  ['a page of 9 KiB in chunks, and then nonsense', plain(chunked(`${`400\r\n${page(KIB)}\r\n`.repeat(9)}nonsense`))],
]

/** What arrives is compared with what the kubelet has sent; any path is a 200. */
const REQUESTS_PASS: readonly Row[] = [
  ...[
    '/',
    '/health',
    '//x',
    '//x/y',
    '///x',
    '//x:80/y?z',
    'http://other.example/a?b=c',
    'https://other.example:1/a#b',
    'http://user:pass@other.example/a',
    'http:///a',
    'HTTP://x',
    '/a?b=c&d=%20e',
    '/a?b c',
    '/a?',
    '/a??',
    '?x',
    '?x=1/2',
    '/#frag',
    '/a#b?c',
    '/%zz',
    '/a%zz?b#c',
    '/%2F%41',
    '/%2f%41',
    '/a%20b',
    '/a b',
    '/grün',
    '/gr%C3%BCn/ü',
    '/a?ü',
    'a',
    'a/b?c',
    './a',
    '../a/./b/../c',
    ':a',
    '/a:b',
    '1:b',
    '*',
    '/*',
    '#',
    '/a;b,c@d&e=f+g$h!i',
    '/["<>]^`{|}\\',
    "/(it's)*~",
    '/a?<">\\^`{|}',
    '/[x]',
    '/%5Bx%5D[y]',
    '/a?b#c%zz',
    '/a//b///c',
    '//[::1]/a',
    '//[::1%25lo]/a',
    '//%zz/a',
    '//a b/c',
    '//a:b/c',
    '//user@/c',
    '/a\tb',
    '/a\nb',
    '/\x7f',
  ].map((path): Row => [`path ${JSON.stringify(path)}`, plain(FINE), { path }]),
  ...(
    [
      ['no headers', []],
      ['Host', [['Host', 'app.example']]],
      ['host, in small letters', [['host', 'app.example:81']]],
      ['an empty Host', [['Host', '']]],
      ['Host twice', [['Host', 'one.example'], ['Host', 'two.example']]], // biome-ignore format: a row
      ['a Host with a path, which is none', [['Host', 'app.example/x']]],
      ['a Host with a space', [['Host', 'app example']]],
      ['a Host in UTF-8', [['Host', 'größe.example']]],
      ['a Host with a zone', [['Host', '[fe80::1%eth0]:80']]],
      ['User-Agent', [['User-Agent', 'mine/1']]],
      ['an empty User-Agent', [['User-Agent', '']]],
      ['User-Agent twice', [['user-agent', 'mine/1'], ['USER-AGENT', 'mine/2']]], // biome-ignore format: a row
      ['Accept', [['Accept', 'text/plain']]],
      ['an empty Accept', [['accept', '']]],
      ['Accept twice', [['Accept', 'a/b'], ['Accept', 'c/d']]], // biome-ignore format: a row
      ['Accept, empty, then not', [['Accept', ''], ['Accept', 'c/d']]], // biome-ignore format: a row
      ['an empty value', [['X-Empty', '']]],
      ['a value with spaces about it', [['X-Spaces', '  a b\t ']]],
      ['a value in UTF-8', [['X-Word', 'größer']]],
      ['the same name in three ways', [['x-same', '1'], ['X-Same', '2'], ['X-SAME', '3']]], // biome-ignore format: a row
      ['names in another order', [['Z', '1'], ['A', '2'], ['z', '3']]], // biome-ignore format: a row
      ['names that are odd tokens', [['x_y.z!', '1'], ['--x--y', '2']]], // biome-ignore format: a row
      ['Connection: close', [['Connection', 'close']]],
      ['Connection: keep-alive', [['connection', 'keep-alive']]],
      ['Connection: x, Close', [['Connection', 'x, Close']]],
      ['an upgrade', [['Connection', 'Upgrade'], ['Upgrade', 'h2c']]], // biome-ignore format: a row
      ['Upgrade alone', [['Upgrade', 'websocket']]],
      ['Content-Length', [['Content-Length', '5']]],
      ['Transfer-Encoding', [['Transfer-Encoding', 'chunked']]],
      ['Trailer', [['Trailer', 'X']]],
      ['Expect', [['Expect', '100-continue']]],
      ['Accept-Encoding', [['Accept-Encoding', 'gzip']]],
      ['Authorization', [['Authorization', 'Basic eDp5']]],
      ['Cookie', [['Cookie', 'a=b; c=d;e']]],
      ['Referer', [['referer', 'http://x/']]],
      ['Range', [['Range', 'bytes=0-1']]],
      ['Proxy-Connection', [['Proxy-Connection', 'x']]],
    ] as const
  ).map(([name, headers]): Row => [`headers: ${name}`, plain(FINE), { headers }]),
]

const REQUESTS_FAIL: readonly Row[] = [
  ['a path of another scheme', plain(FINE), { path: 'mailto:x' }],
  ['a path of another scheme with an escape that is none', plain(FINE), { path: 'a:b/c/../%' }],
  ['a path that looks like a host and a port', plain(FINE), { path: 'localhost:80/x' }],
  ['a header value of two lines', plain(FINE), { headers: [['X', 'a\r\nb']] }],
  ['a header value with a NUL', plain(FINE), { headers: [['X', 'a\0b']] }],
  ['a header name with a space', plain(FINE), { headers: [['X Y', 'a']] }],
  ['a header name in UTF-8', plain(FINE), { headers: [['größe', 'a']] }],
  ['an empty header name', plain(FINE), { headers: [['', 'a']] }],
]

const chain = (hops: number) =>
  Object.fromEntries(Array.from({ length: hops }, (_, n) => [n ? `/${n}` : '/health', to(`/${n + 1}`)]))

const there = (location: string, rest: Readonly<Record<string, string>> = { '*': FINE }): StartOdd =>
  plain(routes({ '/health': to(location), ...rest }))

const REDIRECTS_PASS: readonly Row[] = [
  ...['/x', 'x', '?x', '/a/../b', './c/./d/..', '..', '//127.0.0.1:{port}/x', 'http://127.0.0.1:{port}/x#y'].map(
    (location): Row => [`to ${location}`, there(location, { '/health': to(location), '*': FINE })],
  ),
  ...[301, 302, 303, 307, 308].map(
    (code): Row => [`by ${code}`, plain(routes({ '/health': to('/x', code), '/x': FINE }))],
  ),
  ['to a path in UTF-8', there('/gr\xc3\xbc\xc3\x9fe')],
  ['to a path with escapes', there('/a%2Fb%20c?d%zz')],
  ['to a path with a space', there('/a b')],
  ['to a whole URL with a user', there('http://user:pass@127.0.0.1:{port}/x')],
  ['to a whole URL with capitals', there('HTTP://127.0.0.1:{port}/x')],
  ['to another port', there('http://127.0.0.1:{plain}/x')],
  ['to another scheme', there('https://127.0.0.1:{tls}/x')],
  ['from TLS to a port without', secure(to('http://127.0.0.1:{plain}/x')), HTTPS],
  ['to another host', there('http://192.0.2.1/')],
  ['to a name of the same host', there('http://localhost:{port}/x')],
  ['to another form of the same address', there('http://127.1:{port}/x')],
  ['to no host', there('http:///x')],
  ['to another scheme without a host', there('mailto:x@y')],
  ['to another host after nine of them', plain(routes({ ...chain(9), '/9': to('http://192.0.2.1/') }))],
  ['nine times', plain(routes({ ...chain(9), '*': FINE }))],
  ['with two Locations', plain(routes({ '/health': status(302, 'Location: /x\r\nLocation: /y\r\n'), '/x': FINE }))],
  ['with a long body that hangs', redirectWith(hold(`${status(302, 'Location: /x\r\nContent-Length: 2049\r\n')}x`))],
  ['with 2 KiB of a page that hangs', redirectWith(hold(`${status(302, 'Location: /x\r\n')}${page(2 * KIB)}`))],
  ['with a body that is cut short', redirectWith(`${status(302, 'Location: /x\r\nContent-Length: 9\r\n')}x`)],
  ['with chunks that are none', redirectWith(`${status(302, 'Location: /x\r\nTransfer-Encoding: chunked\r\n')}x`)],
  [
    'with the headers of the probe',
    there('/x'),
    { headers: [['Host', 'app.example'], ['Authorization', 'x'], ['Cookie', 'a=b'], ['X', 'y']] }, // biome-ignore format: a row
  ],
  [
    'to a whole URL with the headers of the probe',
    there('http://127.0.0.1:{port}/x'),
    { headers: [['Host', 'app.example'], ['Referer', 'z'], ['User-Agent', 'me'], ['Accept', '']] }, // biome-ignore format: a row
  ],
  [
    'eight times, next to the last page, whose path is long',
    plain((socket, path, fill) => {
      const next = path === '/health' ? `/${page(100_000)}/0` : `${Number(path.at(-1)) + 1}`
      socket.end(fill(next === '8' ? FINE : to(next)))
    }),
  ],
  ['from a path with a query', there('', { '/a?b': to('?c'), '/a?c': FINE }), { path: '/a?b#d' }],
  ['from a path with a fragment', there('', { '/a': to('#e'), '*': FINE }), { path: '/a?b#d' }],
]

function redirectWith(first: string | ReturnType<typeof hold>): StartOdd {
  return plain((socket, path, fill) => {
    if (path !== '/health') socket.end(fill(FINE))
    else if (typeof first === 'string') socket.end(fill(first))
    else first(socket, path, fill)
  })
}

const REDIRECTS_FAIL: readonly Row[] = [
  ['ten times', plain(routes({ ...chain(10), '*': FINE }))],
  ['for ever', plain(to('/health'))],
  ['to /%zz', there('/%zz')],
  ['to a URL with control characters', there('/a\tb')],
  ['to a port that is none', there('http://127.0.0.1:99999/x')],
  ['to a port of letters', there('http://127.0.0.1:x/')],
  ['to two ports', there('http://127.0.0.1:1:2/')],
  ['to a port that is closed', there('http://127.0.0.1:1/')],
  ['to another scheme on the same host', there('ftp://127.0.0.1/x')],
  ['to a colon first', there(':x')],
  ['to a bad host', there('http://[::1/')],
  ['to a page that fails', there('/x', { '/x': status(500) })],
  ['with a page that hangs', redirectWith(hold(`${status(302, 'Location: /x\r\n')}x`)), HANGS],
  ['with a short body that hangs', redirectWith(hold(status(302, 'Location: /x\r\nContent-Length: 9\r\n'))), HANGS],
  ['to another host with a body that hangs', plain(hold(status(302, 'Location: http://192.0.2.1/\r\n'))), HANGS],
  ['to another host with a body that is cut short', plain(status(302, 'Location: http://x/\r\nContent-Length: 9\r\n'))],
]

const LEGACY = 'DEFAULT:@SECLEVEL=0'
const { rsa1024Sha1, rsa768, ed25519, p521, secp256k1, expired, rsaPss } = CERTIFICATES
const only12 = (options: object) => secure(FINE, { maxVersion: 'TLSv1.2', ...options })

const TLS_PASS: readonly Row[] = [
  ['TLS', secure(FINE), HTTPS],
  ['TLS 1.2 only', secure(FINE, { maxVersion: 'TLSv1.2' }), HTTPS],
  ['TLS 1.3 only', secure(FINE, { minVersion: 'TLSv1.3' }), HTTPS],
  ['a client certificate is asked for', secure(FINE, { requestCert: true, rejectUnauthorized: false }), HTTPS],
  ['the same in TLS 1.2', only12({ requestCert: true, rejectUnauthorized: false }), HTTPS],
  ['a certificate that has expired', secure(FINE, expired), HTTPS],
  ['an RSA key of 1024 bits, signed with SHA-1', secure(FINE, { ...rsa1024Sha1, ciphers: LEGACY }), HTTPS],
  ['the same in TLS 1.2', only12({ ...rsa1024Sha1, ciphers: LEGACY }), HTTPS],
  ['an Ed25519 key', secure(FINE, ed25519), HTTPS],
  ['an Ed25519 key in TLS 1.2', only12(ed25519), HTTPS],
  ['a P-521 key', secure(FINE, p521), HTTPS],
  ['ECDHE-RSA-AES256-SHA', only12({ ...rsa1024Sha1, ciphers: 'ECDHE-RSA-AES256-SHA:@SECLEVEL=0' }), HTTPS],
  [
    'ECDHE-RSA-CHACHA20-POLY1305',
    only12({ ...rsa1024Sha1, ciphers: 'ECDHE-RSA-CHACHA20-POLY1305:@SECLEVEL=0' }),
    HTTPS,
  ],
  ['X25519 only', secure(FINE, { ecdhCurve: 'X25519' }), HTTPS],
  ['P-521 only', secure(FINE, { ecdhCurve: 'P-521' }), HTTPS],
  ['http/1.1 by ALPN', secure(FINE, { ALPNProtocols: ['http/1.1'] }), HTTPS],
  ['a host of its own in the header', secure(FINE), { ...HTTPS, headers: [['Host', 'app.example']] }],
  ['a page of 12 KiB that never ends, over TLS', secure(hold(ok('', page(12 * KIB)))), HTTPS],
  ['a page without a length, over TLS', secure(ok()), HTTPS],
  ['a redirect, over TLS', secure(routes({ '/health': to('/x'), '/x': FINE })), HTTPS],
  [
    'a websocket, which is never HTTP/2',
    secure(FINE, { ALPNProtocols: ['h2', 'http/1.1'] }),
    { ...HTTPS, headers: [['Connection', 'Upgrade'], ['Upgrade', 'websocket']] }, // biome-ignore format: a row
  ],
]

const TLS_FAIL: readonly Row[] = [
  ['TLS 1.1 only', secure(FINE, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: LEGACY }), HTTPS],
  ['TLS 1.0 only', secure(FINE, { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: LEGACY }), HTTPS],
  ['a client certificate is required', secure(FINE, { requestCert: true }), HTTPS],
  ['a client certificate is required in TLS 1.2', only12({ requestCert: true }), HTTPS],
  ['AES128-SHA, without forward secrecy', only12({ ...rsa1024Sha1, ciphers: 'AES128-SHA:@SECLEVEL=0' }), HTTPS],
  [
    'AES256-GCM-SHA384, without forward secrecy',
    only12({ ...rsa1024Sha1, ciphers: 'AES256-GCM-SHA384:@SECLEVEL=0' }),
    HTTPS,
  ],
  ['DHE only', only12({ ...rsa1024Sha1, ciphers: 'DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0', dhparam: 'auto' }), HTTPS],
  ['ECDHE-RSA-AES256-SHA384', only12({ ...rsa1024Sha1, ciphers: 'ECDHE-RSA-AES256-SHA384:@SECLEVEL=0' }), HTTPS],
  ['ECDHE-ECDSA-AES128-CCM', only12({ ciphers: 'ECDHE-ECDSA-AES128-CCM' }), HTTPS],
  ['TLS_AES_128_CCM_SHA256', secure(FINE, { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_CCM_SHA256' }), HTTPS],
  ['X448 only', secure(FINE, { ecdhCurve: 'X448' }), HTTPS],
  ['SHA-1 only in TLS 1.2', only12({ ...rsa1024Sha1, ciphers: LEGACY, sigalgs: 'RSA+SHA1' }), HTTPS],
  ['an RSA key of 768 bits', only12({ ...rsa768, ciphers: LEGACY }), HTTPS],
  ['a secp256k1 key', only12({ ...secp256k1, ecdhCurve: 'secp256k1:P-256' }), HTTPS],
  ['an RSA-PSS key', secure(FINE, { ...rsaPss, ciphers: LEGACY }), HTTPS],
  ['TLS on a port without', plain(FINE), HANGS_TLS],
  ['a port without TLS that answers at once', accept((socket) => socket.end(FINE)), HTTPS],
  ['no TLS on a port with', secure(FINE)],
  ['an ALPN that was not asked for', secure(FINE, { ALPNProtocols: ['spdy/3'] }), HTTPS],
  ['a body that is cut short, over TLS', secure(sized(9, 'fine')), HTTPS],
  ['a reset in the body, over TLS', secure(thenReset(sized(9, 'fine'))), HTTPS],
  ['no answer, over TLS', secure((socket) => socket.end()), HTTPS],
]

const says =
  (code: number, body = '', headers = {}) =>
  (_: unknown, response: Parameters<Parameters<typeof http2>[0]>[1]) => {
    response.writeHead(code, headers)
    response.end(body)
  }

const data = (text: string, flags = 1) => frame(0, flags, 1, text)
const headersOf = (all: readonly (readonly [string, string])[], flags = 4) => frame(1, flags, 1, fields(...all))
const OK2 = headersOf([[':status', '200']])
const reset = (code: number) => frame(3, 0, 1, Buffer.from([0, 0, 0, code]))
const goAway = (last: number, code: number) => frame(7, 0, 0, Buffer.from([0, 0, 0, last, 0, 0, 0, code]))

/** Headers of so many KiB, in as many frames. */
const long = (kib: number): readonly Buffer[] => [
  frame(1, 0, 1, '\x88'),
  ...Array.from({ length: kib }, (_, n) => frame(9, n === kib - 1 ? 4 : 0, 1, fields(['x', page(KIB)]))),
]

const HTTP2_PASS: readonly Row[] = [
  ['HTTP/2 only', http2(says(200, 'fine')), HTTPS],
  ['HTTP/2 or HTTP/1.1', http2(says(200, 'fine'), { allowHTTP1: true }), HTTPS],
  ['204', http2(says(204)), HTTPS],
  ['304', http2(says(304)), HTTPS],
  ['302 to another host', http2(says(302, '', { location: 'https://192.0.2.1/' })), HTTPS],
  [
    'a redirect',
    http2((request, response) =>
      says(request.url === '/health' ? 302 : 200, '', { location: '/x' })(request, response),
    ),
    HTTPS,
  ],
  ['a redirect to a port without TLS', secure(to('http://127.0.0.1:{plain}/')), HTTPS],
  ['a page of 12 KiB that never ends', http2((_, response) => void response.write(page(12 * KIB))), HTTPS],
  ['a page of 100 KiB', http2(says(200, page(100 * KIB))), HTTPS],
  ['a header of 20 KiB', http2(says(200, '', { 'x-long': page(20 * KIB) })), HTTPS],
  [
    'early hints',
    http2((request, response) => {
      response.stream.additionalHeaders({ ':status': 103, link: '</x>' })
      says(200, 'fine')(request, response)
    }),
    HTTPS,
  ],
  ['a path with a query', http2(says(200)), { ...HTTPS, path: '//x?a=b#c' }],
  ['a path with escapes', http2(says(200)), { ...HTTPS, path: '/%2F a%zz?ü' }],
  [
    'headers',
    http2(says(200)),
    {
      ...HTTPS,
      headers: [['Host', 'app.example'], ['X-A', 'größer'], ['x-a', '2'], ['Cookie', 'a=b; c=d'], ['Empty', '']], // biome-ignore format: a row
    },
  ],
  ['no User-Agent and no Accept', http2(says(200)), { ...HTTPS, headers: [['User-Agent', ''], ['Accept', '']] }], // biome-ignore format: a row
  [
    'Connection, Keep-Alive and Content-Length, which are not sent',
    http2(says(200)),
    { ...HTTPS, headers: [['Connection', 'close'], ['Keep-Alive', '5'], ['Content-Length', '5']] }, // biome-ignore format: a row
  ],
  ['frames: a status and a body', frames([OK2, data('fine')]), HTTPS],
  ['frames: a status and an end', frames([frame(1, 5, 1, '\x88')]), HTTPS],
  ['frames: a body with padding', frames([OK2, frame(0, 9, 1, '\x03fine\0\0\0')]), HTTPS],
  ['frames: a length that is right', frames([headersOf([[':status', '200'], ['content-length', '4']]), data('fine')]), HTTPS], // biome-ignore format: a row
  [
    'frames: headers in two parts',
    frames([frame(1, 0, 1, '\x88'), frame(9, 4, 1, fields(['x', 'y'])), data('')]),
    HTTPS,
  ],
  ['frames: trailers', frames([OK2, data('fine', 0), headersOf([['x', 'y']], 5)]), HTTPS],
  [
    'frames: types that nobody knows',
    frames([frame(99, 0, 0, 'odd'), OK2, frame(98, 0, 1, 'odd'), data('fine')]),
    HTTPS,
  ],
  ['frames: a ping', frames([frame(6, 0, 0, '12345678'), OK2, data('fine')]), HTTPS],
  ['frames: a farewell that lets us finish', frames([goAway(1, 0), OK2, data('fine')]), HTTPS],
  ['frames: a farewell after the answer', frames([OK2, data('fine'), goAway(1, 0)]), HTTPS],
  ['frames: 12 KiB, and then a reset', frames([OK2, data(page(12 * KIB), 0), reset(2)]), HTTPS],
  ['frames: 20 early hints', frames([...Array(20).fill(headersOf([[':status', '103']])), OK2, data('')]), HTTPS],
  ['frames: 500 headers', frames([headersOf([[':status', '200'], ...Array(500).fill(['x', 'y'])]), data('')]), HTTPS],
]

/** Answers that break the rules of HTTP/2, or are odd. */
const RUDE_PASS: readonly Row[] = [
  [
    'a space before a value',
    frames([
      headersOf([
        [':status', '200'],
        ['x', ' a '],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'a value of no encoding',
    frames([
      headersOf([
        [':status', '200'],
        ['x', '\xff\xfe'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  ['more after the end', frames([OK2, data('fine'), data('more')]), HTTPS],
  ['a setting that nobody knows', frames([frame(4, 0, 0, '\0\x99\0\0\0\x01'), OK2, data('fine')]), HTTPS],
]

const RUDE_FAIL: readonly Row[] = [
  [
    'two statuses',
    frames([
      headersOf([
        [':status', '200'],
        [':status', '200'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'a status after a header',
    frames([
      headersOf([
        ['x', 'y'],
        [':status', '200'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'a field of a request',
    frames([
      headersOf([
        [':status', '200'],
        [':path', '/'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'a field that nobody knows',
    frames([
      headersOf([
        [':status', '200'],
        [':odd', '/'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  ['a 1xx that ends the stream', frames([headersOf([[':status', '103']], 5)]), HTTPS],
  [
    'a length at 204',
    frames([
      headersOf(
        [
          [':status', '204'],
          ['content-length', '4'],
        ],
        5,
      ),
    ]),
    HTTPS,
  ],
  [
    'a length at 304',
    frames([
      headersOf(
        [
          [':status', '304'],
          ['content-length', '4'],
        ],
        5,
      ),
    ]),
    HTTPS,
  ],
  [
    'a length at 200 without a body',
    frames([
      headersOf(
        [
          [':status', '200'],
          ['content-length', '4'],
        ],
        5,
      ),
    ]),
    HTTPS,
  ],
  ['a status in trailers', frames([OK2, data('fine', 0), headersOf([[':status', '200']], 5)]), HTTPS],
  ['trailers without an end', frames([OK2, data('fine', 0), headersOf([['x', 'y']]), data('')]), HTTPS],
  ['data on a stream that is none', frames([frame(0, 0, 5, 'x'), OK2, data('fine')]), HANGS_TLS],
  ['a window that is too large', frames([frame(8, 0, 0, '\x7f\xff\xff\xff'), OK2, data('fine')]), HTTPS],
  ['a window of none', frames([frame(8, 0, 1, '\0\0\0\0'), OK2, data('fine')]), HTTPS],
  ['padding that is too long', frames([OK2, frame(0, 9, 1, '\x09fine')]), HANGS_TLS],
  ['a frame of 20 KiB', frames([OK2, data(page(20 * KIB))]), HANGS_TLS],
  ['a ping of seven bytes', frames([frame(6, 0, 0, '1234567'), OK2, data('fine')]), HANGS_TLS],
  ['a reset without an error before the answer', frames([reset(0)]), HTTPS],
  ['headers of 12 MiB', frames([...long(12 * 1024), data('fine')]), HTTPS],
]

/** These the kubelet takes, and Node's library for HTTP/2 does not. */
const TOO_RUDE: readonly Row[] = [
  // The answer, and a field that each of the bytes after it repeats.
  ['4,000 fields', frames([frame(1, 4, 1, `\x88\x40\x01x\x01y${'\xbe'.repeat(4_000)}`), data('fine')]), HTTPS],
  ['1,000 early hints', frames([...Array(1_000).fill(headersOf([[':status', '103']])), OK2, data('')]), HTTPS],
  [
    'Connection',
    frames([
      headersOf([
        [':status', '200'],
        ['connection', 'keep-alive'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'Transfer-Encoding',
    frames([
      headersOf([
        [':status', '200'],
        ['transfer-encoding', 'chunked'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'Keep-Alive',
    frames([
      headersOf([
        [':status', '200'],
        ['keep-alive', 'x'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'two lengths',
    frames([
      headersOf([
        [':status', '200'],
        ['content-length', '4'],
        ['content-length', '4'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'a length that is none',
    frames([
      headersOf([
        [':status', '200'],
        ['content-length', 'x'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  ['a status of four digits', frames([headersOf([[':status', '0200']]), data('fine')]), HTTPS],
  ['101', frames([headersOf([[':status', '101']]), OK2, data('fine')]), HTTPS],
  ['a body at 204', frames([headersOf([[':status', '204']]), data('fine')]), HTTPS],
  [
    'a length of 2^63',
    frames([
      headersOf([
        [':status', '200'],
        ['content-length', `${2n ** 63n}`],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  ['an answer on another stream', frames([frame(1, 5, 3, '\x88'), OK2, data('fine')]), HTTPS],
  ['a setting that is none', frames([frame(4, 0, 0, '\0\x05\0\0\0\x01'), OK2, data('fine')]), HTTPS],
  ['no settings at first', frames([OK2, data('fine')], { first: Buffer.alloc(0) }), HTTPS],
  ['a farewell with an error before the answer', frames([goAway(0, 2), OK2, data('fine')]), HTTPS],
  ['a farewell with an error that lets us finish', frames([goAway(1, 2), OK2, data('fine')]), HTTPS],
  ['headers of 300 KiB', frames([...long(300), data('fine')]), HTTPS],
  ['many headers in 9 MiB', frames([...long(9 * 1024), data('fine')]), HTTPS],
]

/** And these the other way round: it leaves out a field that is none, and takes such a reset for an end. */
const TOO_LENIENT: readonly Row[] = [
  [
    'a space in a name',
    frames([
      headersOf([
        [':status', '200'],
        ['x y', 'z'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'an empty name',
    frames([
      headersOf([
        [':status', '200'],
        ['', 'z'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  [
    'a control character in a value',
    frames([
      headersOf([
        [':status', '200'],
        ['x', 'a\x01'],
      ]),
      data('fine'),
    ]),
    HTTPS,
  ],
  ['a reset without an error after the answer', frames([OK2, data('fine', 0), reset(0)]), HTTPS],
]

const HTTP2_FAIL: readonly Row[] = [
  ['404', http2(says(404)), HTTPS],
  ['500', http2(says(500)), HTTPS],
  ['HTTP/2 without TLS', http2(says(200))],
  ['a body that hangs', http2((_, response) => void response.write('fine')), HANGS_TLS],
  ['no answer', http2(() => {}), HANGS_TLS],
  ['the stream is closed', http2((_, response) => response.stream.close(8)), HTTPS],
  ['the session is destroyed', http2((_, response) => response.stream.session?.destroy()), HTTPS],
  ['Transfer-Encoding in the request', http2(says(200)), { ...HTTPS, headers: [['Transfer-Encoding', 'gzip']] }],
  ['Upgrade in the request', http2(says(200)), { ...HTTPS, headers: [['Upgrade', 'h2c']] }],
  ['Connection: x in the request', http2(says(200)), { ...HTTPS, headers: [['Connection', 'x']] }],
  ['a bad Host', http2(says(200)), { ...HTTPS, headers: [['Host', 'a/b']] }],
  ['frames: a reset', frames([reset(2)]), HTTPS],
  ['frames: a stream that is cancelled', frames([reset(8)]), HTTPS],
  ['frames: a reset in the body', frames([OK2, data('fine', 0), reset(2)]), HTTPS],
  ['frames: HTTP/1.1 is required', frames([reset(13)]), HTTPS],
  ['frames: no status', frames([headersOf([['x', 'y']]), data('fine')]), HTTPS],
  ['frames: a status of letters', frames([headersOf([[':status', 'abc']]), data('fine')]), HTTPS],
  ['frames: a body before the headers', frames([data('fine', 0), OK2, data('fine')]), HANGS_TLS],
  ['frames: capitals in a name', frames([headersOf([[':status', '200'], ['X', 'y']]), data('fine')]), HTTPS], // biome-ignore format: a row
  ['frames: a length that is too long', frames([headersOf([[':status', '200'], ['content-length', '5']]), data('fine')]), HTTPS], // biome-ignore format: a row
  ['frames: a length that is too short', frames([headersOf([[':status', '200'], ['content-length', '3']]), data('fine')]), HTTPS], // biome-ignore format: a row
  ['frames: a connection that ends in the body', frames([OK2, data('fine', 0)]), HTTPS],
  ['frames: HTTP/1.1 though HTTP/2 was chosen', secure(hold(FINE), { ALPNProtocols: ['h2'] }), HTTPS],
  ['frames: not HTTP/2', frames([Buffer.from('nonsense nonsense nonsense')]), HANGS_TLS],
  ['frames: settings that are none', frames([], { first: frame(4, 0, 0, 'x') }), HANGS_TLS],
  ['frames: a promise', frames([frame(5, 4, 1, Buffer.concat([Buffer.from([0, 0, 0, 2]), fields([':method', 'GET'])]))]), HTTPS], // biome-ignore format: a row
  ['frames: headers that are no HPACK', frames([frame(1, 5, 1, '\xff\xff\xff\xff\xff\xff\xff\xff')]), HANGS_TLS],
]

const CONNECTIONS_FAIL: readonly Row[] = [
  ['nobody listens', closed],
  ['nobody listens, over TLS', closed, HTTPS],
  ['a reset at once', accept((socket) => socket.resetAndDestroy())],
  ['a reset at once, over TLS', accept((socket) => socket.resetAndDestroy()), HTTPS],
  ['an end at once', accept((socket) => socket.end())],
  ['an end at once, over TLS', accept((socket) => socket.end()), HTTPS],
  ['an end without an answer', plain((socket) => socket.end())],
  ['a reset without an answer', plain(thenReset(''))],
  ['a reset within the headers', plain(thenReset('HTTP/1.1 200 OK\r\nX'))],
  ['silence', accept(() => {}), HANGS],
  ['silence, over TLS', accept(() => {}), HANGS_TLS],
  ['an answer that hangs', plain(() => {}), HANGS],
]

const group = (name: string, passes: boolean, rows: readonly Row[]): readonly Case[] =>
  rows.map(([row, start, get = {}]) => ({ name: `${name}: ${row}`, passes, start, get }))

export const CASES: readonly Case[] = [
  ...group('status line', true, STATUS_LINES_PASS),
  ...group('status line', false, STATUS_LINES_FAIL),
  ...group('headers', true, HEADERS_PASS),
  ...group('headers', false, HEADERS_FAIL),
  ...group('body', true, BODIES_PASS),
  ...group('body', false, BODIES_FAIL),
  ...group('request', true, REQUESTS_PASS),
  ...group('request', false, REQUESTS_FAIL),
  ...group('redirect', true, REDIRECTS_PASS),
  ...group('redirect', false, REDIRECTS_FAIL),
  ...group('TLS', true, TLS_PASS),
  ...group('TLS', false, TLS_FAIL),
  ...group('HTTP/2', true, HTTP2_PASS),
  ...group('HTTP/2', false, HTTP2_FAIL),
  ...group('HTTP/2, rude', true, RUDE_PASS),
  ...group('HTTP/2, rude', false, RUDE_FAIL),
  ...group('HTTP/2, too lenient of us', false, TOO_LENIENT).map((one) => ({ ...one, ours: true })),
  ...group('HTTP/2, too rude for us', true, TOO_RUDE).map((one) => ({ ...one, ours: false })),
  ...group('connection', false, CONNECTIONS_FAIL),
  { name: 'tcp: open', passes: true, start: plain(FINE), get: {}, tcp: true },
  { name: 'tcp: silent', passes: true, start: accept(() => {}), get: {}, tcp: true },
  { name: 'tcp: an end at once', passes: true, start: accept((socket) => socket.end()), get: {}, tcp: true },
  { name: 'tcp: closed', passes: false, start: closed, get: {}, tcp: true },
  { name: 'tcp: IPv6', passes: true, start: plain(FINE), get: {}, tcp: true, host: '::1' },
  { name: 'IPv6', passes: true, start: plain(FINE), get: {}, host: '::1' },
  { name: 'IPv6, over TLS', passes: true, start: secure(FINE), get: HTTPS, host: '::1' },
  { name: 'IPv6, HTTP/2', passes: true, start: http2(says(200)), get: HTTPS, host: '::1' },
]
