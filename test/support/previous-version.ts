/** The version before this one, built from git: what runs in a cluster while somebody upgrades, or goes back. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder, makeOnce } from './cluster/cache.js'
import { repository } from './handler.js'
import { reportSkipped } from './skipped.js'

const run = promisify(execFile)

/** Until a release has a tag: the last commit that knew neither the history of a Service, nor a switchover, nor a pause. */
const BEFORE_TAGS = 'e2e938f452acd16fe419e04e064aed8f46b299df'

export interface PreviousVersion {
  /** The tag of the release before this commit, or a commit. */
  readonly name: string
  /** Path of its main.cjs. */
  readonly program: string
}

/** Builds it, once for a machine; undefined, said loudly, in a checkout that does not have its commit. */
export async function previousVersion(): Promise<PreviousVersion | undefined> {
  const name = (await git('describe', '--tags', '--match=v*', '--abbrev=0', 'HEAD^')) ?? BEFORE_TAGS
  const commit = await git('rev-parse', '--verify', '--quiet', `${name}^{commit}`)
  if (commit === undefined) {
    reportSkipped(
      `NO HISTORY: skipped because this checkout has no commit ${name}: whether the previous version may run beside this ` +
        'one is not tested. In a shallow clone, `git fetch --unshallow` gets it.',
    )
    return undefined
  }
  const folder = join(cacheFolder(), `bundle-${commit.slice(0, 12)}`)
  await makeOnce(folder, async (unfinished) => {
    const source = await mkdtemp(join(tmpdir(), 'active-passive-previous-'))
    try {
      const archive = join(source, 'source.tar')
      const parts = ['handler', 'build.mjs', 'package.json', 'tsconfig.json']
      await run('git', ['-C', repository, 'archive', `--output=${archive}`, commit, ...parts])
      await run('tar', ['-xf', archive, '-C', source])
      await symlink(join(repository, 'node_modules'), join(source, 'node_modules'))
      await run(process.execPath, ['build.mjs', unfinished], { cwd: source })
    } finally {
      await rm(source, { recursive: true })
    }
  })
  return { name, program: join(folder, 'main.cjs') }
}

/** What git prints; undefined where it fails. */
async function git(...args: readonly string[]): Promise<string | undefined> {
  return run('git', ['-C', repository, ...args]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  )
}
