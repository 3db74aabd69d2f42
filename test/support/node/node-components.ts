// The configuration of what makes a machine a node: containerd, its network plugin, kubelet and kube-proxy.
import { join } from 'node:path'
import { podCidr } from '../cluster/components.js'

/** How kube-proxy brings a Service's connections to its pods. */
export type ProxyMode = 'iptables' | 'nftables'

/** Where the Debian package containernetworking-plugins puts them. */
export const networkPlugins = '/usr/lib/cni'

/** The image of the process that holds a pod's namespaces. */
export const pauseImage = 'localhost/pause:1'

/** @param folder the node's @param cgroup of the node's containers, below the root */
export function containerdConfig(folder: string): string {
  return `version = 2
root = "${folder}/containerd"
state = "${folder}/containerd-state"
[grpc]
  address = "${containerdSocket(folder)}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true # root may not raise its own importance everywhere
  sandbox_image = "${pauseImage}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${networkPlugins}"
    conf_dir = "${join(folder, 'cni')}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`
}

/** @param folder the node's */
export function containerdSocket(folder: string): string {
  return join(folder, 'containerd.sock')
}

/** Each pod gets a wire of its own to its node, and an address from the node's range. */
export function networkConfig(folder: string, nodePodCidr: string): string {
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: join(folder, 'addresses'),
          ranges: [[{ subnet: nodePodCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  })
}

export interface KubeletOptions {
  /** The node's. */
  readonly folder: string
  readonly caFile: string
  /** The control group below which the node's containers have theirs. */
  readonly cgroup: string
}

export function kubeletConfig({ folder, caFile, cgroup }: KubeletOptions): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${containerdSocket(folder)}`,
    // What a container among others may hold of control groups: no hierarchy of its own, no limits on the node.
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: false,
    cgroupRoot: `/${cgroup}`,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    authentication: {
      x509: { clientCAFile: caFile },
      webhook: { enabled: false },
      anonymous: { enabled: false },
    },
    authorization: { mode: 'AlwaysAllow' },
    // There is no name server.
    clusterDomain: 'cluster.local',
    clusterDNS: [],
    resolvConf: '',
    // The disk of the machine that runs the tests is not theirs to judge.
    evictionHard: { 'nodefs.available': '0%', 'imagefs.available': '0%', 'memory.available': '1Mi' },
    imageGCHighThresholdPercent: 100,
  })
}

export function proxyConfig(kubeconfig: string, mode: ProxyMode): string {
  return JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig },
    mode,
    clusterCIDR: podCidr,
    healthzBindAddress: '',
    metricsBindAddress: '',
    // It may not write the kernel's settings.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  })
}
