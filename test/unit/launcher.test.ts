/** The first file that Node loads, by the real Nodes that are too old for the program. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { repository } from '../support/handler.js'
import { isSupported, NODE_VERSIONS, nodeBinary } from '../support/node-binary.js'

const run = promisify(execFile)
const tooOld = NODE_VERSIONS.filter((version) => !isSupported(version))

describe.each([tooOld[0], tooOld.at(-1)])('On Node %s', (version = '') => {
  test.each([['handler'], ['dist/main.cjs'], ['dist/kubectl-active_passive.cjs']])(
    'node %s says in one line which Node it needs',
    { timeout: 120_000 },
    async (file) => {
      const node = await nodeBinary(version)
      await run(node, [file, '--version'], { cwd: repository }).then(
        () => expect.unreachable('it ran'),
        ({ code, stdout, stderr }) =>
          expect({ code, stdout, stderr }).toEqual({
            code: 2,
            stdout: '',
            stderr: `active-passive needs Node 20.19 or newer; this is v${version} (${node})\n`,
          }),
      )
    },
  )
})

test('npm refuses to install a checkout, by its .npmrc, for another Node than package.json asks for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-engines-'))
  try {
    await cp(join(repository, '.npmrc'), join(folder, '.npmrc'))
    const engines = { node: '>=999' }
    const manifest = { name: 'x', version: '1.0.0', engines }
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
    const lock = { name: 'x', version: '1.0.0', lockfileVersion: 3, requires: true, packages: { '': manifest } }
    await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock))
    for (const command of ['ci', 'install']) {
      await expect(run('npm', [command, '--offline'], { cwd: folder })).rejects.toThrow(/EBADENGINE[\s\S]*>=999/)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
