// Runs inside of a machine: opens a new connection every so often, and writes what became of it, one JSON a line. What
// it reads, one JSON a line, it posts somewhere. It ends when its stdin does, and in any case after `lastMs`.
import { request } from 'node:http'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Post, Posted, Sample } from './client-traffic.js'

const [localAddress, host, port, everyMs, timeoutMs, lastMs] = process.argv.slice(2)
const ANSWER_MS = 5_000
const now = (): number => performance.timeOrigin + performance.now()

const timer = setInterval(open, Number(everyMs))
setTimeout(finish, Number(lastMs)).unref()
createInterface(process.stdin)
  .on('line', (line) => post(JSON.parse(line) as Post))
  .on('close', finish)

function finish(): void {
  clearInterval(timer)
  process.stdin.destroy() // what is under way ends by its own time limit
}

function post({ url, json }: Post): void {
  const at = now()
  const settle = (status: number): void => {
    const posted: Posted = { posted: url, at, status }
    process.stdout.write(`${JSON.stringify(posted)}\n`)
  }
  const headers = json === undefined ? {} : { 'content-type': 'application/json' }
  request(url, { method: 'POST', headers, agent: false }, (answer) => settle(answer.resume().statusCode ?? 0))
    .on('error', () => settle(0))
    .end(json)
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
  // The kernel of the pod makes the connection: what comes after is the pod's own time, on a busy machine too.
  socket.once('connect', () => socket.setTimeout(Math.max(Number(timeoutMs), ANSWER_MS)))
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
