// Makes the image for each platform of the files that release/files.mjs left in the folder OUT, and pushes them as one index:
//   node release/image.mjs OUT --to REGISTRY/NAME [--base IMAGE] [--plain-http]
// It prints REGISTRY/NAME:VERSION@DIGEST. It may be run again: an image that is there already stays as it is. It needs
// buildah. The image is the last stage of the Dockerfile: nothing in that stage runs, so that no processor has to be emulated.
// It runs no code of a dependency, because it runs where there is the right to publish.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { address, commit, manifest, NOT_REPLACED, repository, runStep } from './facts.mjs'
import { published } from './registry.mjs'

const PLATFORMS = ['linux/amd64', 'linux/arm64']

await runStep(async () => {
  const { out, to, base, isPlain } = readArguments()
  const folder = mkdtempSync(join(tmpdir(), 'active-passive-image-'))
  try {
    buildah(folder, '--version') // before anything that takes time
    copyFiles(join(out, 'image'), join(folder, 'files'))
    const image = build({ folder, base, isPlain })
    const digest = (await digestOfSame({ image, to, isPlain })) ?? push({ folder, image, to, isPlain })
    console.log(`${to}:${manifest.version}@${digest}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

function readArguments() {
  const options = { to: { type: 'string' }, base: { type: 'string' }, 'plain-http': { type: 'boolean' } }
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    const { to, base, 'plain-http': isPlain = false } = values
    if (!/^[^/:]+(:\d+)?(\/[a-z0-9._-]+)+$/.test(to ?? '')) throw new Error(`--to ${to}: not of the form REGISTRY/NAME`)
    if (positionals.length !== 1) throw new Error('one folder OUT, please')
    return { out: positionals[0], to, base, isPlain }
  } catch (error) {
    console.error(
      `${error.message}\nusage: node release/image.mjs OUT --to REGISTRY/NAME [--base IMAGE] [--plain-http]`,
    )
    process.exit(2)
  }
}

/** Copies the files, with the same modes for whatever umask or archive they have been through. */
function copyFiles(from, folder) {
  if (!existsSync(from)) throw new Error(`there is no ${from}: node release/files.mjs makes it`)
  cpSync(from, folder, { recursive: true })
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() || entry.name.endsWith('.cjs') ? 0o755 : 0o644)
  }
}

/** Returns the name of the list of images, and the digests of their configurations, which tell of all their files. */
function build({ folder, base, isPlain }) {
  const { revision, seconds, created } = commit()
  const list = `localhost/${manifest.name}:${manifest.version}`
  const labels = {
    source: address,
    revision,
    created,
    url: manifest.homepage,
    version: manifest.version,
    licenses: manifest.license,
  }
  const args = [
    ...['--quiet', '--format', 'oci', '--manifest', list, '--timestamp', `${seconds}`, '--identity-label=false'],
    ...Object.entries(labels).flatMap(([key, value]) => ['--label', `org.opencontainers.image.${key}=${value}`]),
    ...(base ? ['--build-arg', `BASE_IMAGE=${base}`] : []),
    ...(isPlain ? ['--tls-verify=false'] : []),
    ...['--build-context', `build=${join(folder, 'files')}`, '--file', lastStage(folder)],
  ]
  buildah(folder, 'manifest', 'create', list)
  // One after the other: that is their order in the index.
  const configs = PLATFORMS.map((platform) => {
    const idFile = join(folder, 'id')
    buildah(folder, 'build', '--platform', platform, '--iidfile', idFile, ...args, join(folder, 'files'))
    return readFileSync(idFile, 'utf8').trim()
  })
  return { list, configs }
}

/**
 * The digest of the index that the registry has for this version, when it is of the same images; undefined when it has none.
 * Its own digest would not tell: each push may compress the layers in another way.
 * @throws Error when it is of other images
 */
async function digestOfSame({ image, to, isPlain }) {
  const index = await published(to, manifest.version, { isPlain })
  if (index === undefined) return undefined
  const digests = (index.manifest.manifests ?? []).map(({ digest }) => digest)
  const images = await Promise.all(digests.map((digest) => published(to, digest, { isPlain })))
  const configs = images.map((one) => one?.manifest.config?.digest)
  if (`${configs}` === `${image.configs}`) return index.digest
  throw new Error(
    `${to}:${manifest.version} is there already (${index.digest}), and it is another image, by another commit or over ` +
      `another base: ${NOT_REPLACED}`,
  )
}

/** Returns the digest of the index. */
function push({ folder, image, to, isPlain }) {
  const digestFile = join(folder, 'digest')
  const how = [
    '--all',
    '--quiet',
    '--format',
    'oci',
    '--digestfile',
    digestFile,
    ...(isPlain ? ['--tls-verify=false'] : []),
  ]
  buildah(folder, 'manifest', 'push', ...how, image.list, `docker://${to}:${manifest.version}`)
  return readFileSync(digestFile, 'utf8').trim()
}

/** The Dockerfile without the stage that builds: its files are there. */
function lastStage(folder) {
  const text = readFileSync(join(repository, 'Dockerfile'), 'utf8')
  const file = join(folder, 'Dockerfile')
  writeFileSync(file, text.slice(0, text.search(/^FROM /m)) + text.slice(text.lastIndexOf('\nFROM ') + 1))
  return file
}

/** Buildah with a storage of its own: it neither uses nor leaves anything on this machine. */
function buildah(folder, ...args) {
  const storage = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs']
  const env = { ...process.env, BUILDAH_ISOLATION: 'chroot', TMPDIR: folder }
  try {
    execFileSync('buildah', [...storage, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error('there is no buildah on the PATH: apt-get install buildah')
    throw new Error(
      `buildah ${args.slice(0, 2).join(' ')}: ${`${error.stderr}`.trim().split('\n').slice(-20).join('\n')}`,
    )
  }
}
