// Publishes the npm package from its tarball:
//   node release/publish-package.mjs TARBALL [--registry URL]
// It may be run again: what the registry has already, byte for byte, is not sent a second time. In a workflow of GitHub it
// is published with its provenance.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { manifest, runStep } from './facts.mjs'

await runStep(async () => {
  const { values, positionals } = parseArgs({ options: { registry: { type: 'string' } }, allowPositionals: true })
  const [tarball, ...rest] = positionals
  if (tarball === undefined || rest.length > 0) {
    throw new Error('usage: node release/publish-package.mjs TARBALL [--registry URL]')
  }
  const { registry = 'https://registry.npmjs.org' } = values
  const name = `${manifest.name}@${manifest.version}`
  const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`
  const published = await publishedIntegrity(registry)
  if (published !== undefined && published !== integrity) {
    throw new Error(
      `${registry} has another ${name} (${published}, and ${tarball} is ${integrity}): ` +
        'a version that was published cannot be replaced. Release a new one',
    )
  }
  if (published === undefined) publish(resolve(tarball), registry)
  console.log(`${name} is at ${registry}${published === undefined ? '' : ' already'}: ${integrity}`)
})

/** What the registry says of this version; undefined when it does not have it. */
async function publishedIntegrity(registry) {
  const url = `${registry.replace(/\/$/, '')}/${manifest.name}`
  const response = await fetch(url).catch((error) => {
    throw new Error(`${url}: ${error.cause?.message ?? error.message}`)
  })
  if (response.status === 404) return undefined
  if (!response.ok) throw new Error(`${url}: status ${response.status}`)
  return (await response.json()).versions?.[manifest.version]?.dist.integrity
}

function publish(tarball, registry) {
  // By npm's rules a version such as 0.2.0-rc.1 may not become `latest`.
  const channel = manifest.version.includes('-') ? 'next' : 'latest'
  const provenance = process.env.ACTIONS_ID_TOKEN_REQUEST_URL ? ['--provenance'] : []
  const args = ['publish', tarball, '--registry', registry, '--access', 'public', '--tag', channel, ...provenance]
  execFileSync('npm', args, { stdio: ['ignore', 'inherit', 'inherit'] })
}
