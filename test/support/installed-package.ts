/** The package as npm packs it, installed in an empty folder. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from './handler.js'

const run = promisify(execFile)

export interface InstalledPackage {
  /** The folder that has `node_modules/active-passive`, and nothing else in `node_modules` but `.bin`. */
  readonly folder: string
  /** The folder that was packed as `dist`, with what is left out of the package. */
  readonly built: string
  /** The path of the archive. */
  readonly archive: string
  /** The paths in the archive, from the root of the package. */
  readonly files: readonly string[]
  remove(): Promise<void>
}

/** Packs and installs without a registry: the package depends on no other. */
export async function installPackage(): Promise<InstalledPackage> {
  const root = await mkdtemp(join(tmpdir(), 'active-passive-package-'))
  // A copy: packing the checkout would build into it, while other tests run what is there.
  const source = join(root, 'source')
  const folder = join(root, 'installed')
  for (const path of [source, folder]) await mkdir(path)
  for (const file of ['package.json', 'LICENSE', 'README.md']) await cp(join(repository, file), join(source, file))
  const { scripts } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'))
  for (const command of scripts.prepack.split(' && ')) {
    const [, script] = /^node (\S+)$/.exec(command) ?? []
    if (script === undefined) throw new Error(`prepack: ${command}: the tests know only of \`node SCRIPT\``)
    await run(process.execPath, [script, join(source, 'dist')], { cwd: repository })
  }
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', root], { cwd: source })
  const [{ filename, files }] = JSON.parse(packed.stdout)
  const archive = join(root, filename)
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const options = ['--offline', '--no-audit', '--no-fund', '--cache', join(root, 'empty-cache')]
  await run('npm', ['install', ...options, archive], { cwd: folder })
  return {
    folder,
    archive,
    built: join(source, 'dist'),
    files: files.map(({ path }: { readonly path: string }) => path),
    remove: () => rm(root, { recursive: true }),
  }
}
