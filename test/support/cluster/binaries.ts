// Kubernetes' own programs, built from the Go module proxy at the versions that `binaries/go.mod` pins, once.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cacheFolder, makeOnce } from './cache.js'

const moduleFolder = fileURLToPath(new URL('./binaries/', import.meta.url))
const goMod = readFileSync(join(moduleFolder, 'go.mod'), 'utf8')

/** The Kubernetes version that go.mod pins, such as `v1.36.3`. */
export const kubernetesVersion = pinned(/^\s*k8s\.io\/kubernetes (v\S+)/m)
/** The Go version that go.mod asks for, such as `1.26.0`. */
export const goVersion = pinned(/^go (\S+)/m)

const binaries = pinned(/^tool \(\n([^)]*)\)/m)
  .trim()
  .split(/\s+/)
const [major, minor] = kubernetesVersion.slice(1).split('.')
const flags = [
  '-trimpath',
  '-ldflags',
  `-s -w ${versionFlags({ gitVersion: kubernetesVersion, gitMajor: major, gitMinor: minor })}`,
]
/** What else would make the result another one, or depend on the machine's settings. */
const environment = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' }

export interface BuildOptions {
  /** Called with each Go package that is compiled; not while modules are downloaded. */
  readonly onPackage?: (name: string) => void
  readonly signal?: AbortSignal
}

/** The folder in which the binaries are, or would be: named after all that decides what they are. */
export function binariesFolder(): string {
  return folderOf('kubernetes', [])
}

/** The same for the reference program, in a folder of its own: a change of its source leaves the binaries alone. */
function referenceFolder(): string {
  return folderOf('reference', [readFileSync(join(moduleFolder, 'reference', 'main.go'), 'utf8')])
}

function folderOf(what: string, sources: readonly string[]): string {
  const inputs = [
    goMod,
    readFileSync(join(moduleFolder, 'go.sum'), 'utf8'),
    flags,
    environment,
    process.platform,
    process.arch,
    ...sources,
  ]
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12)
  return join(cacheFolder(), `${what}-${kubernetesVersion}-${hash}`)
}

/** The folder of the binaries if they have been built: `etcd`, `kube-apiserver`, `kubectl` and so on. */
export function findBinaries(): string | undefined {
  const folder = binariesFolder()
  return existsSync(folder) ? folder : undefined
}

/** The reference program (`binaries/reference/main.go`) if it has been built. */
export function findReference(): string | undefined {
  const program = join(referenceFolder(), 'reference')
  return existsSync(program) ? program : undefined
}

/**
 * Builds the binaries and returns their folder, which appears when it is complete. Takes minutes on an empty cache.
 * @throws Error when Go is missing or too old, or the build fails
 */
export async function buildBinaries(options: BuildOptions = {}): Promise<string> {
  await checkGo()
  const folder = binariesFolder()
  await makeOnce(folder, async (unfinished) => {
    await goBuild(unfinished, binaries, options)
    await rename(join(unfinished, 'server'), join(unfinished, 'etcd'))
  })
  return folder
}

/**
 * Builds the reference program. Takes seconds where the binaries have been built, as it is made of the same packages.
 * @throws Error when Go is missing or too old, or the build fails
 */
export async function buildReference(options: BuildOptions = {}): Promise<void> {
  await checkGo()
  await makeOnce(referenceFolder(), (unfinished) => goBuild(unfinished, ['./reference'], options))
}

async function checkGo(): Promise<void> {
  const remedy = `Install Go ${goVersion} or newer (https://go.dev/dl/).`
  const { code, output } = await go(['env', 'GOVERSION']).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new Error(`Kubernetes is built with Go, and there is no go on the PATH. ${remedy}`)
  })
  const found = /^go(\d+\.\d+(\.\d+)?)/.exec(output.at(-1) ?? '')?.[1]
  if (code !== 0 || (found !== undefined && isOlder(found, goVersion))) {
    throw new Error(`Kubernetes ${kubernetesVersion} needs Go ${goVersion} or newer: ${output.join('\n')}. ${remedy}`)
  }
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}

async function goBuild(
  target: string,
  packages: readonly string[],
  { onPackage, signal }: BuildOptions,
): Promise<void> {
  const isPackage = (line: string) => /^[\w.~/-]+$/.test(line)
  const build = await go(['build', '-v', ...flags, '-o', `${target}/`, ...packages], {
    ...(signal && { signal }),
    onLine: (line) => {
      if (isPackage(line)) onPackage?.(line)
    },
  })
  const complaints = build.output.filter((line) => !isPackage(line)).slice(-20)
  if (build.code !== 0) throw new Error(`go build failed in ${basename(moduleFolder)}/:\n${complaints.join('\n')}`)
}

function go(
  args: readonly string[],
  { signal, onLine }: { readonly signal?: AbortSignal; readonly onLine?: (line: string) => void } = {},
): Promise<{ readonly code: number | null; readonly output: readonly string[] }> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd: moduleFolder,
      env: { ...process.env, ...environment },
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

function versionFlags(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ')
}

function pinned(pattern: RegExp): string {
  const value = pattern.exec(goMod)?.[1]
  if (value === undefined) throw new Error(`binaries/go.mod: nothing matches ${pattern}`)
  return value
}
