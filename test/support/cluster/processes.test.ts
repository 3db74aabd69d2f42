import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from './poll.js'
import { type Keeper, lastLines, type Process, startKeeper } from './processes.js'

let folder: string
let keeper: Keeper

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'active-passive-processes-'))
  keeper = startKeeper(folder)
})
afterEach(() => keeper.end())

test('a process runs in the folder of its keeper and writes to its log', async () => {
  const process = await shell('pwd; echo to stderr >&2')
  expect(await process.exit).toBe('exit code 0')
  expect(await lastLines(process.log)).toBe(`${folder}\nto stderr`)
})

test('a process ends when it is told to', async () => {
  const process = await shell('exec sleep 60')
  await process.stop()
  expect(process.ended).toBe('SIGTERM')
  expect(isAlive(process)).toBe(false)
})

test('a process that ignores SIGTERM is killed when its grace is over', async () => {
  const process = await shell('trap "" TERM; echo ready; while :; do sleep 0.1; done', 200)
  await until('the trap is set', async () => (await lastLines(process.log)) === 'ready' || undefined)
  await process.stop()
  expect(process.ended).toBe('SIGKILL')
})

test('a process gets the signal that it is sent, and goes on', async () => {
  const process = await shell('trap "echo told" USR1; echo ready; while :; do sleep 0.05; done')
  await until('the trap is set', async () => (await lastLines(process.log)) === 'ready' || undefined)
  await process.signal('SIGUSR1')
  await until('it was told', async () => (await lastLines(process.log)) === 'ready\ntold' || undefined)
  expect(process.ended).toBeUndefined()
})

test('the end of a process is told without anybody stopping it', async () => {
  const process = await shell('exit 3')
  expect(await process.exit).toBe('exit code 3')
})

test('a command that does not exist is an error that names it', async () => {
  const command = join(folder, 'no-such-program')
  const start = keeper.run({ name: 'program', command, args: [], log: join(folder, 'log') })
  await expect(start).rejects.toThrow(/^program could not be started: .*no-such-program/)
})

test('a log that cannot be written is an error', async () => {
  const start = keeper.run({ name: 'program', command: 'true', args: [], log: join(folder, 'absent', 'log') })
  await expect(start).rejects.toThrow('program could not be started')
})

test('the end of the keeper is the end of its processes and of its folder', async () => {
  const processes = [await shell('exec sleep 60'), await shell('exec sleep 60')]
  await keeper.end()
  expect(processes.map(isAlive)).toEqual([false, false])
  expect(existsSync(folder)).toBe(false)
})

test('nothing is left of a keeper that was killed itself', async () => {
  const kept = await shell('echo $PPID; exec sleep 60')
  const keeperPid = await until('the PID of the keeper', async () => Number(await lastLines(kept.log)) || undefined)
  process.kill(keeperPid, 'SIGKILL')
  expect(await kept.exit).toBe('SIGKILL')
  await until('the process is gone', () => !isAlive(kept) || undefined)
  await until('the folder is gone', () => !existsSync(folder) || undefined)
})

function shell(script: string, graceMs?: number): Promise<Process> {
  const log = join(folder, `${Math.random()}.log`)
  const command = { name: 'shell', command: 'sh', args: ['-c', script], log }
  return keeper.run(graceMs === undefined ? command : { ...command, graceMs })
}

function isAlive({ pid }: Process): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
