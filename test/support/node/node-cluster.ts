// A whole Kubernetes on one machine: control plane, nodes on which pods run, and the way in. It needs root and some
// Debian packages, and leaves nothing behind, however it ends.
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Release } from '../cluster/binaries.js'
import { kube } from '../cluster/client.js'
import { schedulerArguments } from '../cluster/components.js'
import { type RunningControlPlane, runControlPlane } from '../cluster/control-plane.js'
import { startKeeper } from '../cluster/processes.js'
import { Programs } from '../cluster/programs.js'
import { startMachines } from './machines.js'
import { type Node, startNode } from './node.js'
import type { ProxyMode } from './node-components.js'
import { type Relay, startRelay } from './relay.js'
import { requireNode } from './requirements.js'

export interface ClusterOptions {
  /** 1 unless given. */
  readonly nodes?: number
  /** OCI archives that every node gets. */
  readonly images?: readonly string[]
  /** iptables unless given. */
  readonly proxyMode?: ProxyMode
  /** The release that is tested, unless given. */
  readonly release?: Release
}

export interface NodeCluster extends RunningControlPlane {
  /** The first of them runs the control plane as well. */
  readonly nodes: readonly [Node, ...Node[]]
  /** Ends all processes and removes everything. */
  stop(): Promise<void>
}

const apiServerPort = 6443

/**
 * Starts a cluster and waits until its nodes are Ready and have their images.
 * @throws Error when something is missing (see `requireNode`), or when one of its programs ends, with the end of its log
 */
export async function startCluster(options: ClusterOptions = {}): Promise<NodeCluster> {
  const { nodes: count = 1, images = [], proxyMode = 'iptables', release } = options
  const binaries = requireNode(release)
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-node-'))
  const cgroup = basename(folder)
  const programs = new Programs(startKeeper(folder, cgroup), binaries, join(folder, 'logs'))
  let relay: Relay | undefined
  const stop = async (): Promise<void> => {
    relay?.close()
    await programs.end()
  }
  try {
    await mkdir(programs.logs)
    const machines = await startMachines(programs, folder, count)
    const [first] = machines
    if (first === undefined) throw new Error('a cluster has one node or more')
    const way = await startRelay(programs, folder, first, apiServerPort)
    relay = way
    const controlPlane = await runControlPlane(programs, folder, {
      place: first.place,
      bindAddress: '0.0.0.0',
      advertiseAddress: first.address,
      controllers: ['*'],
      onPort: (startOn) =>
        startOn({
          port: apiServerPort,
          url: `https://127.0.0.1:${way.port}`,
          localUrl: `https://${first.address}:${apiServerPort}`,
        }),
    })
    const api = kube(controlPlane.kubeconfig)
    const asScheduler = await controlPlane.kubeconfigFor('kube-scheduler', { commonName: 'system:kube-scheduler' })
    await programs.run({
      name: 'kube-scheduler',
      command: 'kube-scheduler',
      args: schedulerArguments(asScheduler),
      place: first.place,
    })
    const nodes = await Promise.all(
      machines.map(async (machine) => {
        const node = await startNode({ programs, controlPlane, api, machine, cgroup, proxyMode })
        for (const image of images) await node.importImage(image)
        return node
      }),
    )
    return { ...controlPlane, nodes: nodes as [Node, ...Node[]], stop }
  } catch (error) {
    await stop()
    throw error
  }
}
