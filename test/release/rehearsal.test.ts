/** A release, made twice, into registries on loopback. `npm run release:rehearse` does the same with Node in the image. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../support/handler.js'
import { reportSkipped } from '../support/skipped.js'
import { CHARTS, IMAGE as IMAGE_PATH, type Rehearsal, rehearse, whyNoRehearsal } from './rehearsal.js'

const run = promisify(execFile)
const why = await whyNoRehearsal()
if (why) reportSkipped(`NO REHEARSAL of a release: skipped because ${why}.`)
const IMAGE = `round-1/${IMAGE_PATH}`
const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))

describe.skipIf(why)('a release', () => {
  let rehearsal: Rehearsal
  beforeAll(async () => {
    rehearsal = await rehearse({ rounds: 2, isInstalled: true, base: 'stand-in' })
  }, 240_000)
  afterAll(() => rehearsal?.stop())

  test('is the same byte for byte when it is made again, elsewhere', () => {
    const [first, second] = rehearsal.rounds
    expect([...(first?.keys() ?? [])]).toEqual(
      expect.arrayContaining([
        'image',
        `package/active-passive-${manifest.version}.tgz`,
        `assets/active-passive-v${manifest.version}.tar.gz`,
        'assets/active-passive.yaml',
        'assets/SHA256SUMS',
        'notes.md',
      ]),
    )
    expect(second).toEqual(first)
  })

  test('takes the steps of the workflow, but for the signatures and the release on GitHub', () => {
    const workflow = readFileSync(join(repository, '.github/workflows/release.yml'), 'utf8')
    const scripts = (text: string): readonly string[] => [
      ...new Set([...text.matchAll(/node (release\/\S+\.mjs)/g)].map(([, path]) => path as string)),
    ]
    const without = rehearsal.leftOut.some((what) => what.startsWith('the chart')) ? ['release/publish-chart.mjs'] : []
    expect(
      [...scripts(rehearsal.steps.join('\n')), 'release/sign.mjs', 'release/announce.mjs', ...without].sort(),
    ).toEqual([...scripts(workflow)].sort())
  })

  describe('that is made again in a registry that has its version', () => {
    test('leaves it as it is, and tells of what is there', async () => {
      const { registry, rounds, publishIn } = rehearsal
      const again = await publishIn('round-1')
      expect(again.get('image')).toBe((await registry.manifest(IMAGE, manifest.version)).digest)
      expect([...again]).toEqual([...(rounds[0] ?? [])].filter(([name]) => name === 'image' || name === 'chart'))
    }, 120_000)

    test.each([
      ['image', IMAGE_PATH],
      ['chart', `${CHARTS}/active-passive`],
    ])(
      'does not replace another %s',
      async (what, path) => {
        const { registry, publishIn } = rehearsal
        const other = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', layers: [] }
        const name = `other-${what}/${path}`
        await registry.put(name, manifest.version, other)
        const { digest } = await registry.manifest(name, manifest.version)
        await expect(publishIn(`other-${what}`)).rejects.toThrow(
          `${registry.host}/${name}:${manifest.version} is there already (${digest}), and it is another ${what}`,
        )
        expect((await registry.manifest(name, manifest.version)).digest).toBe(digest)
      },
      120_000,
    )
  })

  describe('has an image', () => {
    interface Config {
      readonly os: string
      readonly architecture: string
      readonly created: string
      readonly config: { readonly Labels: Readonly<Record<string, string>>; readonly Entrypoint: readonly string[] }
      readonly rootfs: { readonly diff_ids: readonly string[] }
    }
    const images = async () => {
      const { registry } = rehearsal
      const index = await registry.manifest(IMAGE, manifest.version)
      return Promise.all(
        (index.body.manifests ?? []).map(async ({ digest, platform }) => {
          const { body } = await registry.manifest(IMAGE, digest)
          return { platform, ...(await registry.json<Config>(IMAGE, body.config?.digest ?? '')) }
        }),
      )
    }

    test('for each platform, over that one of its base, with the same layers of ours', async () => {
      const [amd64, arm64, ...others] = await images()
      expect(others).toEqual([])
      expect([amd64?.platform, arm64?.platform]).toMatchObject([
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64' },
      ])
      expect([amd64?.architecture, arm64?.architecture]).toEqual(['amd64', 'arm64'])
      const [base, ...ours] = amd64?.rootfs.diff_ids ?? []
      const [otherBase, ...otherOurs] = arm64?.rootfs.diff_ids ?? []
      expect(otherBase).not.toBe(base)
      expect(ours.length).toBeGreaterThan(0)
      expect(otherOurs).toEqual(ours)
    })

    test('that says where it comes from, and of which time it is: that of the commit', async () => {
      for (const { created, config } of await images()) {
        expect(config.Labels).toEqual({
          'org.opencontainers.image.title': 'active-passive',
          'org.opencontainers.image.description': manifest.description,
          'org.opencontainers.image.version': manifest.version,
          'org.opencontainers.image.licenses': 'MIT',
          'org.opencontainers.image.url': manifest.homepage,
          'org.opencontainers.image.source': 'https://github.com/active-passive/active-passive',
          'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$/),
          'org.opencontainers.image.created': created,
        })
        expect(config.Entrypoint).toEqual(['node', '/active-passive.cjs'])
      }
      const { stdout } = await run('git', ['log', '-1', '--format=%ct'], { cwd: repository })
      expect(Date.parse((await images())[0]?.created ?? '')).toBe(Number(stdout) * 1000)
    })
  })

  test('has a package that npm gets from the registry', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'active-passive-published-'))
    try {
      const name = `active-passive-${manifest.version}.tgz`
      const how = ['--silent', '--registry', rehearsal.npm.url, '--pack-destination', folder]
      await run('npm', ['pack', ...how, `active-passive@${manifest.version}`])
      const sum = createHash('sha256')
        .update(await readFile(join(folder, name)))
        .digest('hex')
      expect(`sha256:${sum}`).toBe(rehearsal.rounds[0]?.get(`package/${name}`))
    } finally {
      await rm(folder, { recursive: true })
    }
  }, 60_000)
})
