// Runs inside of a machine: opens a new connection every so often, and writes what became of it, one JSON a line. It
// ends when its stdin does, and in any case after `lastMs`.
import { connect } from 'node:net'
import type { Sample } from './traffic.js'

const [localAddress, host, port, everyMs, timeoutMs, lastMs] = process.argv.slice(2)
const now = (): number => performance.timeOrigin + performance.now()

const timer = setInterval(open, Number(everyMs))
setTimeout(finish, Number(lastMs)).unref()
process.stdin.on('end', finish).resume()

function finish(): void {
  clearInterval(timer)
  process.stdin.destroy() // what is under way ends by its own time limit
}

function open(): void {
  const at = now()
  let answer = ''
  let done = false
  const socket = connect({ localAddress, host, port: Number(port) })
  const settle = (result: Pick<Sample, 'pod'> | Pick<Sample, 'error'>): void => {
    if (done) return
    done = true
    socket.destroy()
    const sample: Sample = { at, ms: now() - at, ...result }
    process.stdout.write(`${JSON.stringify(sample)}\n`)
  }
  socket.setTimeout(Number(timeoutMs), () => settle({ error: 'hung' }))
  socket.on('error', ({ code }: NodeJS.ErrnoException) =>
    settle({ error: code === 'ECONNREFUSED' ? 'refused' : (code ?? 'failed') }),
  )
  socket.on('data', (data) => {
    answer += data.toString()
  })
  socket.on('end', () => settle(/^HTTP\/1\.1 200/.test(answer) ? { pod: bodyOf(answer) } : { error: 'cut' }))
  socket.write('GET / HTTP/1.0\r\n\r\n')
}

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4).trim()
}
