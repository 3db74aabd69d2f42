/** Runs `tcp://` checks: whether a port accepts connections. */
import { connect } from 'node:net'
import { limited } from './limit.js'
import type { ProbeResult } from './probe-result.js'

interface TcpCheck {
  /** The pod's IP, without brackets. */
  readonly host: string
  readonly port: number
}

/**
 * Connects and closes. Ends within `timeoutMs` milliseconds or as soon as `signal` is aborted. Leaves no socket open.
 * Never throws.
 */
export function probeTcp({ host, port }: TcpCheck, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return limited(
    timeoutMs,
    signal,
    (limit) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host, port })
        limit.signal.addEventListener('abort', () => socket.destroy(new Error('aborted')))
        const open = () => {
          limit.isReached = true
          socket.destroy()
          resolve({ healthy: true, text: 'open' })
        }
        socket.once('connect', open)
        // A reset, unlike a refusal, ends a connection that was made.
        socket.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? open() : reject(error)))
      }),
  )
}
