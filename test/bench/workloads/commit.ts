// Which handler was measured.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The commit that a checkout is at, with `+` where its handler was changed since. `unknown`: it is no checkout. */
export async function commitOf(folder: string): Promise<string> {
  const git = async (...args: readonly string[]): Promise<string> =>
    (await run('git', ['-C', folder, ...args])).stdout.trim()
  try {
    const changed = await git('status', '--porcelain', '--', 'handler', 'build.mjs')
    return `${await git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`
  } catch {
    return 'unknown'
  }
}
