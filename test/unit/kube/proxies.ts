/** Proxies that note what they were asked to connect to, for the length of one test. */
import { createServer } from 'node:http'
import { createServer as createSocketServer, connect as dial } from 'node:net'
import { listen } from './support.js'

/** Answers CONNECT, and nothing else. */
export async function startConnectProxy(status = 200) {
  const asked: string[] = []
  const server = createServer()
  server.on('connect', ({ url = '' }, client) => {
    asked.push(url)
    const [host, port] = url.split(':')
    if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\n\r\n`)
    const target = dial(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    target.on('error', () => client.destroy())
    client.on('error', () => target.destroy())
  })
  const { port } = await listen(server)
  return { authority: `127.0.0.1:${port}`, asked }
}

/** SOCKS 5 without authentication, to IPv4 addresses only. */
export async function startSocksProxy() {
  const asked: string[] = []
  const server = createSocketServer((client) => {
    client.once('data', () => {
      client.write(Buffer.from([5, 0]))
      client.once('data', (request) => {
        const host = request.subarray(4, 8).join('.')
        const port = request.readUInt16BE(8)
        asked.push(`${host}:${port}`)
        const target = dial(port, host, () => {
          client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
          target.pipe(client).pipe(target)
        })
        target.on('error', () => client.destroy())
        client.on('close', () => target.destroy())
      })
    })
  })
  const { port } = await listen(server)
  return { authority: `127.0.0.1:${port}`, asked }
}
