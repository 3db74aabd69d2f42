/** Proxies that note what they were asked for, for the length of one test. Names lead to this machine. */
import { Agent, createServer, request } from 'node:http'
import { createServer as createSocketServer, connect as dial, isIP, type Socket } from 'node:net'
import { bracketed, listen } from './support.js'

const addressOf = (host: string) => {
  const address = host.replace(/^\[|\]$/g, '')
  return isIP(address) ? address : '127.0.0.1'
}

/** Answers CONNECT, and requests for whole URLs. It notes `HOST:PORT` of the one, and the URL of the other. */
export async function startHttpProxy(address = '127.0.0.1', status = 200) {
  const asked: string[] = []
  const authorizations: (string | undefined)[] = []
  /** One connection to the server for each that a client has to us, and as long. */
  const upstream = new WeakMap<Socket, Agent>()
  const server = createServer((incoming, outgoing) => {
    const { url = '', method, headers, socket } = incoming
    asked.push(url)
    authorizations.push(headers['proxy-authorization'])
    if (status !== 200) return void outgoing.writeHead(status).end()
    const agent = upstream.get(socket) ?? new Agent({ keepAlive: true })
    upstream.set(socket, agent)
    socket.once('close', () => agent.destroy())
    const { hostname, port, pathname, search } = new URL(url)
    const options = { host: addressOf(hostname), port, path: pathname + search, method, headers, agent }
    const onward = request(options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      outgoing.flushHeaders()
      answer.pipe(outgoing)
    })
    onward.on('error', () => socket.destroy())
    incoming.pipe(onward)
  })
  server.on('connect', ({ url = '', headers }, client) => {
    asked.push(url)
    authorizations.push(headers['proxy-authorization'])
    const { hostname, port } = new URL(`http://${url}`)
    if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\n\r\n`)
    const target = dial(Number(port || 80), addressOf(hostname), () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    target.on('error', () => client.destroy())
    client.on('error', () => target.destroy())
  })
  const { port } = await listen(server, address)
  return { authority: `${bracketed(address)}:${port}`, asked, authorizations }
}

/** SOCKS 5 without authentication, to IPv4 addresses and names. */
export async function startSocksProxy(address = '127.0.0.1') {
  const asked: string[] = []
  const server = createSocketServer((client) => {
    client.once('data', () => {
      client.write(Buffer.from([5, 0]))
      client.once('data', (request) => {
        const isName = request[3] === 3
        const end = isName ? 5 + (request[4] ?? 0) : 8
        const host = isName ? request.toString('latin1', 5, end) : request.subarray(4, end).join('.')
        const port = request.readUInt16BE(end)
        asked.push(`${host}:${port}`)
        const target = dial(port, addressOf(host), () => {
          client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
          target.pipe(client).pipe(target)
        })
        target.on('error', () => client.destroy())
        client.on('close', () => target.destroy())
      })
    })
  })
  const { port } = await listen(server, address)
  return { authority: `${bracketed(address)}:${port}`, asked }
}
