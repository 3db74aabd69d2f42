import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pageOf } from '../../release/facts.mjs'
import { repository } from '../support/handler.js'

const pagesIn = (folder: string, recursive: boolean): readonly string[] =>
  readdirSync(join(repository, folder), { recursive, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)))

const pages = [...pagesIn('.', false), ...pagesIn('docs', true), ...pagesIn('jobs', true)]
const read = (page: string): string => readFileSync(join(repository, page), 'utf8')
const withoutCode = (page: string): string => read(page).replaceAll(/^```.*?^```$/gms, '')

/** As GitHub makes them of headings. */
function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of withoutCode(page).matchAll(/^#+ (.*)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-')
    let anchor = slug
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`
    anchors.add(anchor)
  }
  return anchors
}

const linksOf = (page: string): readonly string[] =>
  [...withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)

/** What the addresses of our own files begin with. */
const online = pageOf('')

describe.each(pages)('%s', (page) => {
  test('Every link leads to a file that is there, and to a heading in it', () => {
    const broken = linksOf(page).filter((target) => {
      const isOurs = target.startsWith(online)
      if (/^[a-z]+:/.test(target) && !isOurs) return false
      const [path = '', anchor] = (isOurs ? target.slice(online.length) : target).split('#')
      const file = path === '' ? page : isOurs ? path : relative(repository, join(repository, dirname(page), path))
      if (!existsSync(join(repository, file))) return true
      return anchor !== undefined && !anchorsOf(file).has(anchor)
    })
    expect(broken).toEqual([])
  })

  test('Every path of the repository that it names is there', () => {
    const named = [...withoutCode(page).matchAll(/`((?:handler|test|jobs|docs)\/[\w./-]+)`/g)].map(
      ([, path = '']) => path,
    )
    expect(named.filter((path) => !existsSync(join(repository, path)))).toEqual([])
  })
})

test('The README of the chart has no link that leads nowhere where it is shown away from the repository', () => {
  expect(linksOf('jobs/chart/README.md').filter((target) => !/^(?:https:|#)/.test(target))).toEqual([])
})
