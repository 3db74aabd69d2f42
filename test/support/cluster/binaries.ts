// Kubernetes' own programs, built once from the Go module proxy, at the versions that are pinned in `binaries/`: the release
// that the tests run on by `binaries/go.mod`, and an older one, such as 1.33, by `binaries/1.33/go.mod`.
import { readdirSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type BuildOptions,
  buildPrograms,
  findPrograms,
  type GoPrograms,
  go,
  pinned,
  programsFolder,
} from '../go-programs.js'

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

/** Kubernetes' programs of a release. */
function programsOf(release: Release): GoPrograms {
  return { ...common(release), name: `kubernetes-${release.version}`, packages: ['tool'] }
}

/** The same for the reference program, in a folder of its own: a change of its source leaves the binaries alone. */
const reference: GoPrograms = {
  ...common(newest),
  name: `reference-${newest.version}`,
  packages: ['./reference'],
  sources: ['reference/main.go', 'reference/grpc.go'],
}

function common({ version, folder }: Release): Pick<GoPrograms, 'module' | 'definitions'> {
  const [major, minor] = version.slice(1).split('.')
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor }
  const definitions = Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  return { module: folder, definitions }
}

/** The folder in which the binaries are, or would be. */
export function binariesFolder(release = tested): string {
  return programsFolder(programsOf(release))
}

/** The folder of the binaries if they have been built: `etcd`, `kube-apiserver`, `kubectl` and so on. */
export function findBinaries(release = tested): string | undefined {
  return findPrograms(programsOf(release))
}

/** What a user types to have the binaries. */
export function buildCommand(release = tested): string {
  return `npm run cluster -- --build${release === newest ? '' : ` --kubernetes ${release.name}`}`
}

/** The reference program (`binaries/reference/`) if it has been built. It is made of the newest release. */
export function findReference(): string | undefined {
  const folder = findPrograms(reference)
  return folder && join(folder, 'reference')
}

/**
 * Builds the binaries and returns their folder, which appears when it is complete. Takes minutes on an empty cache.
 * @throws Error when Go is missing or too old, or the build fails
 */
export async function buildBinaries(options: BuildOptions = {}, release = tested): Promise<string> {
  await checkGo(release)
  return await buildPrograms(programsOf(release), options, (unfinished) =>
    rename(join(unfinished, 'server'), join(unfinished, 'etcd')),
  )
}

/**
 * Builds the reference program. Takes seconds where the binaries have been built, as it is made of the same packages.
 * @throws Error when Go is missing or too old, or the build fails
 */
export async function buildReference(options: BuildOptions = {}): Promise<void> {
  await checkGo(newest)
  await buildPrograms(reference, options)
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

function releaseIn(folder: string): Release {
  const version = pinned(folder, /^\s*k8s\.io\/kubernetes (v\S+)/m)
  const [name = ''] = /\d+\.\d+/.exec(version) ?? []
  return { name, version, goVersion: pinned(folder, /^go (\S+)/m), folder }
}
