// Runs inside of a machine: asks each pod that it is told of for its health, over a new connection every so often, and
// writes each answer, one JSON a line. It ends when its stdin does, and in any case after `lastMs`.
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import type { Probe, Seen } from './witness.js'

const [everyMs, timeoutMs, lastMs] = process.argv.slice(2).map(Number)
const pods = new Map<string, Seen>()
const now = (): number => performance.timeOrigin + performance.now()

const timer = setInterval(() => {
  for (const pod of pods.values()) ask(pod)
}, everyMs)
setTimeout(finish, lastMs).unref()
createInterface(process.stdin)
  .on('line', (line) => {
    const { gone, ...pod } = JSON.parse(line) as Seen & { gone: boolean }
    if (gone) pods.delete(pod.uid)
    else pods.set(pod.uid, pod)
  })
  .on('close', finish)

function finish(): void {
  clearInterval(timer)
  process.stdin.destroy()
}

function ask({ uid, ip }: Seen): void {
  const at = now()
  let done = false
  const settle = (healthy: boolean): void => {
    if (done) return
    done = true
    const probe: Probe = { uid, at, healthy }
    process.stdout.write(`${JSON.stringify(probe)}\n`)
  }
  const request = get({ host: ip, port: 8080, path: '/health', agent: false, timeout: timeoutMs }, (answer) => {
    answer.resume()
    settle(answer.statusCode === 200)
  })
  request.on('timeout', () => {
    request.destroy()
    settle(false)
  })
  request.on('error', () => settle(false))
}
