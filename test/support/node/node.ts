// What makes a machine a node of the cluster: containerd, kubelet and kube-proxy, and images to run.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Kube } from '../cluster/client.js'
import type { RunningControlPlane } from '../cluster/control-plane.js'
import { until } from '../cluster/poll.js'
import type { Process } from '../cluster/processes.js'
import type { Programs } from '../cluster/programs.js'
import type { Machine } from './machines.js'
import {
  containerdConfig,
  containerdSocket,
  kubeletConfig,
  networkConfig,
  type ProxyMode,
  proxyConfig,
} from './node-components.js'

export interface Node {
  readonly name: string
  readonly machine: Machine
  /** Imports an OCI archive: pods may use the image under the names that it carries. */
  importImage(archive: string): Promise<void>
  /** Ends the kubelet alone: the node's containers run on. */
  stopKubelet(): Promise<void>
  startKubelet(): Promise<void>
  /** Ends kube-proxy and starts it in this mode, unless it is in it; resolves when it has written the rules for the Services there are. */
  setProxyMode(mode: ProxyMode): Promise<void>
  /** The process of a pod's container as the node's machines number it. @throws Error when it runs no such container */
  pidOf(containerId: string): Promise<number>
}

export interface NodeOptions {
  readonly programs: Programs
  readonly controlPlane: RunningControlPlane
  readonly api: Kube
  readonly machine: Machine
  readonly cgroup: string
  readonly proxyMode: ProxyMode
}

/** Starts a node and waits until it is Ready. @throws Died when one of its programs ends, with the end of its log */
export async function startNode(options: NodeOptions): Promise<Node> {
  const { programs, controlPlane, api, machine, cgroup } = options
  const { place, number } = machine
  const name = `node-${number}`
  const folder = join(controlPlane.folder, name)
  await mkdir(join(folder, 'cni'), { recursive: true })
  const [containerdFile, kubeletFile, proxyFile] = ['containerd.toml', 'kubelet.json', 'proxy.json'].map((file) =>
    join(folder, file),
  ) as [string, string, string]
  const [kubeletAs, proxyAs] = await Promise.all([
    controlPlane.kubeconfigFor(`kubelet-${number}`, {
      commonName: `system:node:${name}`,
      organization: 'system:nodes',
    }),
    controlPlane.kubeconfigFor(`kube-proxy-${number}`, { commonName: 'system:kube-proxy' }),
    writeFile(containerdFile, containerdConfig(folder)),
    writeFile(kubeletFile, kubeletConfig({ folder, caFile: controlPlane.caFile, cgroup: `${cgroup}/${name}` })),
    writeFile(join(folder, 'cni', '10-pods.conflist'), networkConfig(folder, machine.podCidr)),
  ])
  const run = (program: string, args: readonly string[]): Promise<Process> =>
    programs.run({ name: `${program}-${number}`, command: program, args, place })
  const ctr = (...args: readonly string[]): Promise<string> =>
    machine.exec('ctr', '--address', containerdSocket(folder), '--namespace', 'k8s.io', ...args)

  const startKubelet = (): Promise<Process> =>
    run('kubelet', [
      `--config=${kubeletFile}`,
      `--kubeconfig=${kubeletAs}`,
      `--hostname-override=${name}`,
      `--node-ip=${machine.address}`,
      `--root-dir=${join(folder, 'kubelet')}`,
      `--cert-dir=${join(folder, 'kubelet', 'pki')}`,
    ])
  const startProxy = async (mode: ProxyMode): Promise<Process> => {
    await writeFile(proxyFile, proxyConfig(proxyAs, mode))
    return run('kube-proxy', [`--config=${proxyFile}`, `--hostname-override=${name}`])
  }

  const containerd = await run('containerd', ['--config', containerdFile])
  await programs.ready(containerd, () => ctr('version'))
  let kubelet = await startKubelet()
  let { proxyMode } = options
  let proxy = await startProxy(proxyMode)
  await programs.ready(kubelet, async () => {
    const { status } = await api.get<NodeObject>(`/api/v1/nodes/${name}`)
    if (!status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) throw new Error('not yet')
  })

  return {
    name,
    machine,
    importImage: async (archive) => void (await ctr('images', 'import', archive)),
    stopKubelet: () => programs.stop(kubelet),
    startKubelet: async () => {
      kubelet = await startKubelet()
    },
    setProxyMode: async (mode) => {
      if (mode === proxyMode) return
      proxyMode = mode
      await programs.stop(proxy)
      proxy = await startProxy(mode)
      await until(`kube-proxy of ${name} in mode ${mode}`, () => serves(machine, mode))
    },
    pidOf: async (containerId) => {
      const id = containerId.replace('containerd://', '')
      const line = (await ctr('tasks', 'ls')).split('\n').find((line) => line.startsWith(id))
      if (line === undefined) throw new Error(`${name} runs no container ${containerId}`)
      return Number(line.trim().split(/\s+/)[1])
    },
  }
}

interface NodeObject {
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] }
}

/** Whether the rules of this mode, and no others, lead to the API server's own Service. */
async function serves(machine: Machine, mode: ProxyMode): Promise<true | undefined> {
  const [iptables, nftables] = await Promise.all([
    machine.exec('iptables-save', '-t', 'nat').catch(() => ''),
    machine.exec('nft', 'list', 'table', 'ip', 'kube-proxy').catch(() => ''),
  ])
  const found = { iptables: iptables.includes('10.96.0.1/32'), nftables: nftables.includes('10.96.0.1') }
  return (mode === 'iptables' ? found.iptables && !found.nftables : found.nftables && !found.iptables) || undefined
}
