// Publishes the npm package from its tarball:
//   node release/publish-package.mjs TARBALL [--registry URL] [--timeout SECONDS]
// It gets the dist-tag that release/channel.mjs prints. It may be run again: what the registry has already, byte for byte,
// is not sent a second time. In a workflow of GitHub it is published with its provenance. The registry has the timeout for
// each of two answers: whether it has this version, and whether it took it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { channel } from './channel.mjs'
import { manifest, NOT_REPLACED, runStep } from './facts.mjs'
import { request, SECONDS } from './request.mjs'

const USAGE = 'usage: node release/publish-package.mjs TARBALL [--registry URL] [--timeout SECONDS]'

await runStep(async () => {
  const { tarball, registry, seconds } = readArguments()
  const name = `${manifest.name}@${manifest.version}`
  const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`
  const published = await publishedIntegrity(registry, seconds)
  if (published !== undefined && published !== integrity) {
    throw new Error(`${registry} has another ${name} (${published}, and ${tarball} is ${integrity}): ${NOT_REPLACED}`)
  }
  if (published === undefined) publish(resolve(tarball), registry, seconds)
  console.log(`${name} is at ${registry}${published === undefined ? '' : ' already'}: ${integrity}`)
})

function readArguments() {
  const options = { registry: { type: 'string' }, timeout: { type: 'string' } }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const [tarball, ...rest] = positionals
  const { registry = 'https://registry.npmjs.org', timeout = `${SECONDS}` } = values
  if (tarball === undefined || rest.length > 0) throw new Error(USAGE)
  if (!(Number(timeout) > 0)) throw new Error(`--timeout ${timeout}: no number of seconds\n${USAGE}`)
  return { tarball, registry, seconds: Number(timeout) }
}

/** What the registry says of this version; undefined when it does not have it. */
async function publishedIntegrity(registry, seconds) {
  const url = `${registry.replace(/\/$/, '')}/${manifest.name}`
  const { status, body } = await request(url, { seconds })
  if (status === 404) return undefined
  if (status !== 200) throw new Error(`${url}: status ${status}`)
  return JSON.parse(body.toString()).versions?.[manifest.version]?.dist.integrity
}

function publish(tarball, registry, seconds) {
  const provenance = process.env.ACTIONS_ID_TOKEN_REQUEST_URL ? ['--provenance'] : []
  const args = ['publish', tarball, '--registry', registry, '--access', 'public', '--tag', channel(), ...provenance]
  try {
    execFileSync('npm', args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: seconds * 1000,
      killSignal: 'SIGKILL',
    })
  } catch (error) {
    if (error.code !== 'ETIMEDOUT') throw error
    throw new Error(
      `${registry}: npm publish had no answer within ${seconds} s. The version may be there all the same: ` +
        'run this step again, which looks first',
    )
  }
}
