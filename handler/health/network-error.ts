/** The words for what can go wrong on the way to a pod. */

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'no answer',
  HPE_HEADER_OVERFLOW: 'headers too long',
  ERR_SOCKET_BAD_PORT: 'invalid port',
  ERR_INVALID_PROTOCOL: 'neither http nor https',
}

/** A few words for people about an error of a socket, of TLS or of the HTTP parser; its code if there are none. */
export function describeNetworkError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code = '', syscall, reason } = error as NodeJS.ErrnoException & { readonly reason?: string }
  // Node gives an orderly close in the wrong moment the code of a reset, but without a system call.
  if (code === 'ECONNRESET' && syscall === undefined) return 'connection closed'
  const known = words[code]
  if (known !== undefined) return known
  if (code.startsWith('HPE_')) return 'not HTTP'
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
