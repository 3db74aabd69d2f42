// A process of its own that is the parent of a cluster's processes. It ends when the process that started it does, in
// whatever way that happens (SIGKILL included: the IPC channel closes), and takes with it the processes and their
// folder. So an interrupted test run leaves nothing behind. `processes.ts` is the other end of the channel.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import type { KeeperEvent, KeeperOrder } from './processes.js'

const [folder] = process.argv.slice(2)
if (folder === undefined || process.send === undefined) {
  throw new Error('started by processes.ts only')
}

const children = new Map<number, { readonly child: ChildProcess; readonly graceMs: number }>()
let ending = false

function tell(event: KeeperEvent): void {
  // Nobody listens any more once the channel is closed; `disconnect` is on its way then.
  if (process.connected) process.send?.(event, () => undefined)
}

function start({ id, command, args, log, graceMs }: Extract<KeeperOrder, { kind: 'start' }>): void {
  let output: number
  try {
    output = openSync(log, 'a')
  } catch (error) {
    tell({ kind: 'failed', id, message: error instanceof Error ? error.message : String(error) })
    return
  }
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', output, output] })
  closeSync(output)
  children.set(id, { child, graceMs })
  child.once('spawn', () => tell({ kind: 'started', id, pid: child.pid ?? 0 }))
  const leave = (event: KeeperEvent): void => {
    if (!children.delete(id)) return
    tell(event)
    leaveWhenAlone()
  }
  child.once('exit', (code, signal) => leave({ kind: 'exited', id, how: signal ?? `exit code ${code}` }))
  child.on('error', (error) => {
    // Emitted for a signal that could not be sent as well.
    if (child.pid === undefined) leave({ kind: 'failed', id, message: error.message })
  })
}

function stop(id: number): void {
  const { child, graceMs } = children.get(id) ?? {}
  if (graceMs !== 0) child?.kill('SIGTERM')
  setTimeout(() => child?.kill('SIGKILL'), graceMs)
}

function end(): void {
  if (ending) return
  ending = true
  for (const id of children.keys()) stop(id)
  leaveWhenAlone()
}

function leaveWhenAlone(): void {
  if (!ending || children.size > 0) return
  rmSync(folder as string, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
}

process.on('message', (order: KeeperOrder) => {
  switch (order.kind) {
    case 'start':
      if (!ending) start(order)
      return
    case 'stop':
      stop(order.id)
      return
    case 'end':
      end()
  }
})
process.on('disconnect', end)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end)
// The channel may have closed before anything listened.
if (!process.connected) end()
