// The ways of the README that need no image, as they are printed, on a node of their own: its pods take long to end.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { findBinaries } from '../support/cluster/binaries.js'
import { repository } from '../support/handler.js'
import { installPackage } from '../support/installed-package.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'

const run = promisify(execFile)
const images = inject('images')
const readme = readFileSync(join(repository, 'README.md'), 'utf8')

describe.skipIf(!images)('what the README prints', () => {
  let cluster: NodeCluster

  beforeAll(async () => {
    cluster = await startCluster({ images: images ?? [] })
  })
  afterAll(() => cluster?.stop())

  it('for passes by hand and by npx ends with a failover', async () => {
    const { archive, remove } = await installPackage()
    const checkout = dirname(archive)
    for (const name of ['jobs', 'handler', 'dist']) await symlink(join(repository, name), join(checkout, name))
    const { PATH = '', HOME = '' } = process.env
    const env = { PATH: `${findBinaries()}:${PATH}`, HOME, KUBECONFIG: cluster.kubeconfig }
    const shell = (commands: string) => run('sh', ['-euc', commands], { cwd: checkout, env })
    try {
      for (const title of ['### By hand', '### By npx']) {
        const [block = ''] = /```sh\n([^`]*)```/.exec(readme.slice(readme.indexOf(`\n${title}\n`))) ?? []
        const commands = block.split('\n').filter((line) => /^(kubectl|node|npx) /.test(line))
        expect(commands).toHaveLength(4)
        const { stdout } = await shell(commands.join('\n'))
        expect(stdout.match(/^Enabling .*$/gm)).toEqual(['Enabling helloworld-0', 'Enabling helloworld-1'])
        await shell(/^kubectl delete statefulset,.*$/m.exec(readme)?.[0] ?? 'false')
      }
    } finally {
      await remove()
    }
  })
})
