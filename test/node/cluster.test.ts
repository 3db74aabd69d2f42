import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { kube } from '../support/cluster/client.js'
import { until } from '../support/cluster/poll.js'
import { typescriptFile } from '../support/cluster/processes.js'
import { startCluster } from '../support/node/node-cluster.js'

/** Control groups, files and processes that belong to the cluster of this folder. */
function leftOf(folder: string): readonly string[] {
  const name = basename(folder)
  const groups = ['.', ...readdirSync('/sys/fs/cgroup')].map((hierarchy) => `/sys/fs/cgroup/${hierarchy}/${name}`)
  return [...[folder, ...groups].filter(existsSync), ...processesNaming(name)]
}

function processesNaming(name: string): readonly string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      const command = commandOf(pid)
      return command.includes(name) ? [command] : []
    })
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return '' // it has ended since
  }
}

const elsewhere: (() => Promise<void>)[] = []

/** Starts a cluster in a process of its own, and waits until it is up. */
async function clusterElsewhere(): Promise<{ readonly kill: () => Promise<void>; readonly folder: string }> {
  const { command, args } = typescriptFile(new URL('../support/cluster/command.ts', import.meta.url))
  const child = spawn(command, [...args, '--node'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exit
  }
  elsewhere.push(kill)
  for await (const line of createInterface(child.stdout)) {
    const folder = /KUBECONFIG=(\S+)\/[^/]+$/.exec(line)?.[1]
    if (folder !== undefined) return { kill, folder }
  }
  throw new Error('it ended before it was up')
}

describe.skipIf(!inject('images'))('a cluster with nodes', () => {
  afterEach(() => Promise.all(elsewhere.splice(0).map((kill) => kill())))

  it('leaves nothing behind, and its nodes are Ready and on different machines', async () => {
    const cluster = await startCluster({ nodes: 2 })
    const { items } = await kube(cluster.kubeconfig).get<{ items: readonly { status: { addresses: unknown } }[] }>(
      '/api/v1/nodes',
    )
    expect(items.map(({ status }) => status.addresses)).toEqual([
      expect.arrayContaining([{ type: 'InternalIP', address: '172.31.255.1' }]),
      expect.arrayContaining([{ type: 'InternalIP', address: '172.31.255.2' }]),
    ])
    expect(leftOf(cluster.folder)).not.toEqual([])
    await cluster.stop()
    expect(leftOf(cluster.folder)).toEqual([])
  })

  it('ends when the process that started it is killed, while another lives on, and starts again', async () => {
    const [first, second] = await Promise.all([clusterElsewhere(), clusterElsewhere()])
    expect(leftOf(first.folder)).not.toEqual([])
    await first.kill()
    await until('nothing is left of it', () => leftOf(first.folder).length === 0 || undefined)
    const third = await clusterElsewhere()
    await Promise.all([second.kill(), third.kill()])
    for (const { folder } of [second, third]) {
      await until('nothing is left of the others', () => leftOf(folder).length === 0 || undefined)
    }
  })
})
