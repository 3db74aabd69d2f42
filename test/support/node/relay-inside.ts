// One end of a way out of a network namespace, or into it: what connects to the first is connected to the second. A
// number is a port of loopback in the namespace in which this runs, and anything else a socket in the file system,
// which knows no network namespaces.
import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'

const [from = '', to = ''] = process.argv.slice(2)
const end = (text: string) => (/^\d+$/.test(text) ? { host: '127.0.0.1', port: Number(text) } : { path: text })

createServer((outer) => {
  const inner = connect({ ...end(to), noDelay: true })
  pipeline(outer, inner, outer, () => undefined) // a connection that breaks is its two ends' affair
}).listen(end(from))
