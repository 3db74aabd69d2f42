// What docs/troubleshooting.md has people do without this program, by the real kubectl on a real API server.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { findBinaries } from '../support/cluster/binaries.js'
import { repository } from '../support/handler.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'

const cluster = inject('cluster')
const binaries = findBinaries()
const run = promisify(execFile)
const page = readFileSync(join(repository, 'docs/troubleshooting.md'), 'utf8')

describe.skipIf(!cluster || !binaries)('kubectl alone', () => {
  let world: OnCluster
  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    for (const name of ['helloworld-0', 'helloworld-1']) await world.addPod(name)
  })
  afterEach(() => world.close())

  it('says who is active, since when, and since which handover', async () => {
    const began = Date.now()
    expect(await world.run()).toMatchObject({ code: 0 })
    const [command = ''] = /^kubectl get pods .*custom-columns.*$/m.exec(page) ?? []
    const { stdout } = await run('sh', ['-euc', command.replace('-n shop', `-n ${world.namespace}`)], {
      // Its cache is kept in its home.
      env: { PATH: `${binaries}${delimiter}${process.env.PATH}`, HOME: tmpdir(), KUBECONFIG: cluster?.kubeconfig },
    })
    const [headers, row, ...more] = stdout.trim().split('\n')
    expect(headers?.split(/ +/)).toEqual(['POD', 'SINCE', 'EPOCH'])
    const [pod, since = '', epoch] = row?.split(/ +/) ?? []
    expect([pod, epoch, more]).toEqual(['helloworld-0', '1', []])
    expect(Math.abs(Date.parse(since) - began)).toBeLessThan(60_000)
  })
})
