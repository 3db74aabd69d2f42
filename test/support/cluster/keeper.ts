// A process of its own that is the parent of a cluster's processes. It ends when the process that started it does, in
// whatever way that happens (SIGKILL included: the IPC channel closes), and takes with it the processes and their
// folder. So an interrupted test run leaves nothing behind. `processes.ts` is the other end of the channel.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { removeControlGroups } from './control-groups.js'
import type { KeeperEvent, KeeperOrder } from './processes.js'

const [folder, cgroup] = process.argv.slice(2)
if (folder === undefined || process.send === undefined) {
  throw new Error('started by processes.ts only')
}

interface Child {
  readonly child: ChildProcess
  readonly graceMs: number
  readonly wrapper: boolean
}

const children = new Map<number, Child>()
let ending = false

function tell(event: KeeperEvent): void {
  // Nobody listens any more once the channel is closed; `disconnect` is on its way then.
  if (process.connected) process.send?.(event, () => undefined)
}

function start({ id, command, args, log, graceMs, wrapper }: Extract<KeeperOrder, { kind: 'start' }>): void {
  let output: number
  try {
    output = openSync(log, 'a')
  } catch (error) {
    tell({ kind: 'failed', id, message: error instanceof Error ? error.message : String(error) })
    return
  }
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', output, output] })
  closeSync(output)
  children.set(id, { child, graceMs, wrapper })
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
  const kept = children.get(id)
  if (kept === undefined) return
  if (kept.graceMs !== 0) signal(kept, 'SIGTERM')
  setTimeout(() => signal(kept, 'SIGKILL'), kept.graceMs)
  // A wrapper that does not notice is no reason to wait for ever.
  setTimeout(() => kept.child.kill('SIGKILL'), kept.graceMs + 5_000)
}

function signal({ child, wrapper }: Child, name: NodeJS.Signals): void {
  const wrapped = wrapper ? childOf(child) : undefined
  if (wrapped === undefined) child.kill(name)
  else {
    process.kill(wrapped, name)
    child.kill('SIGCONT') // nsenter stops itself when its child is stopped, and would not see it end
  }
}

/** The process that a wrapper has started and waits for; undefined before that, and when it has ended. */
function childOf({ pid, exitCode, signalCode }: ChildProcess): number | undefined {
  if (pid === undefined || exitCode !== null || signalCode !== null) return undefined
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    return first ? Number(first) : undefined
  } catch {
    return undefined
  }
}

function end(): void {
  if (ending) return
  ending = true
  for (const id of children.keys()) stop(id)
  leaveWhenAlone()
}

function leaveWhenAlone(): void {
  if (!ending || children.size > 0) return
  if (cgroup !== undefined) removeControlGroups(cgroup)
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
    case 'signal': {
      const kept = children.get(order.id)
      if (kept !== undefined) signal(kept, order.signal)
      tell({ kind: 'signalled', id: order.id })
      return
    }
    case 'end':
      end()
  }
})
process.on('disconnect', end)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end)
// The channel may have closed before anything listened.
if (!process.connected) end()
