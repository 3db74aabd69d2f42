// Makes the release on GitHub, with the files that release/files.mjs left in the folder OUT:
//   node release/announce.mjs OUT
// It may be run again: a release that has these files already stays as it is. It needs gh, with its GH_TOKEN and GH_REPO.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { channel } from './channel.mjs'
import { manifest, NOT_REPLACED, repository, runStep, tag } from './facts.mjs'

await runStep(() => {
  const [out, ...rest] = process.argv.slice(2)
  if (out === undefined || rest.length > 0) throw new Error('usage: node release/announce.mjs OUT')
  const folder = join(resolve(out), 'assets')
  if (present()) {
    const sums = gh('release', 'download', tag, '--pattern', 'SHA256SUMS', '--output', '-')
    if (sums !== readFileSync(join(folder, 'SHA256SUMS'), 'utf8')) {
      throw new Error(`the release ${tag} has other files: ${NOT_REPLACED}`)
    }
    console.log(`${tag} has been announced already`)
    return
  }
  const flags = {
    title: tag,
    'notes-file': join(resolve(out), 'notes.md'),
    prerelease: manifest.version.includes('-'),
    // GitHub would take the youngest for it.
    latest: channel() === 'latest',
  }
  const assets = readdirSync(folder).map((name) => join(folder, name))
  const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  console.log(gh('release', 'create', tag, '--verify-tag', ...words, ...assets).trim())
})

/** Whether there is such a release. @throws Error when it is a draft, which a run has left that ended half way */
function present() {
  let said
  try {
    said = gh('release', 'view', tag, '--json', 'isDraft')
  } catch (error) {
    if (/release not found/.test(error.message)) return false
    throw error
  }
  if (!JSON.parse(said).isDraft) return true
  throw new Error(
    `the release ${tag} is there as a draft: take it away by \`gh release delete ${tag}\`, and run this again`,
  )
}

function gh(...args) {
  try {
    return execFileSync('gh', args, { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error('there is no gh on the PATH: https://cli.github.com')
    throw new Error(`gh ${args.slice(0, 2).join(' ')}: ${error.stderr.trim()}`)
  }
}
