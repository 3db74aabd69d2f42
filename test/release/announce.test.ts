/** The release on GitHub, as far as `gh` is asked for it: it is none of this machine's. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Checkout, type Ended, makeCheckout } from './checkout.js'

let folder: string
let checkout: Checkout
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'active-passive-announce-'))
  await mkdir(join(folder, 'out/assets'), { recursive: true })
  await writeFile(join(folder, 'out/assets/SHA256SUMS'), 'sums\n')
  await writeFile(join(folder, 'out/assets/sbom.json'), '{}')
})
afterEach(async () => {
  await Promise.all([rm(folder, { recursive: true }), checkout.remove()])
})

/** Announces a version with a `gh` that answers so to `release view` and `release download`, as a shell has it. */
async function announce(version: string, tags: readonly string[], view: string, download = 'exit 1'): Promise<Ended> {
  checkout = await makeCheckout(version)
  for (const tag of [`v${version}`, ...tags]) await checkout.git('tag', tag)
  const gh = join(folder, 'gh')
  const answers = `case "$2" in view) ${view} ;; download) ${download} ;; create) echo https://test/release ;; esac`
  await writeFile(gh, `#!/bin/sh\necho "$@" >> '${folder}/told'\n${answers}\n`)
  await chmod(gh, 0o755)
  return checkout.script('announce', [join(folder, 'out')], { PATH: `${folder}:${process.env.PATH}` })
}

const NONE = 'echo "release not found" >&2; exit 1'
const told = async (): Promise<readonly string[]> => (await readFile(join(folder, 'told'), 'utf8')).trim().split('\n')

test.each([
  ['1.2.3', [], '--prerelease=false --latest=true'],
  ['1.2.3', ['v1.3.0'], '--prerelease=false --latest=false'],
  ['1.3.0-rc.1', ['v1.2.3'], '--prerelease=true --latest=false'],
])('%s beside %j is announced with %s', async (version, tags, flags) => {
  expect(await announce(version, tags, NONE)).toEqual({ code: 0, stdout: 'https://test/release\n', stderr: '' })
  const out = join(folder, 'out')
  expect((await told())[1]).toBe(
    `release create v${version} --verify-tag --title=v${version} --notes-file=${out}/notes.md ${flags} ` +
      `${out}/assets/SHA256SUMS ${out}/assets/sbom.json`,
  )
})

test.each([
  ['stays as it is when it has these files', `echo '{"isDraft":false}'`, 'echo sums', 0, ''],
  [
    'is not replaced by other files',
    `echo '{"isDraft":false}'`,
    'echo others',
    1,
    'the release v1.2.3 has other files: a version that was published cannot be replaced. Release a new one\n',
  ],
  [
    'is not taken for whole when it is a draft',
    `echo '{"isDraft":true}'`,
    'exit 1',
    1,
    'the release v1.2.3 is there as a draft: take it away by `gh release delete v1.2.3`, and run this again\n',
  ],
  [
    'is not made anew when nobody says whether it is there',
    'echo "HTTP 502" >&2; exit 1',
    'exit 1',
    1,
    'gh release view: HTTP 502\n',
  ],
])('a release that is there %s', async (_, view, download, code, message) => {
  const { stderr, ...ended } = await announce('1.2.3', [], view, download)
  expect([ended.code, stderr]).toEqual([code, message])
  expect((await told()).filter((line) => line.startsWith('release create'))).toEqual([])
})
