// The images that a node of the tests runs. Nothing is pulled: Node's own binary comes from the npm registry, the C
// library from this machine, and the program's image is built from the repository's Dockerfile over that.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheFolder, makeOnce } from '../cluster/cache.js'
import { lastLines, startKeeper } from '../cluster/processes.js'
import { nodeBinary } from '../node-binary.js'
import { packageVersion } from '../package-version.js'
import { pauseImage } from './node-components.js'
import { requireNode } from './requirements.js'

const run = promisify(execFile)
const repository = fileURLToPath(new URL('../../..', import.meta.url))

/** Node as the images have it: the one that the Dockerfile names. */
export const nodeVersion = '26.10.0'

/** The name under which pods find Node and nothing else, not even a shell: as a registry would have it. */
const nodeImage = 'docker.io/library/node:26-slim'
/** The same with npm and a shell, to build with. */
const buildImage = 'localhost/build:1'
/** The name under which jobs/ refers to the program. */
const programImage = `docker.io/library/active-passive:${packageVersion}`

/**
 * The archives of all images, for the nodes to import. Builds what is not there yet.
 * @throws Error when this machine can have no node, or a build fails
 */
export async function prepareImages(): Promise<readonly string[]> {
  requireNode()
  return [await prepare(pause()), await prepare(await node()), await prepare(await program())]
}

/** One image, and how it is made. */
interface Recipe {
  readonly name: string
  /** All that decides what comes out. */
  readonly inputs: readonly (string | Buffer)[]
  /** Makes the image under its name. */
  build(workshop: Workshop): Promise<void>
}

async function prepare({ name, inputs, build }: Recipe): Promise<string> {
  const hash = createHash('sha256')
  const ownText = await readFile(fileURLToPath(import.meta.url))
  for (const input of [name, process.arch, ownText, ...inputs]) hash.update(input).update('\0')
  const image = name.replace(/^.*\//, '').replace(/:.*/, '')
  const folder = join(cacheFolder(), 'images', `${image}-${hash.digest('hex').slice(0, 12)}`)
  await makeOnce(folder, async (unfinished) => {
    await inWorkshop(async (workshop) => {
      await build(workshop)
      await workshop.buildah('push', '--quiet', name, `oci-archive:${join(unfinished, `${image}.tar`)}:${name}`)
    })
  })
  return join(folder, `${image}.tar`)
}

/** Buildah with a storage of its own, which is gone afterwards, even if we are killed meanwhile. */
export interface Workshop {
  readonly folder: string
  /** @throws Error with the end of what it said */
  buildah(...args: readonly string[]): Promise<void>
}

/** Calls `use` with a workshop of its own. */
export async function inWorkshop(use: (workshop: Workshop) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-images-'))
  const keeper = startKeeper(folder)
  const storage = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs']
  const settings = ['BUILDAH_ISOLATION=chroot', `TMPDIR=${folder}`]
  const log = join(folder, 'buildah.log')
  try {
    await use({
      folder,
      buildah: async (...args) => {
        const all = [...settings, 'buildah', ...storage, ...args]
        const how = await (await keeper.run({ name: 'buildah', command: 'env', args: all, log })).exit
        if (how !== 'exit code 0') throw new Error(`buildah ${args[0]} (${how}): ${await lastLines(log, 20)}`)
      },
    })
  } finally {
    await keeper.end()
  }
}

/** What an image holds, and what its Dockerfile says after that. */
interface Content {
  /** The path in the image, and the file or folder to take it from. */
  readonly files: Readonly<Record<string, string>>
  /** The path in the image, and where it leads. */
  readonly links?: Readonly<Record<string, string>>
  readonly instructions?: readonly string[]
}

async function fromScratch({ folder, buildah }: Workshop, name: string, content: Content): Promise<void> {
  const { files, links = {}, instructions = [] } = content
  const root = await mkdtemp(join(folder, 'content-'))
  for (const [path, source] of Object.entries(files)) {
    await cp(await realpath(source), join(root, path), { recursive: true, verbatimSymlinks: true })
  }
  for (const [path, target] of Object.entries(links)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await symlink(target, join(root, path))
  }
  await mkdir(join(root, 'tmp'))
  await chmod(join(root, 'tmp'), 0o1777)
  const dockerfile = `${root}.Dockerfile`
  await writeFile(dockerfile, ['FROM scratch', 'COPY . /', ...instructions, ''].join('\n'))
  // The same layers whenever it is built: the program's image has the very base that the nodes have.
  await buildah('build', '--quiet', '--timestamp', '0', '--file', dockerfile, '--tag', name, root)
}

function pause(): Recipe {
  return {
    name: pauseImage,
    inputs: [],
    build: (workshop) =>
      fromScratch(workshop, pauseImage, {
        files: { '/bin/sleep': '/usr/bin/busybox' },
        instructions: ['ENTRYPOINT ["/bin/sleep", "2147483647"]'],
      }),
  }
}

async function node(): Promise<Recipe> {
  const files = await nodeFiles()
  return { name: nodeImage, inputs: [nodeVersion], build: (workshop) => fromScratch(workshop, nodeImage, { files }) }
}

/** The files that Node needs to run, by their path in an image. */
async function nodeFiles(): Promise<Readonly<Record<string, string>>> {
  const binary = await nodeBinary(nodeVersion)
  const { stdout } = await run('ldd', [binary])
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path as string)
  return { '/usr/local/bin/node': binary, ...Object.fromEntries(libraries.map((path) => [path, path])) }
}

