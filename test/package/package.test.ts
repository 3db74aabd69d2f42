/** What npm packs, installed in an empty folder without a registry: its files, bins, exports and types. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../support/handler.js'
import { startInProcess } from '../support/in-process.js'
import { type InstalledPackage, installPackage } from '../support/installed-package.js'
import { expectPlugin, findKubectl, said } from '../support/plugin.js'

const run = promisify(execFile)
const kubectl = findKubectl()

let installed: InstalledPackage
beforeAll(async () => {
  installed = await installPackage()
}, 120_000)
afterAll(() => installed?.remove())

const inPackage = (...path: readonly string[]) => join(installed.folder, 'node_modules/active-passive', ...path)
const jsonOf = async (path: string) => JSON.parse(await readFile(path, 'utf8'))

describe('The package', () => {
  test('depends on no other, and says where it comes from', async () => {
    const manifest = await jsonOf(inPackage('package.json'))
    expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key))).toEqual(['devDependencies'])
    expect((await readdir(join(installed.folder, 'node_modules'))).sort()).toEqual([
      '.bin',
      '.package-lock.json',
      'active-passive',
    ])
    expect(manifest).toMatchObject({
      license: 'MIT',
      homepage: expect.stringMatching(/^https:/),
      bugs: { url: expect.stringMatching(/^https:/) },
      repository: { type: 'git', url: expect.stringMatching(/^git\+https:.*\.git$/) },
    })
  })

  test('has the program, the library, its types, the licences and the list of what is in it, and nothing else', () => {
    const kinds = installed.files.map((path) =>
      path.replace(/-[A-Z0-9]{8}\.js/, '-HASH.js').replace(/^dist\/types\/.*\.d\.ts$/, 'dist/types/*.d.ts'),
    )
    expect([...new Set(kinds)].sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist/LICENSES',
      'dist/index-HASH.js',
      'dist/index-HASH.js.map',
      'dist/index.js',
      'dist/index.js.map',
      'dist/kubectl-active_passive.cjs',
      'dist/kubectl_complete-active_passive.cjs',
      'dist/main.cjs',
      'dist/program.cjs',
      'dist/program.cjs.map',
      'dist/sbom.json',
      'dist/types/*.d.ts',
      'package.json',
    ])
  })
})

describe('Its bins', () => {
  const bin = (name: string) => join(installed.folder, 'node_modules/.bin', name)

  test('are three names, each of which knows its own', async () => {
    expect((await readdir(bin('.'))).sort()).toEqual([
      'active-passive',
      'kubectl-active_passive',
      'kubectl_complete-active_passive',
    ])
    expect((await said(bin('active-passive'), ['statsu'], bin('.'))).stderr).toMatch(
      /^active-passive: .* active-passive status/,
    )
    expect((await said(bin('kubectl-active_passive'), ['statsu'], bin('.'))).stderr).toMatch(
      /^kubectl active-passive: /,
    )
    expect(await said(bin('kubectl_complete-active_passive'), ['-n', 'a', 'swi'], bin('.'))).toEqual({
      code: 0,
      stdout: 'switchover\tmove the active role to POD, or to the best candidate\n:4\n',
      stderr: '',
    })
  })

  test('make a pass', async () => {
    const world = await startInProcess()
    try {
      await writeFile(join(installed.folder, 'kubeconfig'), world.api.kubeconfig)
      const flags = ['--kubeconfig', join(installed.folder, 'kubeconfig'), '--health-check', 'ready']
      const { code, stdout } = await said(bin('active-passive'), flags, bin('.'))
      expect(stdout).toContain('app  first no pod is active')
      expect([code, world.actives()]).toEqual([0, ['a']])
    } finally {
      await world.close()
    }
  })

  test.skipIf(!kubectl)('are what kubectl finds', () => expectPlugin(bin('.')))

  test.skipIf(!kubectl)('are what kubectl asks for completion', async () => {
    const { stdout } = await said('kubectl', ['__complete', 'active-passive', 'hist'], bin('.'))
    expect(stdout).toBe('history\tshow the last handovers: when, from, to, why\n:4\n')
    const values = await said('kubectl', ['__complete', 'active-passive', 'status', '--output='], bin('.'))
    expect(values.stdout).toBe('--output=text\n--output=wide\n--output=json\n--output=yaml\n:4\n')
  })
})

describe('A program that imports', () => {
  /** Runs a program in the folder. @returns its output, and the files of the package that it has loaded */
  async function program(code: string, env: Readonly<Record<string, string>> = {}) {
    const coverage = await mkdtemp(join(installed.folder, 'coverage-'))
    await writeFile(join(installed.folder, 'program.mjs'), code)
    const { PATH = '' } = process.env
    const { stdout } = await run(process.execPath, ['program.mjs'], {
      cwd: installed.folder,
      env: { PATH, NODE_V8_COVERAGE: coverage, ...env },
    })
    const reports = await Promise.all((await readdir(coverage)).map((name) => jsonOf(join(coverage, name))))
    const urls: readonly string[] = reports.flatMap(({ result }) => result.map(({ url }: { url: string }) => url))
    const files = urls.filter((url) => url.includes('/active-passive/dist/')).map((url) => fileURLToPath(url))
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
    return { stdout, loaded: texts.join('\n') }
  }

  const PROMETHEUS = 'node_modules/prom-client/'

  test('pass loads nothing that only serve needs', async () => {
    const { stdout, loaded } = await program(`import { pass } from 'active-passive'\nconsole.log(typeof pass)`)
    expect(stdout).toBe('function\n')
    expect(loaded).toContain('handler/pass/pass.ts')
    expect(loaded).not.toContain(PROMETHEUS)
  })

  test('the default export gets the routes of serve', async () => {
    const { stdout, loaded } = await program(
      `import handle from 'active-passive'
      console.log((await handle(new Request('http://localhost/healthz'))).status, typeof handle.fetch)`,
      { AP_INSECURE: 'true' },
    )
    expect(stdout).toBe('200 function\n')
    expect(loaded).toContain(PROMETHEUS)
  })

  test('all that docs/library.md imports makes a pass', async () => {
    const [, code = ''] =
      /```js\n\/\/ one-pass.mjs\n([\s\S]*?)```/.exec(await readFile(join(repository, 'docs/library.md'), 'utf8')) ?? []
    const world = await startInProcess()
    try {
      await writeFile(join(installed.folder, 'kubeconfig'), world.api.kubeconfig)
      const { stdout } = await program(`${code}\nprocess.exitCode = 0 // a dry run with something to do ends with 1`, {
        KUBECONFIG: join(installed.folder, 'kubeconfig'),
      })
      expect(stdout).toMatch(/^app {2}first no pod is active/)
    } finally {
      await world.close()
    }
  })
})

