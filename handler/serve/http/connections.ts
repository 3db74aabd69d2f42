/**
 * Bounds the connections of a server without shutting anybody out: beyond the limit the one goes that has been owed no
 * answer for longest. Whoever opens thousands and says nothing, or takes no answer, makes room for those who do.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export interface Connections {
  /**
   * A request came in on it: it stays until the function that is returned says that the answer is written.
   * @returns `undefined` when it was closed, because it is owed too many answers
   */
  owe(socket: Socket): (() => void) | undefined
  /** Closes each as soon as it is owed no answer: when what was written is out, or after that time. */
  close(withinMs: number): void
}

interface Connection {
  /** The one below TLS, until a request has come in. */
  socket: Socket
  answersOwed: number
}

/** Few clients send a request before the last one is answered. Node would take in as many as somebody cares to send. */
const MAX_ANSWERS_OWED = 10

export function limitConnections(server: Server, limit: number): Connections {
  const open = new Map<string, Connection>()
  /** In the order in which they became idle. */
  const idle = new Set<Connection>()
  let end: ((connection: Connection) => void) | undefined
  server.on('connection', (socket: Socket) => {
    const connection: Connection = { socket, answersOwed: 0 }
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
    owe: (socket) => {
      const connection = open.get(nameOf(socket))
      if (!connection || connection.answersOwed === MAX_ANSWERS_OWED) {
        socket.destroy()
        return undefined
      }
      connection.socket = socket
      connection.answersOwed++
      idle.delete(connection)
      return () => {
        connection.answersOwed--
        if (connection.answersOwed > 0 || socket.destroyed) return
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

/** Both its ends: a TLS connection shares them with the one below it. */
function nameOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
