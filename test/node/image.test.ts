import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { repository, runHandler } from '../support/handler.js'
import { type Kubectl, kubectlFor } from '../support/kubectl.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'
import { type Layer, openImage } from '../support/oci-archive.js'
import { packageVersion } from '../support/package-version.js'

const run = promisify(execFile)
const images = inject('images')
const archiveOf = (name: string): string => images?.find((path) => basename(path) === `${name}.tar`) as string

describe.skipIf(!images)("the program's image", () => {
  it('adds the program and its licences to its base, and less than 2 MB', async () => {
    const [image, base] = await Promise.all([openImage(archiveOf('active-passive')), openImage(archiveOf('node'))])
    expect(image.layers.slice(0, base.layers.length).map(({ id }) => id)).toEqual(base.layers.map(({ id }) => id))
    const added = image.layers.slice(base.layers.length)
    expect((await Promise.all(added.map((layer) => layer.files()))).flat().sort()).toEqual([
      'active-passive.cjs',
      'licenses/LICENSE',
      'licenses/LICENSES',
      'licenses/sbom.json',
      'program.cjs',
    ])
    const size = added.reduce((sum, layer) => sum + layer.bytes, 0)
    console.log(`the image adds ${(size / 1000).toFixed(0)} kB to its base, compressed`)
    expect(size).toBeLessThan(2_000_000)
  })

  it('says what it is, and runs as a user that is nobody', async () => {
    const { config } = await openImage(archiveOf('active-passive'))
    const { description } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'))
    expect(config.User).toBe('65532:65532')
    expect(config.Entrypoint).toEqual(['node', '/active-passive.cjs'])
    expect(config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'active-passive',
      'org.opencontainers.image.description': description,
      'org.opencontainers.image.version': packageVersion,
      'org.opencontainers.image.licenses': 'MIT',
    })
  })

  describe('in a container', () => {
    let cluster: NodeCluster
    let kubectl: Kubectl

    beforeAll(async () => {
      cluster = await startCluster({ images: images ?? [] })
      kubectl = kubectlFor(cluster.kubeconfig)
    })
    afterAll(() => cluster?.stop())

    /** As `docker run`: with nothing but arguments; under the restrictions that jobs/ sets. */
    const container = async (name: string, args: readonly string[]): Promise<{ code: number; stdout: string }> => {
      const securityContext = { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }
      const image = `active-passive:${packageVersion}`
      const spec = { containers: [{ name, image, args, securityContext }] }
      const overrides = JSON.stringify({ spec })
      const pod = ['run', name, `--image=${image}`, '--restart=Never', `--overrides=${overrides}`]
      await kubectl(...pod, '--override-type=strategic')
      await kubectl('wait', 'pod', name, '--for=jsonpath={.status.containerStatuses[0].state.terminated}')
      const path = '{.status.containerStatuses[0].state.terminated.exitCode}'
      return {
        code: Number(await kubectl('get', 'pod', name, '-o', `jsonpath=${path}`)),
        stdout: await kubectl('logs', name),
      }
    }

    it('prints the same help as node handler --help, under its own name', async () => {
      const here = await runHandler(['--help'], {})
      const { code, stdout } = await container('help', ['--help'])
      const inOneLine = (text: string) => text.replaceAll(/\s+/g, ' ')
      expect(inOneLine(stdout)).toBe(inOneLine(here.stdout.replaceAll('node handler', 'active-passive')))
      expect(code).toBe(0)
    })

    it('refuses a flag that it does not know, with exit code 2', async () => {
      const { code, stdout } = await container('unknown', ['--nonsense'])
      expect(stdout).toContain('nonsense')
      expect(code).toBe(2)
    })
  })
})

describe.skipIf(!images)('the bundle', () => {
  it('is the same, byte for byte, from two folders and in the image', async () => {
    const folders = await Promise.all(['one', 'another/deeper'].map(async (name) => copy(name)))
    try {
      const names = ['main.cjs', 'program.cjs', 'index.js', 'sbom.json', 'LICENSES']
      const bundles = await Promise.all(
        folders.map(async ({ root }) => {
          await run(process.execPath, ['build.mjs', 'out'], { cwd: root })
          await run(process.execPath, ['release/sbom.mjs', join(root, 'out')], { cwd: root })
          return Promise.all(names.map((file) => readFile(join(root, 'out', file))))
        }),
      )
      expect(bundles[0]?.map(({ length }) => length > 100)).toEqual(names.map(() => true))
      expect(bundles[0]?.map((file, n) => file.equals(bundles[1]?.[n] as Buffer))).toEqual(names.map(() => true))
      const inImage = ['active-passive.cjs', 'program.cjs', undefined, 'licenses/sbom.json', 'licenses/LICENSES']
      const { layers } = await openImage(archiveOf('active-passive'))
      for (const [n, path] of inImage.entries()) {
        if (path !== undefined)
          expect((await readFrom(layers, path)).equals(bundles[0]?.[n] as Buffer), path).toBe(true)
      }
    } finally {
      await Promise.all(folders.map(({ folder }) => rm(folder, { recursive: true })))
    }
  })

  async function readFrom(layers: readonly Layer[], path: string): Promise<Buffer> {
    for (const layer of layers.slice(-3)) if ((await layer.files()).includes(path)) return layer.read(path)
    throw new Error(`the image has no ${path}`)
  }

  async function copy(name: string): Promise<{ readonly folder: string; readonly root: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'active-passive-bundle-'))
    const root = join(folder, name)
    for (const path of ['handler', 'build.mjs', 'release/sbom.mjs', 'package.json', 'tsconfig.json']) {
      await cp(join(repository, path), join(root, path), { recursive: true })
    }
    // Real files: a bundler looks through links.
    await run('cp', ['-a', join(repository, 'node_modules'), join(root, 'node_modules')])
    return { folder, root }
  }
})
