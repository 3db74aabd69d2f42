/** The version is in package.json, and elsewhere as release/version-places.json says. */
import { execFile, execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { repository } from '../support/handler.js'
import { packageVersion } from '../support/package-version.js'

interface Place {
  readonly form: string
  readonly files: readonly string[]
}

const places: readonly Place[] = JSON.parse(await readFile(join(repository, 'release/version-places.json'), 'utf8'))

async function setVersion(root: string, ...args: readonly string[]) {
  const script = join(root, 'release/version.mjs')
  const ended = await promisify(execFile)(process.execPath, [script, ...args], { cwd: root }).catch(
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
  return { code: 'code' in ended ? ended.code : 0, stdout: ended.stdout, stderr: ended.stderr }
}

test('Every place says the version of package.json', async () => {
  expect(await setVersion(repository, '--check')).toMatchObject({ code: 0, stderr: '' })
})

test('No other file has the version in one of these forms: it has to be named in release/version-places.json', () => {
  const options = { cwd: repository, encoding: 'utf8' } as const
  const found = places.flatMap(({ form, files }) => {
    const others = [...files, 'CHANGELOG.md', 'release', 'test'].map((path) => `:!${path}`)
    const text = form.replace('{version}', packageVersion)
    try {
      return execFileSync('git', ['grep', '--untracked', '-nF', text, '--', '.', ...others], options).split('\n')
    } catch (error) {
      if ((error as { readonly status: number }).status === 1) return [] // nothing found
      throw error
    }
  })
  expect(found).toEqual([])
})

describe('npm run set-version', () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'active-passive-version-'))
    const scripts = ['release/version.mjs', 'release/version-places.json']
    const files = ['package.json', 'package-lock.json', ...scripts, ...places.flatMap(({ files }) => files)]
    for (const file of new Set(files)) {
      await mkdir(dirname(join(root, file)), { recursive: true })
      await cp(join(repository, file), join(root, file))
    }
  })
  afterEach(() => rm(root, { recursive: true }))
  const read = (file: string) => readFile(join(root, file), 'utf8')

  test('writes a new version to all places, and to nothing else', async () => {
    expect(await setVersion(root, '9.8.7-rc.1')).toMatchObject({ code: 0, stderr: '' })
    expect(await setVersion(root, '--check')).toMatchObject({ code: 0 })
    for (const { form, files } of places) {
      for (const file of files) expect(await read(file), file).toContain(form.replace('{version}', '9.8.7-rc.1'))
    }
    expect(JSON.parse(await read('package.json')).version).toBe('9.8.7-rc.1')
    const { version, packages } = JSON.parse(await read('package-lock.json'))
    expect([version, packages[''].version]).toEqual(['9.8.7-rc.1', '9.8.7-rc.1'])
    await setVersion(root, packageVersion)
    for (const file of ['package.json', 'package-lock.json', ...places.flatMap(({ files }) => files)]) {
      expect(await read(file), file).toBe(await readFile(join(repository, file), 'utf8'))
    }
  }, 60_000)

  test.each(places.map(({ form, files: [file = ''] }) => [file, form]))(
    '--check names %s where %s says another version',
    async (file, form) => {
      const text = (await read(file)).replace(
        form.replace('{version}', packageVersion),
        form.replace('{version}', '9.8.7'),
      )
      await writeFile(join(root, file), text)
      const { code, stderr } = await setVersion(root, '--check')
      expect(stderr).toMatch(
        new RegExp(`^package\\.json says ${packageVersion}\\. Other versions:\n  ${file}:\\d+: .*9\\.8\\.7`),
      )
      expect(code).toBe(1)
      await setVersion(root)
      expect(await read(file)).toBe(await readFile(join(repository, file), 'utf8'))
    },
  )

  test('--check names the lock', async () => {
    await writeFile(join(root, 'package-lock.json'), (await read('package-lock.json')).replace(packageVersion, '9.8.7'))
    const { code, stderr } = await setVersion(root, '--check')
    expect([code, stderr]).toEqual([1, expect.stringContaining('package-lock.json:3: "version": "9.8.7"')])
  })

  test('names a file that has no such form', async () => {
    await writeFile(join(root, 'Dockerfile'), 'FROM scratch\n')
    expect(await setVersion(root, '--check')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^release\/version-places\.json: Dockerfile has no org\.opencontainers.*: correct the form/,
      ),
    })
  })

  test.each([
    [['v1.0.0'], 'v1.0.0: no version such as 0.2.0'],
    [['1.0'], '1.0: no version such as 0.2.0'],
    [['1.0.0+build'], '1.0.0+build: no version such as 0.2.0'],
    [['1.0.0', '2.0.0'], 'unexpected word 2.0.0'],
    [['--check', '1.0.0'], 'unexpected word 1.0.0'],
    [['--nonsense'], "Unknown option '--nonsense'"],
  ])('is told what is wrong with %j', async (args, message) => {
    const { code, stderr } = await setVersion(root, ...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
    expect(stderr).toContain('usage: npm run set-version -- [--check | VERSION]\n')
  })
})
