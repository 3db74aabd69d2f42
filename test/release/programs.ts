// Programs that the tests of a release run, at the versions that `programs/go.mod` pins: `registry` keeps images and charts
// in its memory, `actionlint` checks workflows.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildPrograms, findPrograms, type GoPrograms, go } from '../support/go-programs.js'

const programs: GoPrograms = {
  name: 'release-programs',
  module: fileURLToPath(new URL('./programs/', import.meta.url)),
  packages: ['tool'],
}

/** Why the programs can neither be found nor built; undefined when they can. */
export async function whyNoPrograms(): Promise<string | undefined> {
  if (findPrograms(programs) !== undefined) return undefined
  return await go(programs.module, ['version']).then(
    () => undefined,
    () => 'there is no go on the PATH (https://go.dev/dl/)',
  )
}

/**
 * The path of one of them. The first call on a machine builds them all, in half a minute.
 * @throws Error when the build fails
 */
export async function releaseProgram(name: 'registry' | 'actionlint'): Promise<string> {
  return join(await buildPrograms(programs), name)
}
