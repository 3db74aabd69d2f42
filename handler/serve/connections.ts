/**
 * Bounds the connections of a server without shutting anybody out: beyond the limit the one goes that has been without
 * a request for longest. Whoever opens thousands and says nothing makes room for those who do.
 */
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** @returns a function that closes the connections that are without a request */
export function limitConnections(server: Server, limit: number): () => void {
  /** By their other end, which a TLS connection and the one below it share. In the order in which they fell silent. */
  const silent = new Map<string, Socket>()
  let open = 0
  server.on('connection', (socket: Socket) => {
    const key = peerOf(socket)
    open++
    silent.set(key, socket)
    socket.once('close', () => {
      open--
      if (silent.get(key) === socket) silent.delete(key)
    })
    if (open <= limit) return
    const [oldest] = silent
    if (oldest) {
      silent.delete(oldest[0])
      oldest[1].destroy()
    }
  })
  server.on('request', ({ socket }: { readonly socket: Socket }, response: ServerResponse) => {
    const key = peerOf(socket)
    const own = silent.get(key)
    if (!own) return
    silent.delete(key)
    response.once('close', () => {
      if (!own.destroyed) silent.set(key, own)
    })
  })
  return () => {
    for (const socket of silent.values()) socket.destroy()
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
