// Programs in Go that the tests run, built once from the Go module proxy, at the versions that a go.mod pins.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { cacheFolder, makeOnce } from './cluster/cache.js'

/** Programs that are built together. */
export interface GoPrograms {
  /** What their folder in the cache is called, before the hash. */
  readonly name: string
  /** The folder of the go.mod that pins them. */
  readonly module: string
  /** What is built: packages, or `tool` for all that the go.mod names as tools. */
  readonly packages: readonly string[]
  /** What the linker sets: `-X NAME=VALUE`. */
  readonly definitions?: readonly string[]
  /** Files of the module that they are made of too, below its folder. */
  readonly sources?: readonly string[]
}

export interface BuildOptions {
  /** Called with each Go package that is compiled; not while modules are downloaded. */
  readonly onPackage?: (name: string) => void
  readonly signal?: AbortSignal
}

/** What would make the result another one, or depend on the machine's settings. */
const environment = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' }

/** The folder in which they are, or would be: named after all that decides what they are. */
export function programsFolder(programs: GoPrograms): string {
  const { name, module, sources = [] } = programs
  const text = (file: string) => readFileSync(join(module, file), 'utf8')
  const inputs = [
    ...['go.mod', 'go.sum'].map(text),
    buildFlags(programs),
    environment,
    process.platform,
    process.arch,
    ...sources.map(text),
  ]
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12)
  return join(cacheFolder(), `${name}-${hash}`)
}

/** The same if they have been built. */
export function findPrograms(programs: GoPrograms): string | undefined {
  const folder = programsFolder(programs)
  return existsSync(folder) ? folder : undefined
}

/**
 * Builds them, unless they have been built, and returns their folder, which appears when it is complete.
 * @param finish changes what has been built before anybody sees it
 * @throws Error when the build fails
 */
export async function buildPrograms(
  programs: GoPrograms,
  options: BuildOptions = {},
  finish?: (unfinished: string) => Promise<void>,
): Promise<string> {
  const folder = programsFolder(programs)
  await makeOnce(folder, async (unfinished) => {
    await goBuild(programs, unfinished, options)
    await finish?.(unfinished)
  })
  return folder
}

async function goBuild(programs: GoPrograms, target: string, { onPackage, signal }: BuildOptions): Promise<void> {
  const { module, packages } = programs
  const isPackage = (line: string) => /^[\w.~/-]+$/.test(line)
  const { code, output } = await go(module, ['build', '-v', ...buildFlags(programs), '-o', `${target}/`, ...packages], {
    ...(signal && { signal }),
    onLine: (line) => {
      if (isPackage(line)) onPackage?.(line)
    },
  })
  const complaints = output.filter((line) => !isPackage(line)).slice(-20)
  if (code !== 0) throw new Error(`go build failed in ${basename(module)}/:\n${complaints.join('\n')}`)
}

function buildFlags({ definitions = [] }: GoPrograms): readonly string[] {
  return ['-trimpath', '-ldflags', ['-s -w', ...definitions].join(' ')]
}

/** What a pattern finds in a go.mod. @throws Error when it finds nothing */
export function pinned(module: string, pattern: RegExp): string {
  const value = pattern.exec(readFileSync(join(module, 'go.mod'), 'utf8'))?.[1]
  if (value === undefined) throw new Error(`${join(module, 'go.mod')}: nothing matches ${pattern}`)
  return value
}

/** Runs go in the folder of a go.mod, and collects what it prints. Rejects where there is no go. */
export function go(
  folder: string,
  args: readonly string[],
  {
    signal,
    onLine,
    env = environment,
  }: {
    readonly signal?: AbortSignal
    readonly onLine?: (line: string) => void
    readonly env?: Readonly<Record<string, string>>
  } = {},
): Promise<{ readonly code: number | null; readonly output: readonly string[] }> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal && { signal }),
    })
    const output: string[] = []
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        output.push(line)
        onLine?.(line)
      })
    }
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}
