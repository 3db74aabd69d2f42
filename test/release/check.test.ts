import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Checkout, changelog, makeCheckout } from './checkout.js'

let checkout: Checkout
beforeEach(async () => {
  checkout = await makeCheckout('1.2.3')
})
afterEach(() => checkout.remove())

const script = (name: string, ...args: readonly string[]) => checkout.script(name, args)

describe('a release', () => {
  test('is made of a commit whose tag, version and changelog agree', async () => {
    const head = await checkout.git('rev-parse', 'HEAD')
    expect(await script('check', 'v1.2.3')).toEqual({ code: 0, stdout: `v1.2.3 is ${head}`, stderr: '' })
  })

  test.each(['v1.2.4', '1.2.3', 'v1.2.3-rc.1'])('is not made of the tag %s', async (tag) => {
    expect(await script('check', tag)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `This cannot be released:\n- the tag is ${tag}, and package.json has version 1.2.3: ` +
        'tag this commit v1.2.3, or set the version of the tag in package.json and tag that commit\n',
    })
  })

  test('is not made of changes that no commit has', async () => {
    await checkout.write('package.json', `${await readFile(join(checkout.path, 'package.json'), 'utf8')}\n`)
    await checkout.write('new.txt', 'new')
    await checkout.git('config', 'status.showUntrackedFiles', 'no')
    const { code, stderr } = await script('check', 'v1.2.3')
    expect([code, stderr]).toEqual([
      1,
      'This cannot be released:\n- the checkout differs from its commit (M package.json, ?? new.txt): ' +
        'commit that, or take it out (git stash --include-untracked)\n',
    ])
  })

  test('names the first five of many changes', async () => {
    for (let n = 1; n <= 7; n++) await checkout.write(`${n}.txt`, '')
    const { stderr } = await script('check', 'v1.2.3')
    expect(stderr).toContain('(?? 1.txt, ?? 2.txt, ?? 3.txt, ?? 4.txt, ?? 5.txt, and 2 more)')
  })

  test.each([
    [
      'without the version',
      changelog('## [1.2.1] - 2026-01-31'),
      'CHANGELOG.md has no heading for 1.2.3: move what is below "## [Unreleased]" to a heading of its own, ' +
        '"## [1.2.3] - YYYY-MM-DD"',
    ],
    [
      'without a word about the version',
      changelog('## [1.2.3] - 2026-01-31', ''),
      'CHANGELOG.md has nothing below "## [1.2.3] - 2026-01-31": say what a user notices of 1.2.3',
    ],
    [
      'without the date of the version',
      changelog('## [1.2.3] - not released yet'),
      'CHANGELOG.md has no date for 1.2.3: write the heading as "## [1.2.3] - YYYY-MM-DD"',
    ],
  ])('is not made with a changelog %s', async (_, text, complaint) => {
    await checkout.write('CHANGELOG.md', text)
    await checkout.commit()
    expect((await script('check', 'v1.2.3')).stderr).toBe(`This cannot be released:\n- ${complaint}\n`)
  })

  test('is rehearsed before the day is known', async () => {
    await checkout.write('CHANGELOG.md', changelog('## [1.2.3] - not released yet'))
    await checkout.commit()
    expect((await script('check', 'v1.2.3', '--rehearsal')).code).toBe(0)
  })

  test('tells of everything at once', async () => {
    await checkout.write('CHANGELOG.md', '# Changelog\n')
    expect((await script('check', 'v2')).stderr.match(/^- /gm)).toHaveLength(3)
  })

  test.each([[[]], [['v1.2.3', 'v1.2.4']], [['--nonsense', 'v1.2.3']]])('takes one tag, and not %j', async (args) => {
    const { code, stderr } = await script('check', ...args)
    expect([code, stderr.split('\n').at(-2)]).toEqual([2, 'usage: node release/check.mjs TAG [--rehearsal]'])
  })
})

describe('notes', () => {
  test('are what the changelog has below the heading of the version', async () => {
    await checkout.write('CHANGELOG.md', changelog('## [1.2.3] - 2026-01-31', '### Added\n\n- This is new.'))
    expect((await script('notes')).stdout).toBe('### Added\n\n- This is new.\n')
  })

  test('of the oldest version end before the links', async () => {
    await checkout.write('CHANGELOG.md', '## [1.2.3] - 2026-01-31\n\n- The first.\n\n[1.2.3]: https://example.com\n')
    expect((await script('notes')).stdout).toBe('- The first.\n')
  })
})
