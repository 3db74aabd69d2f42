// `helm` and `helm-docs`, at the versions that `go.mod` pins.
import { fileURLToPath } from 'node:url'
import { type BuildOptions, buildPrograms, findPrograms, type GoPrograms, pinned } from '../go-programs.js'

const module = fileURLToPath(new URL('.', import.meta.url))
const programs: GoPrograms = {
  name: `helm-${pinned(module, /^\s*helm\.sh\/helm\/v4 (v\S+)/m)}`,
  module,
  packages: ['tool'],
}

/** The folder of `helm` and `helm-docs` if they have been built. */
export function findHelm(): string | undefined {
  return findPrograms(programs)
}

/** Builds them. Takes a minute or two on an empty cache. @throws Error when the build fails */
export async function buildHelm(options?: BuildOptions): Promise<void> {
  await buildPrograms(programs, options)
}
