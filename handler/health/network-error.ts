/** Describes network errors of a probe in a few words. */

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'no answer',
  ERR_SOCKET_BAD_PORT: 'invalid port',
}

/** Errors of a missing route, or of a machine that cannot connect: neither the pod nor its node has answered. */
const ON_THE_WAY: readonly string[] = [
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ETIMEDOUT'],
  ...['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOBUFS'],
]

/** Whether a connection failed before the other side had answered. A refusal is an answer. */
export function isOnTheWay(error: unknown): boolean {
  return error instanceof Error && ON_THE_WAY.includes((error as NodeJS.ErrnoException).code ?? '')
}

/** A few words about an error of a socket, of TLS or of HTTP/2; its code if there are none. */
export function describeNetworkError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code = '', syscall, reason } = error as NodeJS.ErrnoException & { readonly reason?: string }
  // Node reports an orderly close at the wrong moment by the code of a reset, but without a system call.
  if (code === 'ECONNRESET' && syscall === undefined) return 'connection closed'
  const known = WORDS[code]
  if (known !== undefined) return known
  if (code.startsWith('ERR_HTTP2_')) return 'broken HTTP/2'
  if (code === 'EPROTO' || /^ERR_(SSL|TLS)_/.test(code)) {
    return `TLS: ${
      reason ??
      code
        .replace(/^ERR_(SSL|TLS)_/, '')
        .toLowerCase()
        .replaceAll('_', ' ')
    }`
  }
  return code || error.message
}
