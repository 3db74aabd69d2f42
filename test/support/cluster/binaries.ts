// Kubernetes' own programs, built once from the Go module proxy, at the versions that are pinned in `binaries/`: the release
// that the tests run on by `binaries/go.mod`, and an older one, such as 1.33, by `binaries/1.33/go.mod`.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cacheFolder, makeOnce } from './cache.js'

/** Where the releases are pinned. */
export const pinsFolder = fileURLToPath(new URL('./binaries/', import.meta.url))

/** A release of Kubernetes, as a go.mod pins it. */
export interface Release {
  /** Such as `1.36`. */
  readonly name: string
  /** Such as `v1.36.3`. */
  readonly version: string
  /** The Go version that it is built with, or a newer one: such as `1.26.0`. */
  readonly goVersion: string
  /** The folder of its go.mod. */
  readonly folder: string
}

/** The release on which the tests run, unless they are told another. */
export const newest = releaseIn(pinsFolder)

/** All releases that are pinned, the oldest first. */
export function releases(): readonly Release[] {
  const older = readdirSync(pinsFolder).filter((name) => /^\d+\.\d+$/.test(name))
  return [...older.map((name) => releaseIn(join(pinsFolder, name))), newest].sort((a, b) =>
    isOlder(a.version, b.version) ? -1 : 1,
  )
}

/** The release of this name, such as `1.33`. @throws Error when it is not pinned */
export function releaseNamed(name: string): Release {
  const found = releases().find((release) => release.name === name)
  if (found !== undefined) return found
  const names = releases().map((release) => release.name)
  throw new Error(
    `Kubernetes ${name}: no such release is pinned here. There are ${names.join(', ')}; ` +
      '`npm run cluster:pin -- VERSION` adds one.',
  )
}

const { TEST_KUBERNETES } = process.env
const tested = TEST_KUBERNETES ? releaseNamed(TEST_KUBERNETES) : newest
/** The version that the tests run on, such as `v1.36.3`. */
export const kubernetesVersion = tested.version
/** The Go version that it asks for, such as `1.26.0`. */
export const goVersion = tested.goVersion

/** Whether the tests run on this release, such as `1.34`, or on a newer one: for what older API servers do not have. */
export function isTestedSince(name: string): boolean {
  return !isOlder(tested.name, name)
}

/** What would make the result another one, or depend on the machine's settings. */
const environment = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' }

export interface BuildOptions {
  /** Called with each Go package that is compiled; not while modules are downloaded. */
  readonly onPackage?: (name: string) => void
  readonly signal?: AbortSignal
}

/** The folder in which the binaries are, or would be: named after all that decides what they are. */
export function binariesFolder(release = tested): string {
  return folderOf(release, 'kubernetes', [])
}

/** The same for the reference program, in a folder of its own: a change of its source leaves the binaries alone. */
function referenceFolder(): string {
  return folderOf(newest, 'reference', [readFileSync(join(newest.folder, 'reference', 'main.go'), 'utf8')])
}

function folderOf(release: Release, what: string, sources: readonly string[]): string {
  const inputs = [
    readFileSync(join(release.folder, 'go.mod'), 'utf8'),
    readFileSync(join(release.folder, 'go.sum'), 'utf8'),
    buildFlags(release),
    environment,
    process.platform,
    process.arch,
    ...sources,
  ]
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12)
  return join(cacheFolder(), `${what}-${release.version}-${hash}`)
}

/** The folder of the binaries if they have been built: `etcd`, `kube-apiserver`, `kubectl` and so on. */
export function findBinaries(release = tested): string | undefined {
  const folder = binariesFolder(release)
  return existsSync(folder) ? folder : undefined
}

/** What a user types to have the binaries. */
export function buildCommand(release = tested): string {
  return `npm run cluster -- --build${release === newest ? '' : ` --kubernetes ${release.name}`}`
}

/** The reference program (`binaries/reference/main.go`) if it has been built. It is made of the newest release. */
export function findReference(): string | undefined {
  const program = join(referenceFolder(), 'reference')
  return existsSync(program) ? program : undefined
}

/**
 * Builds the binaries and returns their folder, which appears when it is complete. Takes minutes on an empty cache.
 * @throws Error when Go is missing or too old, or the build fails
 */
export async function buildBinaries(options: BuildOptions = {}, release = tested): Promise<string> {
  await checkGo(release)
  const folder = binariesFolder(release)
  await makeOnce(folder, async (unfinished) => {
    await goBuild(release, unfinished, toolsOf(release), options)
    await rename(join(unfinished, 'server'), join(unfinished, 'etcd'))
  })
  return folder
}

/**
 * Builds the reference program. Takes seconds where the binaries have been built, as it is made of the same packages.
 * @throws Error when Go is missing or too old, or the build fails
 */
export async function buildReference(options: BuildOptions = {}): Promise<void> {
  await checkGo(newest)
  await makeOnce(referenceFolder(), (unfinished) => goBuild(newest, unfinished, ['./reference'], options))
}

async function checkGo({ version, goVersion, folder }: Release): Promise<void> {
  const remedy = `Install Go ${goVersion} or newer (https://go.dev/dl/).`
  const { code, output } = await go(folder, ['env', 'GOVERSION']).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new Error(`Kubernetes is built with Go, and there is no go on the PATH. ${remedy}`)
  })
  const found = /^go(\d+\.\d+(\.\d+)?)/.exec(output.at(-1) ?? '')?.[1]
  if (code !== 0 || (found !== undefined && isOlder(found, goVersion))) {
    throw new Error(`Kubernetes ${version} needs Go ${goVersion} or newer: ${output.join('\n')}. ${remedy}`)
  }
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}

async function goBuild(
  release: Release,
  target: string,
  packages: readonly string[],
  { onPackage, signal }: BuildOptions,
): Promise<void> {
  const isPackage = (line: string) => /^[\w.~/-]+$/.test(line)
  const build = await go(release.folder, ['build', '-v', ...buildFlags(release), '-o', `${target}/`, ...packages], {
    ...(signal && { signal }),
    onLine: (line) => {
      if (isPackage(line)) onPackage?.(line)
    },
  })
  const complaints = build.output.filter((line) => !isPackage(line)).slice(-20)
  if (build.code !== 0) throw new Error(`go build failed in ${basename(release.folder)}/:\n${complaints.join('\n')}`)
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

function buildFlags({ version }: Release): readonly string[] {
  const [major, minor] = version.slice(1).split('.')
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor }
  const definitions = Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  return ['-trimpath', '-ldflags', `-s -w ${definitions.join(' ')}`]
}

/** The packages of its programs. */
function toolsOf({ folder }: Release): readonly string[] {
  return pinned(folder, /^tool \(\n([^)]*)\)/m)
    .trim()
    .split(/\s+/)
}

function releaseIn(folder: string): Release {
  const version = pinned(folder, /^\s*k8s\.io\/kubernetes (v\S+)/m)
  const [name = ''] = /\d+\.\d+/.exec(version) ?? []
  return { name, version, goVersion: pinned(folder, /^go (\S+)/m), folder }
}

function pinned(folder: string, pattern: RegExp): string {
  const value = pattern.exec(readFileSync(join(folder, 'go.mod'), 'utf8'))?.[1]
  if (value === undefined) throw new Error(`${join(folder, 'go.mod')}: nothing matches ${pattern}`)
  return value
}
