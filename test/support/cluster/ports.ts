// A loopback port for a server that is about to start.
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port that nobody listens on at this moment. It lies below the range from which systems take the ports of outgoing
 * connections: while a server is down, a client that calls its port over and over could otherwise be given that very
 * port for its own end, connect to itself, and keep the server from coming back.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 9_999)
    if (await isFree(port)) return port
  }
  throw new Error('no free port between 20000 and 29999 on 127.0.0.1')
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true })
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
