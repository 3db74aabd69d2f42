/** The plugin as krew installs it, and as Windows calls it. test/package has it as npm installs it. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { load } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../../support/handler.js'
import { expectPlugin, findKubectl, said } from '../../support/plugin.js'

const run = promisify(execFile)
const kubectl = findKubectl()

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'active-passive-plugin-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('krew', () => {
  let made: string
  beforeAll(async () => {
    made = join(folder, 'krew')
    await run(process.execPath, ['release/krew/build.mjs', '--url', 'https://downloads.test/x/', made], {
      cwd: repository,
    })
  }, 60_000)

  interface Manifest {
    readonly spec: {
      readonly version: string
      readonly platforms: readonly { readonly uri: string; readonly sha256: string; readonly bin: string }[]
    }
  }
  const manifest = async (folder = made) =>
    load(await readFile(join(folder, 'active-passive.yaml'), 'utf8')) as Manifest

  test('has a manifest with the fields that it requires, and the sum of the archive', async () => {
    const { version, homepage } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'))
    const archive = await readFile(join(made, `active-passive-v${version}.tar.gz`))
    expect(await manifest()).toMatchObject({
      apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
      kind: 'Plugin',
      metadata: { name: 'active-passive' },
      spec: {
        version: `v${version}`,
        homepage,
        shortDescription: expect.stringMatching(/^.{1,50}$/),
        description: expect.stringContaining('kubectl active-passive status'),
        platforms: [
          {
            selector: { matchExpressions: [{ key: 'os', operator: 'In', values: ['linux', 'darwin'] }] },
            uri: `https://downloads.test/x/active-passive-v${version}.tar.gz`,
            sha256: createHash('sha256').update(archive).digest('hex'),
            files: [
              { from: 'main.cjs', to: '.' },
              { from: 'program.cjs', to: '.' },
              { from: 'LICENSE', to: '.' },
              { from: 'LICENSES', to: '.' },
            ],
            bin: 'main.cjs',
          },
        ],
      },
    })
  })

  test('has an archive of these files, which is the same each time, and is loaded from the release by default', async () => {
    const archive = (await readdir(made)).find((name) => name.endsWith('.tar.gz')) ?? ''
    const again = join(folder, 'again')
    await run(process.execPath, ['release/krew/build.mjs', again], { cwd: repository })
    expect(await readFile(join(again, archive))).toEqual(await readFile(join(made, archive)))
    const { spec } = await manifest(again)
    const releases = 'https://github.com/active-passive/active-passive/releases/download'
    expect(spec.platforms.map(({ uri }) => uri)).toEqual([`${releases}/${spec.version}/${archive}`])
    const { stdout } = await run('tar', ['tvzf', join(made, archive), '--utc'])
    expect(
      stdout
        .replaceAll(/ +\d+ 1970/g, ' 1970')
        .trim()
        .split('\n'),
    ).toEqual([
      expect.stringMatching(/^-rwxr-xr-x .* 1970-01-01 00:00 main\.cjs$/),
      expect.stringMatching(/^-rw-r--r-- .* 1970-01-01 00:00 program\.cjs$/),
      expect.stringMatching(/^-rw-r--r-- .* 1970-01-01 00:00 LICENSE$/),
      expect.stringMatching(/^-rw-r--r-- .* 1970-01-01 00:00 LICENSES$/),
    ])
  }, 60_000)

  test.skipIf(!kubectl)('installs what kubectl finds, as a link to what the manifest calls bin', async () => {
    const archive = (await readdir(made)).find((name) => name.endsWith('.tar.gz')) ?? ''
    const [store, bin] = [join(folder, 'store'), join(folder, 'krew-bin')]
    for (const one of [store, bin]) await mkdir(one)
    await run('tar', ['xzf', join(made, archive), '-C', store])
    const [platform] = (await manifest()).spec.platforms
    await symlink(join(store, platform?.bin ?? ''), join(bin, 'kubectl-active_passive'))
    await expectPlugin(bin)
  })

  test.each([
    [['--url', 'ftp://x'], '--url ftp://x: no https:// URL'],
    [['a', 'b'], 'unexpected word b: one FOLDER is enough'],
    [['--nonsense'], "Unknown option '--nonsense'"],
  ])('is told what is wrong with %j', async (args, message) => {
    const { code, stderr } = await said(process.execPath, [join(repository, 'release/krew/build.mjs'), ...args], folder)
    expect([code, stderr.split('\n').at(-2)]).toEqual([2, 'usage: npm run krew -- [--url https://HOST/PATH] [FOLDER]'])
    expect(stderr).toContain(message)
  })
})

test('On Windows npm calls each file by its path, whose name says which one it is', async () => {
  const dist = join(folder, 'dist')
  await run(process.execPath, ['build.mjs', dist], { cwd: repository })
  const { stderr } = await said(process.execPath, [join(dist, 'kubectl-active_passive.cjs'), 'statsu'], folder)
  expect(stderr).toMatch(/^kubectl active-passive: /)
})
