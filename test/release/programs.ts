// Programs that the tests of a release run, built once from the Go module proxy at the versions that `programs/go.mod` pins:
// `registry` keeps images and charts in its memory, `actionlint` checks workflows.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheFolder, makeOnce } from '../support/cluster/cache.js'

const run = promisify(execFile)
const moduleFolder = fileURLToPath(new URL('./programs/', import.meta.url))
const flags = ['-trimpath', '-ldflags', '-s -w']
/** What else would make the result another one, or depend on the machine's settings. */
const environment = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' }

/** Named after all that decides what is in it. */
function programsFolder(): string {
  const files = ['go.mod', 'go.sum'].map((name) => readFileSync(join(moduleFolder, name), 'utf8'))
  const inputs = [...files, flags, environment, process.platform, process.arch]
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12)
  return join(cacheFolder(), `release-programs-${hash}`)
}

/** Why the programs can neither be found nor built; undefined when they can. */
export async function whyNoPrograms(): Promise<string | undefined> {
  if (existsSync(programsFolder())) return undefined
  return await run('go', ['version']).then(
    () => undefined,
    () => 'there is no go on the PATH (https://go.dev/dl/)',
  )
}

/**
 * The path of one of them. The first call on a machine builds them all, in half a minute.
 * @throws Error when the build fails
 */
export async function releaseProgram(name: 'registry' | 'actionlint'): Promise<string> {
  const folder = programsFolder()
  await makeOnce(folder, async (unfinished) => {
    const args = ['build', ...flags, '-o', `${unfinished}/`, 'tool']
    await run('go', args, { cwd: moduleFolder, env: { ...process.env, ...environment } })
  })
  return join(folder, name)
}
