/** Opens a connection for one probe: TCP, or TLS as the kubelet's, without verifying the certificate. */
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

export interface Destination {
  /** An address, without brackets. */
  readonly host: string
  readonly port: number
  /** Without it, TCP alone. */
  readonly tls?: {
    /** The protocols to offer by ALPN. Without it, none is. */
    readonly protocols?: string[]
  }
}

/**
 * The offer of Go's TLS (crypto/tls/defaults.go): no TLS 1.1, no cipher without forward secrecy, no SHA-1 in a
 * handshake. The pod's certificate may have any age, key and signature (security level 0).
 */
const TLS = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
    'ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:@SECLEVEL=0',
  ].join(':'),
  sigalgs: [
    'rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256:ed25519:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512',
    'rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512',
  ].join(':'),
  ecdhCurve: 'X25519:P-256:P-384:P-521',
  rejectUnauthorized: false,
} as const

/** The sizes of an RSA key that Go accepts. */
const MIN_RSA_BITS = 1_024
const MAX_RSA_BITS = 8_192

/**
 * Connects. The socket is destroyed when `signal` is aborted.
 * @param reached called when the TCP connection is made, whether or not TLS succeeds
 * @throws Error if the connection fails
 */
export async function openConnection(
  { host, port, tls }: Destination,
  signal: AbortSignal,
  reached: () => void,
): Promise<Socket | TLSSocket> {
  signal.throwIfAborted()
  const address = { host, port, allowHalfOpen: true }
  const ALPNProtocols = tls?.protocols ? { ALPNProtocols: tls.protocols } : {}
  const socket = tls ? connectTls({ ...address, ...TLS, ...ALPNProtocols }) : connectTcp(address)
  socket.on('error', () => {}) // an error may come after the answer is known
  socket.once('connect', reached)
  const abort = () => socket.destroy()
  signal.addEventListener('abort', abort)
  socket.once('close', () => signal.removeEventListener('abort', abort))
  await once(socket, tls ? 'secureConnect' : 'connect', { signal })
  if ('getPeerX509Certificate' in socket) {
    const { asymmetricKeyType, asymmetricKeyDetails } = socket.getPeerX509Certificate()?.publicKey ?? {}
    const bits = asymmetricKeyDetails?.modulusLength ?? 0
    if (asymmetricKeyType === 'rsa' && (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)) {
      socket.destroy()
      throw new Error(`TLS: RSA key of ${bits} bits`)
    }
  }
  return socket
}
