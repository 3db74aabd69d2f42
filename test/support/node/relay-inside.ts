// Runs inside of a machine: what connects to the socket is connected to the port of that machine's loopback.
import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'

const [socket, port] = process.argv.slice(2)

createServer((outer) => {
  const inner = connect({ host: '127.0.0.1', port: Number(port), noDelay: true })
  pipeline(outer, inner, outer, () => undefined) // a connection that breaks is its two ends' affair
}).listen(socket)
