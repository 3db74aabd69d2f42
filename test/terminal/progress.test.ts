// What a terminal is shown of a pass that takes long, by the built program; and that a pipe is shown nothing.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runHandler, startHandler } from '../support/handler.js'
import { type InProcess, startInProcess } from '../support/in-process.js'
import { onTerminal } from '../support/terminal.js'

const ERASED = '\r\u001b[K'
const patience = { timeout: 15_000, interval: 20 }

let world: InProcess
let folder: string
let kubeconfig: string
/** Lets the lists go that are held. */
let letGo: () => void
beforeEach(async () => {
  world = await startInProcess([])
  // A group without pods: nothing is probed, and nothing written.
  world.addService({ name: 'other', selector: { app: 'other', role: 'active' } })
  folder = await mkdtemp(join(tmpdir(), 'terminal-'))
  kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, world.api.kubeconfig)
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  world.api.intercept(async ({ path }) => {
    if (path.endsWith('/pods')) await held
    return undefined
  })
})
afterEach(async () => {
  letGo()
  await world.close()
  await rm(folder, { recursive: true })
})

describe('a pass that takes longer than a second', () => {
  it.each([
    ['', 'run'],
    ['--dry-run', 'dry run'],
  ])('says so on a terminal, on one line that is gone at the end: %s', async (flags) => {
    const output = join(folder, 'stdout')
    const terminal = onTerminal(`node handler ${flags} >${output}`, { env: { KUBECONFIG: kubeconfig } })
    await expect.poll(terminal.screen, patience).toContain('reading the cluster, 2 s')
    letGo()
    await terminal.done
    const screen = terminal.screen()
    const [nothing, ...lines] = screen.split(ERASED)
    expect([nothing, lines.pop()]).toEqual(['', ''])
    for (const line of lines) expect(line).toMatch(/^(reading the cluster|\d of \d groups), \d+ s$/)
    expect(await readFile(output, 'utf8')).toMatch(/^default\/app:\n/)
  })

  it('says how many of the groups were served', async () => {
    world.addPod({ name: 'a' })
    let answer = () => {}
    const held = new Promise<void>((resolve) => {
      answer = resolve
    })
    world.api.intercept(async ({ method }) => {
      if (method === 'PATCH') await held
      return undefined
    })
    letGo()
    const terminal = onTerminal('node handler >/dev/null', { env: { KUBECONFIG: kubeconfig } })
    await expect.poll(terminal.screen, patience).toMatch(/1 of 2 groups, \d+ s/)
    answer()
    expect(await terminal.done).toBe(1)
  })

  it('keeps to the columns of the terminal', async () => {
    const terminal = onTerminal('node handler >/dev/null', { columns: 12, env: { KUBECONFIG: kubeconfig } })
    await expect.poll(terminal.screen, patience).toContain('reading the')
    letGo()
    await terminal.done
    for (const line of terminal.screen().split(ERASED)) expect(line.length).toBeLessThan(12)
  })

  it('prints its report on the terminal, without a rest of the line', async () => {
    const terminal = onTerminal('node handler', { env: { KUBECONFIG: kubeconfig } })
    await expect.poll(terminal.screen, patience).toContain('reading the cluster')
    letGo()
    await terminal.done
    expect(terminal.screen()).toContain(`${ERASED}default/app:\r\n`)
  })

  it.each([{ CI: 'true' }, { TERM: 'dumb' }])('says nothing on a terminal with %j', async (more) => {
    const terminal = onTerminal('node handler >/dev/null', { env: { KUBECONFIG: kubeconfig, ...more } })
    await expect.poll(() => world.api.requests.some(({ path }) => path.endsWith('/pods')), patience).toBe(true)
    await longer()
    letGo()
    await terminal.done
    expect(terminal.screen()).toBe('')
  })

  it('says nothing where stderr is piped', async () => {
    const { done } = startHandler([], { KUBECONFIG: kubeconfig })
    await expect.poll(() => world.api.requests.some(({ path }) => path.endsWith('/pods')), patience).toBe(true)
    await longer()
    letGo()
    expect((await done).stderr).toBe('')
  })
})

describe('a short pass', () => {
  it('leaves no byte on a terminal but its report', async () => {
    letGo()
    const terminal = onTerminal('node handler >/dev/null', { env: { KUBECONFIG: kubeconfig } })
    await terminal.done
    expect(
      terminal
        .screen()
        .replaceAll(ERASED, '')
        .replaceAll(/reading the cluster, \d+ s/g, ''),
    ).toBe('')
    expect((await runHandler([], { KUBECONFIG: kubeconfig })).stderr).toBe('')
  })
})

/** Until another pass, on a terminal, has said twice that it takes long: the one before it had the same time. */
async function longer(): Promise<void> {
  const other = onTerminal('node handler >/dev/null', { env: { KUBECONFIG: kubeconfig } })
  await expect.poll(other.screen, patience).toContain('reading the cluster, 2 s')
  void other.done
}
