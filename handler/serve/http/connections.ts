/**
 * Bounds the connections of a server without shutting anybody out. Beyond the limit, the connection is closed that has
 * been idle for longest: no answer is due on it. A client that opens thousands of connections and sends nothing on
 * them, or reads no answer, therefore makes room for the others.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

interface Connections {
  /**
   * A request came in on this connection. The connection stays open until the returned function is called, when the
   * answer was written.
   * @returns `undefined` when the connection was closed instead, because too many answers are due on it
   */
  requestBegins(socket: Socket): (() => void) | undefined
  /**
   * Closes each connection as soon as no answer is due on it: when the written bytes were sent, or after `withinMs`.
   */
  close(withinMs: number): void
}

interface Connection {
  /** Under TLS: the TCP socket, until a request has come in; then the TLS socket. */
  socket: Socket
  /** Requests that came in and were not answered yet. */
  answersDue: number
}

/** Few clients send a request before the last one is answered. Node itself sets no limit to that. */
const MAX_ANSWERS_DUE = 10

export function limitConnections(server: Server, limit: number): Connections {
  const open = new Map<string, Connection>()
  /** The connections on which no answer is due, in the order in which they became idle. */
  const idle = new Set<Connection>()
  let end: ((connection: Connection) => void) | undefined
  server.on('connection', (socket: Socket) => {
    const connection: Connection = { socket, answersDue: 0 }
    const name = nameOf(socket)
    open.set(name, connection)
    idle.add(connection)
    socket.once('close', () => {
      idle.delete(connection)
      if (open.get(name) === connection) open.delete(name)
    })
    if (open.size <= limit) return
    const [oldest] = idle
    if (!oldest) return
    idle.delete(oldest)
    oldest.socket.destroy()
  })
  return {
    requestBegins: (socket) => {
      const connection = open.get(nameOf(socket))
      if (!connection || connection.answersDue === MAX_ANSWERS_DUE) {
        socket.destroy()
        return undefined
      }
      connection.socket = socket
      connection.answersDue++
      idle.delete(connection)
      return () => {
        connection.answersDue--
        if (connection.answersDue > 0 || socket.destroyed) return
        idle.add(connection)
        end?.(connection)
      }
    },
    close: (withinMs) => {
      end = ({ socket }) => {
        socket.destroySoon()
        setTimeout(() => socket.destroy(), withinMs).unref()
      }
      for (const connection of idle) end(connection)
    },
  }
}

/** A TLS socket and the TCP socket below it have the same addresses and ports, and so the same name. */
function nameOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
