/** A release of an older line takes nothing from the people who ask for no version. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { channelOf } from '../../release/channel.mjs'
import { type Checkout, makeCheckout, pack, runScript } from './checkout.js'
import { startNpmRegistry } from './npm-registry.js'

test.each<[string, readonly string[], string]>([
  ['0.1.0', [], 'latest'],
  ['0.1.0', ['v0.1.0'], 'latest'],
  ['0.10.0', ['v0.9.9', 'v0.2.30'], 'latest'],
  ['1.2.3', ['v1.2.2', 'v1.3.0-rc.1', 'v2.0.0-rc.1'], 'latest'],
  ['1.2.3', ['v1.2.2', 'v1.3.0'], 'release-1.2'],
  ['1.2.3', ['v1.2.10'], 'release-1.2'],
  ['9.0.0', ['v10.0.0'], 'release-9.0'],
  ['1.3.0-rc.1', ['v1.2.3', 'v1.3.0-beta.2', 'v1.3.0-beta'], 'next'],
  ['1.3.0-rc.10', ['v1.3.0-rc.9', 'v1.3.0-rc', 'v1.3.0-9'], 'next'],
  ['1.3.0-rc.9', ['v1.3.0-rc.10'], 'next-1.3'],
  ['1.3.0-rc', ['v1.3.0-rc.1'], 'next-1.3'],
  ['1.3.0-rc.1', ['v1.3.0-rc.x'], 'next-1.3'],
  ['1.2.4-rc.1', ['v1.3.0'], 'next-1.2'],
  ['1.3.0-rc.1', ['v1.3.0'], 'next-1.3'],
  ['1.3.0', ['v1.3.0-rc.1'], 'latest'],
  ['1.2.3', ['', 'v2', 'very-old', 'v2.0', 'v2.0.0.0'], 'latest'],
])('%s beside %j is %s', (version, others, channel) => {
  expect(channelOf(version, others)).toBe(channel)
})

test.each(['0.2.0+b1', '0.2.0-rc.1+b1', '0.2', 'v'])('%s is no version to release', (version) => {
  expect(() => channelOf(version, [])).toThrow(`version ${version} in package.json should be X.Y.Z`)
})

describe('by the tags of a checkout', () => {
  let checkout: Checkout
  beforeEach(async () => {
    checkout = await makeCheckout('1.2.3')
    await checkout.git('tag', 'v1.2.3')
  })
  afterEach(() => checkout.remove())

  test('the highest is latest, until there is a higher one', async () => {
    expect(await checkout.script('channel')).toEqual({ code: 0, stdout: 'latest\n', stderr: '' })
    await checkout.git('tag', 'v1.3.0')
    expect(await checkout.script('channel')).toEqual({ code: 0, stdout: 'release-1.2\n', stderr: '' })
  })

  test('nothing is said where tags may be missing', async () => {
    await checkout.write('more.txt', '')
    await checkout.commit()
    const shallow = await mkdtemp(join(tmpdir(), 'active-passive-shallow-'))
    try {
      await checkout.git('clone', '--quiet', '--depth', '1', `${pathToFileURL(checkout.path)}`, shallow)
      const how = { cwd: shallow, env: {} }
      const { code, stderr } = await runScript(join(shallow, 'release/channel.mjs'), [], how)
      expect([code, stderr]).toEqual([
        1,
        'this checkout is shallow, so that tags are missing: git fetch --unshallow --tags\n',
      ])
    } finally {
      await rm(shallow, { recursive: true })
    }
  })

  test('a patch of an older line does not become latest at npm', async () => {
    const npm = await startNpmRegistry()
    const folder = await mkdtemp(join(tmpdir(), 'active-passive-older-'))
    const newer = await makeCheckout('1.3.0')
    try {
      for (const tag of ['v1.2.3', 'v1.3.0']) await newer.git('tag', '--force', tag)
      await checkout.git('tag', 'v1.3.0')
      const npmrc = join(folder, 'npmrc')
      await writeFile(npmrc, `${npm.url.replace('http:', '')}/:_authToken=test\n`)
      for (const [version, one] of [
        ['1.3.0', newer],
        ['1.2.3', checkout],
      ] as const) {
        const args = [await pack(folder, { version }), '--registry', npm.url]
        const { code, stderr } = await one.script('publish-package', args, { npm_config_userconfig: npmrc })
        expect([version, code, stderr.includes('ERR')]).toEqual([version, 0, false])
      }
      expect(npm.documents.get('active-passive')?.['dist-tags']).toEqual({ latest: '1.3.0', 'release-1.2': '1.2.3' })
    } finally {
      await Promise.all([npm.stop(), newer.remove(), rm(folder, { recursive: true })])
    }
  }, 30_000)
})
