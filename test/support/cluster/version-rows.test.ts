import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repository } from '../handler.js'
import { newest, releaseNamed, releases } from './binaries.js'
import { type Row, rowsOf, withRows } from './version-rows.js'

const page = readFileSync(join(repository, 'docs/versions.md'), 'utf8')
const bare = withRows(page, []).replace(/^\| \d\S* .*\n/gm, '')
const row = (version: string, passed: number): Row => ({ version, passed, failed: 0, skipped: 0, commit: 'abc1234' })

describe('the table of docs/versions.md', () => {
  it('gets rows in the order of their releases, takes another one of the same release in place, and keeps the rest', () => {
    const first = withRows(bare, [row('1.36.3', 3), row('1.31.14', 1)])
    expect(rowsOf(first)).toEqual([row('1.31.14', 1), row('1.36.3', 3)])
    const second = withRows(first, [row('1.31.15', 2)])
    expect(rowsOf(second)).toEqual([row('1.31.15', 2), row('1.36.3', 3)])
    const lines = second.split('\n').filter((line) => !/^\| 1\.3/.test(line))
    expect(lines.join('\n')).toBe(bare)
  })

  it('has nothing but the releases that are pinned, and no test that failed', () => {
    const pins = releases().map(({ version }) => version)
    expect(rowsOf(page).filter(({ version }) => !pins.includes(`v${version}`))).toEqual([])
    expect(rowsOf(page).filter(({ failed }) => failed > 0)).toEqual([])
  })

  it('is what the README says', () => {
    const [, tested = ''] =
      /\*\*Kubernetes\*\* \| ([^|]*) \|/.exec(readFileSync(join(repository, 'README.md'), 'utf8')) ?? []
    const named = [...tested.matchAll(/1\.\d+/g)].map(([name]) => name).sort()
    const run = rowsOf(page).map(({ version }) => version.replace(/\.\d+$/, ''))
    expect(named).toEqual([...new Set([...run, newest.name])].sort())
  })
})

describe('the pinned releases', () => {
  it('are found by their names, and another name is an error that lists them', () => {
    expect(releases().map(({ name }) => releaseNamed(name).name)).toEqual(releases().map(({ name }) => name))
    expect(releaseNamed(newest.name)).toBe(newest)
    expect(() => releaseNamed('1.12')).toThrow(/Kubernetes 1\.12: no such release is pinned here\. .*cluster:pin/)
  })
})
