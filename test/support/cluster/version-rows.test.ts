import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repository } from '../handler.js'
import { isSupported, NODE_VERSIONS } from '../node-binary.js'
import { newest, releaseNamed, releases } from './binaries.js'
import { nodeRowsOf, type Row, rowsOf, withRows } from './version-rows.js'

const read = (path: string): string => readFileSync(join(repository, path), 'utf8')
const page = read('docs/versions.md')
const readme = read('README.md')
const bare = withRows(page, []).replace(/^\| \d\S* .*\n/gm, '')
const row = (version: string, passed: number): Row => ({ version, passed, failed: 0, skipped: 0, commit: 'abc1234' })

describe('the table of releases of Kubernetes in docs/versions.md', () => {
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
    const [, tested = ''] = /\*\*Kubernetes\*\* \| ([^|]*) \|/.exec(readme) ?? []
    const named = [...tested.matchAll(/1\.\d+/g)].map(([name]) => name).sort()
    const run = rowsOf(page).map(({ version }) => version.replace(/\.\d+$/, ''))
    expect(named).toEqual([...new Set([...run, newest.name])].sort())
  })
})

describe('the table of versions of Node in docs/versions.md', () => {
  const rows = nodeRowsOf(page)

  it('has those that the program is for, and no test that failed or was skipped', () => {
    expect(rows.map(({ version }) => version)).toEqual(NODE_VERSIONS.filter(isSupported))
    expect(rows.filter(({ tests }) => !/^\d+ passed, 0 failed, 0 skipped$/.test(tests))).toEqual([])
  })

  it('begins with the oldest that package.json allows, and has that of the image, as the README says', () => {
    const [oldest = ''] = rows.map(({ version }) => version.replace(/\.\d+$/, ''))
    const [, image = ''] = /^ARG BASE_IMAGE=node:(\d+)/m.exec(read('Dockerfile')) ?? []
    expect(JSON.parse(read('package.json')).engines.node).toBe(`>=${oldest}`)
    expect(rows.map(({ version }) => version.replace(/\..*/, ''))).toContain(image)
    expect(/\*\*Node\*\* \| ([^|]*) \|/.exec(readme)?.[1]).toBe(`${oldest} and later; the image has ${image}`)
  })
})

describe('the pinned releases', () => {
  it('are found by their names, and another name is an error that lists them', () => {
    expect(releases().map(({ name }) => releaseNamed(name).name)).toEqual(releases().map(({ name }) => name))
    expect(releaseNamed(newest.name)).toBe(newest)
    expect(() => releaseNamed('1.12')).toThrow(/Kubernetes 1\.12: no such release is pinned here\. .*cluster:pin/)
  })
})
