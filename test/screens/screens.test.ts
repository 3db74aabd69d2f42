// The screens of docs/screens, from the built program in real pseudo-terminals. `npm run screens` writes them anew.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repository } from '../support/handler.js'
import { DEEDS, LOOKS, type Scene } from './scenes.js'
import { look, page, visible, withoutColors } from './screen.js'
import { buildTown, type Town } from './town.js'

const file = (name: string) => join(repository, 'docs/screens', `${name}.txt`)
const cells = (text: string) => [...text].length
const NARROW = 80
const BROAD = 200

let town: Town
beforeAll(async () => {
  town = await buildTown()
})
afterAll(() => town.close())

const writesOf = (one: Town) =>
  one.api.requests.filter(({ method, query }) => method !== 'GET' && query.dryRun !== 'All')

describe.each(LOOKS)('$name', { concurrent: true, timeout: 60_000 }, ({ name, args }: Scene) => {
  it('looks like its file at 80 columns, and alike in colours', async ({ expect }) => {
    const screen = await look(town, args, { columns: NARROW })
    await expect(page(args, screen)).toMatchFileSnapshot(file(name))
    const colored = await look(town, args, { columns: NARROW, colors: true })
    expect(screen.text).not.toContain('\u001b')
    expect({ ...colored, text: withoutColors(colored.text) }).toEqual(screen)
    if (name === 'status') await expect(visible(page(args, colored))).toMatchFileSnapshot(file(`${name}-colors`))
  })

  it('is as complete when it is piped as at 200 columns, and has no codes', async ({ expect }) => {
    const broad = await look(town, args, { columns: BROAD })
    const piped = await look(town, args, {})
    expect(piped.code).toBe(broad.code)
    expect(piped.text).not.toContain('\u001b')
    if (/^(status|history)/.test(name)) await expect(page(args, broad)).toMatchFileSnapshot(file(`${name}-200`))
    for (const line of tablesOf(broad.text)) expect(cells(line)).toBeLessThanOrEqual(BROAD)
    // The last column may be shorter on the terminal.
    const lines = piped.text.split('\n')
    for (const line of tablesOf(broad.text)) {
      const columns = line.slice(0, Math.max(0, line.lastIndexOf('   ')))
      expect(lines.some((whole) => whole.startsWith(columns))).toBe(true)
    }
  })
})

/** The lines of its tables: their headers are in capitals, and an empty line ends them. */
function tablesOf(text: string): readonly string[] {
  return text.split('\n\n').flatMap((block) => {
    const lines = block.split('\n').filter((line) => line !== '')
    const first = lines.findIndex((line) => /^ *[A-Z-]+…? {2,}[A-Z]/.test(line))
    return first < 0 ? [] : lines.slice(first).filter((line) => !line.startsWith('[exit code'))
  })
}

it('No table is broader than the terminal, however narrow that is', async () => {
  for (const columns of [40, 60, NARROW]) {
    const screens = await Promise.all(
      ['status -A', 'status shop/db', 'check -n shop'].map((args) => look(town, args, { columns })),
    )
    for (const { text } of screens) {
      expect(tablesOf(text).length).toBeGreaterThan(2)
      for (const line of tablesOf(text)) expect(cells(line), line).toBeLessThanOrEqual(columns)
    }
  }
})

it('Nothing of all this has written', () => {
  expect(writesOf(town)).toEqual([])
})

describe.each(DEEDS)('$name', { concurrent: true, timeout: 60_000 }, ({ name, args, typed }: Scene) => {
  it('looks like its file at 80 columns', async ({ expect }) => {
    const own = await buildTown()
    try {
      const screen = await look(own, args, { columns: NARROW }, typed)
      await expect(page(args, screen)).toMatchFileSnapshot(file(name))
      if (typed !== undefined && typed !== 'y\n') expect(writesOf(own)).toEqual([])
      else expect(writesOf(own).length).toBeGreaterThan(0)
      if (typed === '\u0003') expect(screen.code).toBe(130)
    } finally {
      await own.close()
    }
  })
})

it('A switchover whose output is piped asks nobody, and moves the role', async () => {
  const own = await buildTown()
  try {
    const { text, code } = await look(own, 'switchover shop/db', {})
    expect(text).not.toContain('[y/N]')
    expect(code).toBe(0)
    expect(own.api.store.get('pods', 'shop', 'db-1')?.metadata.labels).toMatchObject({ role: 'active' })
  } finally {
    await own.close()
  }
})