/** The program's image, from the repository's Dockerfile. */
async function program(): Promise<Recipe> {
  const scripts = ['build.mjs', 'release/sbom.mjs']
  const context = ['Dockerfile', ...scripts, 'package.json', 'package-lock.json', 'tsconfig.json', 'LICENSE']
  const sources = await readdir(join(repository, 'handler'), { recursive: true, withFileTypes: true })
  const files = [
    ...context,
    ...sources
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(repository, join(parentPath, name))),
  ].sort()
  const inputs = await Promise.all(files.map((file) => readFile(join(repository, file))))
  return { name: programImage, inputs: [nodeVersion, ...files, ...inputs], build: buildProgram }
}

/** Builds the repository's Dockerfile over images made here: the one to build with has npm, the base has no shell. */
async function buildProgram(workshop: Workshop): Promise<void> {
  const files = await nodeFiles()
  const npm = dirname(dirname(await realpath((await run('sh', ['-c', 'command -v npm'])).stdout.trim())))
  // Behind a proxy with a certificate of its own, npm needs what this machine's Node is told to trust.
  const { NODE_EXTRA_CA_CERTS: authorities } = process.env
  await fromScratch(workshop, buildImage, {
    files: {
      ...files,
      '/bin/busybox': '/usr/bin/busybox',
      '/usr/local/lib/node_modules/npm': npm,
      ...(authorities && { '/etc/authorities.crt': authorities }),
    },
    links: {
      '/bin/sh': 'busybox',
      '/usr/bin/env': '/bin/busybox',
      '/usr/local/bin/npm': '../lib/node_modules/npm/bin/npm-cli.js',
    },
    instructions: authorities ? ['ENV NODE_EXTRA_CA_CERTS=/etc/authorities.crt'] : [],
  })
  await fromScratch(workshop, nodeImage, { files })
  const npmrc = join(homedir(), '.npmrc')
  const secret = existsSync(npmrc) ? ['--secret', `id=npmrc,src=${npmrc}`] : []
  await workshop.buildah(
    ...['build', '--quiet', ...secret, '--build-arg', `BUILD_IMAGE=${buildImage}`],
    ...['--build-arg', `BASE_IMAGE=${nodeImage}`, '--tag', programImage, repository],
  )
}
