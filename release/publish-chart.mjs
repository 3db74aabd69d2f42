// Packs the Helm chart, and pushes it as an OCI artefact:
//   node release/publish-chart.mjs --to REGISTRY/FOLDER [--plain-http] OUT
// The archive is left in the folder OUT. It prints REGISTRY/FOLDER/NAME:VERSION@DIGEST. It may be run again: a chart that is
// there already stays as it is. It needs helm.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { commit, manifest, NOT_REPLACED, repository, runStep } from './facts.mjs'
import { published } from './registry.mjs'

await runStep(async () => {
  const { to, isPlain, out } = readArguments()
  const { seconds } = commit()
  mkdirSync(out, { recursive: true })
  const archive = pack(resolve(out), seconds)
  const name = `${to}/${manifest.name}`
  const digest = (await digestOfSame({ archive, name, isPlain })) ?? push({ archive, to, isPlain })
  console.log(`${name}:${manifest.version}@${digest}`)
})

/**
 * The digest of what the registry has for this version, when it is this archive; undefined when it has nothing.
 * @throws Error when it is another one
 */
async function digestOfSame({ archive, name, isPlain }) {
  const chart = await published(name, manifest.version, { isPlain })
  if (chart === undefined) return undefined
  const sum = createHash('sha256').update(readFileSync(archive)).digest('hex')
  if (`${(chart.manifest.layers ?? []).map(({ digest }) => digest)}` === `sha256:${sum}`) return chart.digest
  throw new Error(
    `${name}:${manifest.version} is there already (${chart.digest}), and it is another chart: ${NOT_REPLACED}`,
  )
}

function push({ archive, to, isPlain }) {
  const said = helm('push', archive, `oci://${to}`, ...(isPlain ? ['--plain-http'] : []))
  const digest = /sha256:[0-9a-f]{64}/.exec(said)?.[0]
  if (digest === undefined) throw new Error(`helm push said no digest: ${said}`)
  return digest
}

function readArguments() {
  const options = { to: { type: 'string' }, 'plain-http': { type: 'boolean' } }
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    const { to, 'plain-http': isPlain = false } = values
    if (!/^[^/:]+(:\d+)?(\/[a-z0-9._-]+)+$/.test(to ?? ''))
      throw new Error(`--to ${to}: not of the form REGISTRY/FOLDER`)
    if (positionals.length !== 1) throw new Error('one folder OUT, please')
    return { to, isPlain, out: positionals[0] }
  } catch (error) {
    console.error(`${error.message}\nusage: node release/publish-chart.mjs --to REGISTRY/FOLDER [--plain-http] OUT`)
    process.exit(2)
  }
}

/** Returns the path of the archive. Helm writes the times of files into it: they get that of the commit. */
function pack(out, seconds) {
  const folder = mkdtempSync(join(tmpdir(), 'active-passive-chart-'))
  try {
    const chart = join(folder, manifest.name)
    cpSync(join(repository, 'jobs', 'chart'), chart, { recursive: true })
    for (const entry of readdirSync(chart, { recursive: true, withFileTypes: true })) {
      utimesSync(join(entry.parentPath, entry.name), seconds, seconds)
    }
    helm('lint', '--strict', '--quiet', chart)
    helm('package', chart, '--destination', out)
    const archive = join(out, `${manifest.name}-${manifest.version}.tgz`)
    // The time of the archive becomes that of the artefact.
    utimesSync(archive, seconds, seconds)
    return archive
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What helm says, on both of its outputs: the digest of a push is not always on the same one. */
function helm(...args) {
  try {
    return execFileSync('sh', ['-c', 'exec helm "$@" 2>&1', 'helm', ...args], { encoding: 'utf8' })
  } catch (error) {
    if (error.status === 127) throw new Error('there is no helm on the PATH: https://helm.sh/docs/intro/install/')
    throw new Error(`helm ${args[0]}: ${error.stdout.trim()}`)
  }
}
