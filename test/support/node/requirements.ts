// What a machine must have to run nodes.
import { execFileSync } from 'node:child_process'
import { buildCommand, findBinaries, goVersion, type Release } from '../cluster/binaries.js'
import { networkPlugins } from './node-components.js'

/** What it takes, and the Debian package that has it. */
const needed = {
  containerd: 'containerd',
  runc: 'runc',
  [`${networkPlugins}/ptp`]: 'containernetworking-plugins',
  'iptables-save': 'iptables',
  nft: 'nftables',
  conntrack: 'conntrack',
  ip: 'iproute2',
  buildah: 'buildah',
  '/usr/bin/busybox': 'busybox-static',
}

/** What is missing on this machine to run a node, of the release that is tested or another; undefined when nothing is. */
export function whyNoNode(release?: Release): string | undefined {
  if (process.platform !== 'linux') return `a node runs on Linux, and this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'a node needs root'
  const missing = Object.entries(needed).flatMap(([program, name]) => (isThere(program) ? [] : [name]))
  if (missing.length > 0) return `programs are missing: apt-get install --no-install-recommends ${missing.join(' ')}`
  if (findBinaries(release) === undefined) {
    return `Kubernetes is not built: ${buildCommand(release)}, once (minutes; needs Go ${goVersion} or newer)`
  }
  return undefined
}

/** Whether a program is on the PATH, or a file is there that can be run. */
export function isThere(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0" || test -x "$0"', program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The folder of Kubernetes' binaries. @throws Error with what is missing, and how to get it */
export function requireNode(release?: Release): string {
  const why = whyNoNode(release)
  if (why !== undefined) throw new Error(why)
  return findBinaries(release) as string
}
