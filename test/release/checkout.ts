// A checkout of one commit, with the scripts of release/ and a version of its own: what they decide by git and package.json.
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from '../support/handler.js'

const run = promisify(execFile)

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Checkout {
  readonly path: string
  write(path: string, text: string): Promise<void>
  /** Runs git in it; resolves with what it printed. */
  git(...args: readonly string[]): Promise<string>
  /** Commits all that there is. */
  commit(): Promise<void>
  /** Runs a script of its release/, from elsewhere. */
  script(name: string, args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>
  remove(): Promise<void>
}

/** A changelog whose second heading is this one. */
export function changelog(heading: string, text = '- This is new.'): string {
  return ['# Changelog', '## [Unreleased]', heading, text, '## [1.2.2] - 2026-01-01', '- That was new.', ''].join(
    '\n\n',
  )
}

/** The version is 1.2.3 unless another is given. */
export async function makeCheckout(version = '1.2.3'): Promise<Checkout> {
  const path = await mkdtemp(join(tmpdir(), 'active-passive-checkout-'))
  const write = (name: string, text: string) => writeFile(join(path, name), text)
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false']
  const git = async (...args: readonly string[]) => (await run('git', ['-C', path, ...who, ...args])).stdout
  const commit = async () => {
    await git('add', '--all')
    await git('commit', '--quiet', '--message', 'test')
  }
  await cp(join(repository, 'release'), join(path, 'release'), { recursive: true })
  const manifest = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'))
  await write('package.json', JSON.stringify({ ...manifest, version }))
  await write('CHANGELOG.md', changelog(`## [${version}] - 2026-01-31`))
  await git('init', '--quiet')
  await commit()
  const script = (name: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
    runScript(join(path, 'release', `${name}.mjs`), args, { cwd: tmpdir(), env })
  return { path, write, git, commit, script, remove: () => rm(path, { recursive: true }) }
}

/** Runs a script with Node, whatever its exit code. */
export async function runScript(
  path: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Ended> {
  const ended = await run(process.execPath, [path, ...args], { cwd, env: { ...process.env, ...env } }).catch(
    (error: Ended) => error,
  )
  return { code: 'code' in ended ? ended.code : 0, stdout: ended.stdout, stderr: ended.stderr }
}

/** Packs a package with the name of ours; resolves with the path of the tarball, in a folder of its own. */
export async function pack(
  folder: string,
  { version, text = '' }: { readonly version: string; readonly text?: string },
): Promise<string> {
  const root = await mkdtemp(join(folder, 'package-'))
  await writeFile(join(root, 'package.json'), JSON.stringify({ name: 'active-passive', version }))
  await writeFile(join(root, 'text'), text)
  const { stdout } = await run('npm', ['pack', '--silent'], { cwd: root })
  return join(root, stdout.trim())
}
