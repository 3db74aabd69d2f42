import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { repository } from '../support/handler.js'

const run = promisify(execFile)

/** A checkout of one commit, with version 1.2.3. */
let checkout: string
beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'active-passive-check-'))
  await cp(join(repository, 'release'), join(checkout, 'release'), { recursive: true })
  const manifest = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'))
  await write('package.json', JSON.stringify({ ...manifest, version: '1.2.3' }))
  await write('CHANGELOG.md', changelog('## [1.2.3] - 2026-01-31'))
  await run('git', ['init', '--quiet', checkout])
  await commit()
})
afterEach(() => rm(checkout, { recursive: true }))

const write = (path: string, text: string): Promise<void> => writeFile(join(checkout, path), text)

function changelog(heading: string, text = '- This is new.'): string {
  return ['# Changelog', '## [Unreleased]', heading, text, '## [1.2.2] - 2026-01-01', '- That was new.', ''].join(
    '\n\n',
  )
}

async function commit(): Promise<void> {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false']
  await run('git', ['-C', checkout, 'add', '--all'])
  await run('git', ['-C', checkout, ...who, 'commit', '--quiet', '--message', 'test'])
}

async function script(name: string, ...args: readonly string[]) {
  const ended = await run(process.execPath, [join(checkout, 'release', `${name}.mjs`), ...args], {
    cwd: tmpdir(),
  }).catch((error: { code: number; stdout: string; stderr: string }) => error)
  return { code: 'code' in ended ? ended.code : 0, stdout: ended.stdout, stderr: ended.stderr }
}

describe('a release', () => {
  test('is made of a commit whose tag, version and changelog agree', async () => {
    const { stdout: head } = await run('git', ['-C', checkout, 'rev-parse', 'HEAD'])
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
    await write('package.json', `${await readFile(join(checkout, 'package.json'), 'utf8')}\n`)
    await write('new.txt', 'new')
    await run('git', ['-C', checkout, 'config', 'status.showUntrackedFiles', 'no'])
    const { code, stderr } = await script('check', 'v1.2.3')
    expect([code, stderr]).toEqual([
      1,
      'This cannot be released:\n- the checkout differs from its commit (M package.json, ?? new.txt): ' +
        'commit that, or take it out (git stash --include-untracked)\n',
    ])
  })

  test('names the first five of many changes', async () => {
    for (let n = 1; n <= 7; n++) await write(`${n}.txt`, '')
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
    await write('CHANGELOG.md', text)
    await commit()
    expect((await script('check', 'v1.2.3')).stderr).toBe(`This cannot be released:\n- ${complaint}\n`)
  })

  test('is rehearsed before the day is known', async () => {
    await write('CHANGELOG.md', changelog('## [1.2.3] - not released yet'))
    await commit()
    expect((await script('check', 'v1.2.3', '--rehearsal')).code).toBe(0)
  })

  test('tells of everything at once', async () => {
    await write('CHANGELOG.md', '# Changelog\n')
    expect((await script('check', 'v2')).stderr.match(/^- /gm)).toHaveLength(3)
  })

  test.each([[[]], [['v1.2.3', 'v1.2.4']], [['--nonsense', 'v1.2.3']]])('takes one tag, and not %j', async (args) => {
    const { code, stderr } = await script('check', ...args)
    expect([code, stderr.split('\n').at(-2)]).toEqual([2, 'usage: node release/check.mjs TAG [--rehearsal]'])
  })
})

describe('notes', () => {
  test('are what the changelog has below the heading of the version', async () => {
    await write('CHANGELOG.md', changelog('## [1.2.3] - 2026-01-31', '### Added\n\n- This is new.'))
    expect((await script('notes')).stdout).toBe('### Added\n\n- This is new.\n')
  })

  test('of the oldest version end before the links', async () => {
    await write('CHANGELOG.md', '## [1.2.3] - 2026-01-31\n\n- The first.\n\n[1.2.3]: https://example.com\n')
    expect((await script('notes')).stdout).toBe('- The first.\n')
  })
})
