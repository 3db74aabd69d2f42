/** What the scripts of a release say when they are called wrongly, and what they ask of programs that are not here. */
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../support/handler.js'
import { packageVersion } from '../support/package-version.js'
import { pack, runScript } from './checkout.js'
import { type NpmRegistry, startNpmRegistry } from './npm-registry.js'

const digest = `sha256:${'a'.repeat(64)}`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'active-passive-steps-'))
})
afterAll(() => rm(folder, { recursive: true }))

const script = (name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runScript(`release/${name}.mjs`, args, { cwd: repository, env })

test.each([
  ['image', [], 2, '--to undefined: not of the form REGISTRY/NAME'],
  ['image', ['--to', 'https://ghcr.io/a/b'], 2, '--to https://ghcr.io/a/b: not of the form REGISTRY/NAME'],
  ['image', ['--to', 'ghcr.io/a/b:0.1.0'], 2, '--to ghcr.io/a/b:0.1.0: not of the form REGISTRY/NAME'],
  ['image', ['--to', 'ghcr.io/a/b'], 2, 'one folder OUT, please'],
  ['publish-chart', ['--to', 'oci://ghcr.io/a'], 2, '--to oci://ghcr.io/a: not of the form REGISTRY/FOLDER'],
  ['publish-chart', ['--to', 'ghcr.io/a'], 2, 'one folder OUT, please'],
  ['sign', [], 2, 'nothing: not one REFERENCE@sha256:…, as release/image.mjs prints it'],
  ['sign', ['ghcr.io/a/b:1'], 2, 'ghcr.io/a/b:1: not one REFERENCE@sha256:…, as release/image.mjs prints it'],
  ['sign', [`ghcr.io/a/b@${digest}`, '--sbom', '/nowhere'], 2, '--sbom /nowhere: no such file'],
  ['files', [], 1, 'usage: node release/files.mjs OUT'],
  [
    'files',
    ['handler'],
    1,
    'handler is not empty: remove it, or name another folder, so that nothing else is released',
  ],
  ['publish-package', [], 1, 'usage: node release/publish-package.mjs TARBALL [--registry URL] [--timeout SECONDS]'],
  ['publish-package', ['x.tgz', '--timeout', 'soon'], 1, '--timeout soon: no number of seconds'],
  ['announce', [], 1, 'usage: node release/announce.mjs OUT'],
])('%s %j says what is wrong', async (name, args, code, message) => {
  const ended = await script(name, args)
  expect([ended.code, ended.stderr.split('\n')[0]]).toEqual([code, message])
})

test.each([
  ['image', ['out', '--to', 'localhost:1/a/b'], 'there is no buildah on the PATH: apt-get install buildah'],
  ['announce', ['/nowhere'], 'there is no gh on the PATH: https://cli.github.com'],
  ['sign', [`localhost:1/a@${digest}`], 'there is no cosign on the PATH: https://docs.sigstore.dev'],
])('%s %j says which program is missing', async (name, args, message) => {
  // Of what is on the PATH it has git and node.
  const bin = join(folder, 'few')
  await mkdir(bin, { recursive: true })
  for (const program of ['git', 'node']) {
    await writeFile(join(bin, program), `#!/bin/sh\nPATH='${process.env.PATH}' exec ${program} "$@"\n`, { mode: 0o755 })
  }
  const ended = await script(name, args, { PATH: bin })
  expect([ended.code, ended.stderr.trim()]).toEqual([1, message])
})

test('sign signs the digest, and attests the list of what is in it', async () => {
  const [bin, told, sbom] = ['bin', 'told', 'sbom.json'].map((name) => join(folder, name)) as [string, string, string]
  await mkdir(bin)
  await writeFile(sbom, '{}')
  await writeFile(join(bin, 'cosign'), `#!/bin/sh\necho "$@" >> '${told}'\n`, { mode: 0o755 })
  const args = [`ghcr.io/a/b:0.1.0@${digest}`, '--sbom', sbom, '--', '--key', 'k']
  expect((await script('sign', args, { PATH: `${bin}:${process.env.PATH}` })).code).toBe(0)
  expect((await readFile(told, 'utf8')).trim().split('\n')).toEqual([
    `sign --yes --key k ghcr.io/a/b@${digest}`,
    `attest --yes --type cyclonedx --predicate ${sbom} --key k ghcr.io/a/b@${digest}`,
  ])
})

describe('publish-package', () => {
  let npm: NpmRegistry
  beforeAll(async () => {
    npm = await startNpmRegistry()
  })
  afterAll(() => npm.stop())

  /** A package of the same name and version, with a text in it. */
  const tarballWith = (text: string): Promise<string> => pack(folder, { version: packageVersion, text })

  test('publishes once, says so when it is called again, and does not replace', async () => {
    const npmrc = join(folder, 'npmrc')
    await writeFile(npmrc, `${npm.url.replace('http:', '')}/:_authToken=test\n`)
    const publish = (tarball: string) =>
      script('publish-package', [tarball, '--registry', npm.url], { npm_config_userconfig: npmrc })
    const tarball = await tarballWith('one')
    const first = await publish(tarball)
    expect(first.stderr).not.toContain('ERR')
    expect(first.stdout).toMatch(/^active-passive@\S+ is at http:\S+: sha512-\S+$/m)
    expect(npm.documents.get('active-passive')?.['dist-tags']).toHaveProperty('latest')
    expect((await publish(tarball)).stdout).toMatch(/^active-passive@\S+ is at http:\S+ already: sha512-\S+$/m)
    const other = await publish(await tarballWith('another'))
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringMatching(/^http:\S+ has another active-passive@.*: a version that was published cannot be replaced/),
    ])
  })

  test('says why a registry cannot be asked', async () => {
    const ended = await script('publish-package', [await tarballWith('x'), '--registry', 'http://127.0.0.1:1'])
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(/^http:\/\/127\.0\.0\.1:1\/active-passive: /)])
  })

  describe('waits no longer than its timeout', () => {
    let hanging: { readonly url: string; stop(): Promise<void> }
    beforeAll(async () => {
      // It knows of no package, and takes one without ever saying so.
      const server = createServer(({ method = '', url = '' }, response) => {
        if (method === 'GET' && !url.startsWith('/hangs/')) response.writeHead(404).end('{}')
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      hanging = {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        stop: async () => {
          server.closeAllConnections()
          server.close()
          await once(server, 'close')
        },
      }
    })
    afterAll(() => hanging.stop())

    test('for a registry that does not say what it has', async () => {
      const registry = `${hanging.url}/hangs`
      const ended = await script('publish-package', [
        await tarballWith('x'),
        ...['--registry', registry, '--timeout', '0.2'],
      ])
      expect([ended.code, ended.stderr]).toEqual([1, `${registry}/active-passive: no answer within 0.2 s\n`])
    })

    test('for a registry that does not say whether it took the package', async () => {
      const npmrc = join(folder, 'npmrc-hanging')
      await writeFile(npmrc, `${hanging.url.replace('http:', '')}/:_authToken=test\n`)
      const args = [await tarballWith('x'), '--registry', hanging.url, '--timeout', '2']
      const ended = await script('publish-package', args, { npm_config_userconfig: npmrc })
      expect([ended.code, ended.stderr.split('\n').at(-2)]).toEqual([
        1,
        `${hanging.url}: npm publish had no answer within 2 s. The version may be there all the same: ` +
          'run this step again, which looks first',
      ])
    }, 20_000)
  })
})
