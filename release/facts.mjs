// What every step of a release needs to know of the package and of the commit that it is made of.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the checkout. */
export const repository = fileURLToPath(new URL('..', import.meta.url))

/** package.json, as data. */
export const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))

/** `v0.1.0`. */
export const tag = `v${manifest.version}`

/** `https://HOST/OWNER/NAME`: where the repository is. */
export const address = manifest.repository.url.replace(/^git\+/, '').replace(/\.git$/, '')

/** What a step says behind what it has found, when another release has this version. */
export const NOT_REPLACED = 'a version that was published cannot be replaced. Release a new one'

/** The page of a file of the repository, as of this version. */
export function pageOf(path) {
  return `${address}/blob/${tag}/${path}`
}

/** The output of git in the checkout. */
export function git(...args) {
  return execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trimEnd()
}

/** The commit, and its time: in seconds, and as RFC 3339 has it. Nothing in a release tells of another time. */
export function commit() {
  const seconds = Number(git('log', '-1', '--format=%ct'))
  const created = new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
  return { revision: git('rev-parse', 'HEAD'), seconds, created }
}

/** Runs the main function of a script: an error is its message, and exit code 1. */
export async function runStep(main) {
  try {
    await main()
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
