import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inLanes } from './lanes.js'
import { cellsOf, dataOf, pageOf, type Result, read, write } from './results.js'
import { kinds, scenarios } from './scenarios/index.js'

const turn = { ready: true, late: false }
const result: Result = {
  commit: 'abc1234',
  at: '2026-11-29T06:00:00.000Z',
  moves: 1,
  path: [
    { pod: '0', ...turn },
    { pod: '1', ...turn },
  ],
  withoutS: 2.25,
  avoidableS: 1.1,
  longestAvoidableS: 1.06,
  failingS: 0,
  twoS: 0,
  actives: 1,
}
const few = [{ title: 'Deletions', scenarios: [{ name: 'deleted', what: 'it is deleted' }] }]

describe('the results of bench:workloads', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'active-passive-results-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('are a row for each scenario, with what was before and what is now', () => {
    expect(pageOf({ deleted: { before: { ...result, moves: 3 }, after: result } }, few)).toContain(
      '| **deleted** it is deleted | 3: 0 → 1 | 2.3 | 1.1 | 0.0 | 1: 0 → 1 | 2.3 | 1.1 | 0.0 |',
    )
  })

  it('leave empty what was not measured, and say what could not be', () => {
    const after = { commit: 'abc1234', at: '', failed: 'no pod\nat | all' }
    expect(pageOf({ deleted: { after } }, few)).toContain(
      '| **deleted** it is deleted |  |  |  |  | not measured: no pod at / all |  |  |  |',
    )
  })

  it('mark an avoidable outage that is longer than what kube-proxy takes', () => {
    expect(cellsOf({ ...result, longestAvoidableS: 1.5 })[2]).toBe('**1.1**')
  })

  it('mark what must never be: two active pods, or two that answer in turns', () => {
    expect(cellsOf({ ...result, actives: 2 })[0]).toBe('**two at once**, 1: 0 → 1')
    expect(cellsOf({ ...result, twoS: 0.1 })[0]).toBe('**two at once**, 1: 0 → 1')
  })

  it('say who was not Ready, who came late, and no more of many turns than the first', () => {
    const path = [
      { pod: '0', ready: false, late: false },
      { pod: '1', ready: false, late: true },
    ]
    expect(cellsOf({ ...result, path })[0]).toBe('1: 0 → 1 (not Ready, late)')
    const long = Array.from({ length: 20 }, (_, n) => ({ pod: `${n % 2}`, ...turn }))
    expect(cellsOf({ ...result, moves: 19, path: long })[0]).toBe('19: 0 → 1 → 0 → 1 → 0 → 1 → 0 → 1 → …')
  })

  it('keep the other column, and the other scenarios, from one run to the next', async () => {
    const page = join(folder, 'workloads.md')
    expect(await read(page)).toEqual({})
    await write(page, { deleted: { before: result } }, few)
    const found = await read(page)
    expect(found).toEqual({ deleted: { before: result } })
    await write(page, { ...found, deleted: { ...found.deleted, after: result } }, few)
    expect(await read(page)).toEqual({ deleted: { before: result, after: result } })
    expect((await readdir(folder)).sort()).toEqual(['workloads.json', 'workloads.md'])
    expect(await readFile(page, 'utf8')).toContain('after: commit abc1234')
  })

  it('are not overwritten where the data is damaged', async () => {
    const page = join(folder, 'workloads.md')
    await writeFile(join(folder, 'workloads.json'), '{')
    await expect(read(page)).rejects.toThrow(`${join(folder, 'workloads.json')} is no JSON: delete it, or get it back`)
  })

  it('are a line each in the data, in the order of the table', () => {
    const results = Object.fromEntries(scenarios.map(({ name }) => [name, { after: result }]).reverse())
    const data = dataOf(results, kinds)
    expect(Object.keys(JSON.parse(data))).toEqual(scenarios.map(({ name }) => name))
    expect(data.split('\n').filter((line) => line.includes('"commit"'))).toHaveLength(scenarios.length)
  })
})

describe('the scenarios', () => {
  it('have names of their own, which may be names of namespaces, and say what happens', () => {
    const names = scenarios.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { name, what } of scenarios) {
      expect(name).toMatch(/^[a-z][a-z0-9-]{1,62}$/)
      expect(what).toMatch(/^[^|\n]{20,}$/)
    }
  })
})

describe('lanes', () => {
  const started: string[] = []
  const ends = new Map<string, () => void>()
  const begin = (scenarios: readonly { readonly name: string; readonly alone?: boolean }[]) => {
    started.length = 0
    return inLanes(2, scenarios, ({ name }) => {
      started.push(name)
      return new Promise((resolve) => ends.set(name, resolve))
    })
  }
  const end = async (name: string) => {
    ends.get(name)?.()
    await new Promise(setImmediate)
  }

  it('hold as many scenarios as there are lanes, in their order', async () => {
    const done = begin([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
    expect(started).toEqual(['a', 'b'])
    await end('b')
    expect(started).toEqual(['a', 'b', 'c'])
    await end('a')
    await end('c')
    await done
  })

  it('never hold two that take a node out of service, and miss none', async () => {
    const done = begin([{ name: 'a', alone: true }, { name: 'b', alone: true }, { name: 'c' }])
    expect(started).toEqual(['a', 'c'])
    await end('c')
    expect(started).toEqual(['a', 'c'])
    await end('a')
    expect(started).toEqual(['a', 'c', 'b'])
    await end('b')
    await done
  })
})