describe('Its types', () => {
  const PROGRAM = `import handle, { connect, createFunction, DEFAULT_SETTINGS, defaultNamespace, exitCode, type Fetch, loadConfig, pass, probe, type Report, systemClock, toJson, toText } from 'active-passive'

export const answer: Promise<Response> = handle(new Request('http://localhost/run', { method: 'POST' }))
export const same: Fetch = handle.fetch
export const other: Fetch = createFunction({ AP_NAMESPACE: 'a,b' })
const cluster = loadConfig({ env: { HOME: '/' } })
const effects = { kube: connect(cluster), clock: systemClock, probe, random: Math.random }
const options = { namespaces: [defaultNamespace(cluster)], services: [], roleLabel: 'role', dryRun: true, deadlineMs: 40_000, concurrency: 64, settings: DEFAULT_SETTINGS }
const report: Report = await pass(options, effects, AbortSignal.timeout(1_000))
export const code: 0 | 1 | 3 = exitCode(report)
export const text: string = toText(report) + toJson(report)
// @ts-expect-error: no request
handle('http://localhost/run')
// @ts-expect-error: not loaded
connect({})
`

  /** What TypeScript says of a program in the folder, which has nothing but this package and what is named. */
  async function errors(options: readonly string[]): Promise<string> {
    await writeFile(join(installed.folder, 'typed.mts'), PROGRAM)
    const tsc = join(repository, 'node_modules/.bin/tsc')
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--skipLibCheck', 'false']
    const modules = ['--target', 'ES2023', '--module', 'NodeNext', '--ignoreConfig', 'typed.mts']
    const { stdout } = await run(tsc, [...strict, ...options, ...modules], { cwd: installed.folder }).catch(
      (error: { readonly stdout: string }) => error,
    )
    return stdout
  }

  test('are right with TypeScript alone, whose own types have Request and Response', async () => {
    expect(await errors(['--lib', 'ES2023,DOM'])).toBe('')
  })

  test('are right with the types of Node', async () => {
    await mkdir(join(installed.folder, 'node_modules/@types'))
    try {
      await symlink(join(repository, 'node_modules/@types/node'), join(installed.folder, 'node_modules/@types/node'))
      expect(await errors(['--lib', 'ES2023', '--types', 'node'])).toBe('')
    } finally {
      await rm(join(installed.folder, 'node_modules/@types'), { recursive: true })
    }
  })

  test('import nothing but each other', async () => {
    const files = installed.files.filter((path) => path.endsWith('.d.ts'))
    const texts = await Promise.all(files.map((path) => readFile(inPackage(path), 'utf8')))
    const imported = texts.flatMap((text) =>
      [...text.matchAll(/(?:from |import\()['"]([^'"]+)['"]/g)].map(([, from]) => from),
    )
    expect(imported.filter((from) => !from?.startsWith('.'))).toEqual([])
    expect(texts.join('')).not.toContain('reference types')
  })
})

describe('What is bundled', () => {
  interface Component {
    readonly name: string
    readonly group?: string
    readonly version: string
    readonly licenses: readonly { readonly license?: { readonly id?: string }; readonly expression?: string }[]
    readonly purl: string
  }
  const nameOf = ({ group, name }: Component) => (group === undefined ? name : `${group}/${name}`)

  /** The folders of the packages of which esbuild has put something into a bundle. */
  async function bundled(): Promise<readonly string[]> {
    const { outputs } = await jsonOf(join(installed.built, 'meta.json'))
    const inputs = Object.values(outputs as Record<string, { inputs: object }>).flatMap((one) =>
      Object.keys(one.inputs),
    )
    const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [])
    return [...new Set(folders)].sort()
  }

  test('is in the list with version and licence, and the text of the licence is in LICENSES', async () => {
    const { components, ...bom } = await jsonOf(inPackage('dist/sbom.json'))
    const licences = await readFile(inPackage('dist/LICENSES'), 'utf8')
    expect(bom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' })
    expect(bom).not.toHaveProperty('serialNumber')
    expect(bom.metadata).not.toHaveProperty('timestamp')
    const { name, version } = await jsonOf(inPackage('package.json'))
    expect(bom.metadata.component).toMatchObject({ name, version })

    const packages = await Promise.all(
      (await bundled()).map((folder) => jsonOf(join(repository, folder, 'package.json'))),
    )
    expect(packages.length).toBeGreaterThan(20)
    const found = (components as readonly Component[]).map((one) => `${nameOf(one)} ${one.version}`)
    expect(found.sort()).toEqual(packages.map((one) => `${one.name} ${one.version}`).sort())
    for (const one of components as readonly Component[]) {
      const [terms] = one.licenses
      expect(terms?.license?.id ?? terms?.expression, nameOf(one)).toMatch(/^[\w.-]+( OR [\w.-]+)*$|^\(.*\)$/)
      const [, text = ''] = licences.split(`\n${nameOf(one)} ${one.version} (`)
      expect(text.split('\n\n\n')[0]?.length, nameOf(one)).toBeGreaterThan(500)
    }
  })

  test('must have a licence text: a package without one is named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'active-passive-sbom-'))
    try {
      const bare = join(folder, 'node_modules/bare')
      await mkdir(bare, { recursive: true })
      await writeFile(join(bare, 'package.json'), '{ "name": "bare", "version": "1.2.3", "license": "MIT" }')
      await writeFile(join(bare, 'index.js'), '')
      const path = join(bare, 'index.js')
      const outputs = { 'out.js': { bytes: 1, imports: [], exports: [], inputs: { [path]: { bytesInOutput: 1 } } } }
      const meta = { inputs: { [path]: { bytes: 1, imports: [] } }, outputs }
      await writeFile(join(folder, 'meta.json'), JSON.stringify(meta))
      const { code, stderr } = await said(process.execPath, [join(repository, 'release/sbom.mjs'), folder], folder)
      expect(stderr).toMatch(/^sbom: a licence or its text is missing in the package of bare 1\.2\.3: /m)
      expect(code).toBe(1)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
