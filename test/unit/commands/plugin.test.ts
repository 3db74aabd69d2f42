/** The plugin as users install it: by npm, from krew's archive, and through the links and files that those make. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { load } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findBinaries } from '../../support/cluster/binaries.js'
import { repository } from '../../support/handler.js'
import { reportSkipped } from '../../support/skipped.js'

const run = promisify(execFile)
const kubectl = findBinaries()
if (!kubectl) reportSkipped('No kubectl: whether it finds its plugin is not tested (npm run cluster -- --build).')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'active-passive-plugin-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** What a command says, whatever its exit code is. */
async function said(command: string, args: readonly string[], path: string) {
  const env = { PATH: `${path}:${kubectl}:${process.env.PATH}`, HOME: folder, KUBECONFIG: '/nowhere' }
  const ended = await run(command, args, { env }).catch(
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
  return { code: 'code' in ended ? ended.code : 0, stdout: ended.stdout, stderr: ended.stderr }
}

/** That a folder on PATH has the plugin, for kubectl. */
async function expectPlugin(path: string): Promise<void> {
  expect((await said('kubectl', ['active-passive', 'pause', '--help'], path)).stdout).toContain(
    'kubectl active-passive pause SERVICE [FLAGS]\n',
  )
  expect(await said('kubectl', ['active-passive', 'statsu', '-n', 'a'], path)).toMatchObject({
    code: 2,
    stderr:
      'kubectl active-passive: unknown command "statsu": did you mean kubectl active-passive status [SERVICE]? See kubectl active-passive --help\n',
  })
  expect((await said('kubectl', ['plugin', 'list', '--name-only'], path)).stdout).toContain('kubectl-active_passive\n')
}

describe('npm', () => {
  let bin: string
  beforeAll(async () => {
    // A copy of the package that is built already: packing the checkout would build into it.
    const root = join(folder, 'package')
    const manifest = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'))
    await mkdir(root)
    await run(process.execPath, ['build.mjs', join(root, 'dist')], { cwd: repository })
    // The bundle has its dependencies inside; without them and its scripts npm needs no registry.
    const { name, version, files } = manifest
    await writeFile(join(root, 'package.json'), JSON.stringify({ name, version, files, bin: manifest.bin }))
    const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root })
    const prefix = join(folder, 'prefix')
    const archive = join(folder, stdout.trim())
    await run('npm', ['install', '--global', '--offline', '--no-audit', '--no-fund', '--prefix', prefix, archive])
    bin = join(prefix, 'bin')
  }, 60_000)

  test('installs all three names, each of which knows its own', async () => {
    expect((await readdir(bin)).sort()).toEqual([
      'active-passive',
      'kubectl-active_passive',
      'kubectl_complete-active_passive',
    ])
    expect((await said(join(bin, 'active-passive'), ['statsu'], bin)).stderr).toMatch(
      /^active-passive: .* active-passive status/,
    )
    expect((await said(join(bin, 'kubectl-active_passive'), ['statsu'], bin)).stderr).toMatch(
      /^kubectl active-passive: /,
    )
    expect(await said(join(bin, 'kubectl_complete-active_passive'), ['-n', 'a', 'swi'], bin)).toEqual({
      code: 0,
      stdout: 'switchover\tmove the active role to POD, or to the best candidate\n:4\n',
      stderr: '',
    })
  })

  test.skipIf(!kubectl)('installs what kubectl finds', () => expectPlugin(bin))

  test.skipIf(!kubectl)('installs what kubectl asks for completion', async () => {
    const { stdout } = await said('kubectl', ['__complete', 'active-passive', 'hist'], bin)
    expect(stdout).toBe('history\tshow the last handovers: when, from, to, why\n:4\n')
    const values = await said('kubectl', ['__complete', 'active-passive', 'status', '--output='], bin)
    expect(values.stdout).toBe('--output=text\n--output=wide\n--output=json\n--output=yaml\n:4\n')
  })
})

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
  const manifest = async () => load(await readFile(join(made, 'active-passive.yaml'), 'utf8')) as Manifest

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
              { from: 'LICENSE', to: '.' },
            ],
            bin: 'main.cjs',
          },
        ],
      },
    })
  })

  test('has an archive of the two files, which is the same each time', async () => {
    const archive = (await readdir(made)).find((name) => name.endsWith('.tar.gz')) ?? ''
    const again = join(folder, 'again')
    await run(process.execPath, ['release/krew/build.mjs', again], { cwd: repository })
    expect(await readFile(join(again, archive))).toEqual(await readFile(join(made, archive)))
    const { stdout } = await run('tar', ['tvzf', join(made, archive), '--utc'])
    expect(
      stdout
        .replaceAll(/ +\d+ 1970/g, ' 1970')
        .trim()
        .split('\n'),
    ).toEqual([
      expect.stringMatching(/^-rwxr-xr-x .* 1970-01-01 00:00 main\.cjs$/),
      expect.stringMatching(/^-rw-r--r-- .* 1970-01-01 00:00 LICENSE$/),
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
