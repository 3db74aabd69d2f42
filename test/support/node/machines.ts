// The machines of a cluster: network and mount namespaces of their own, below one PID namespace. Nothing in them reaches
// the outside, no address, route or rule of this machine changes, and ending the first process of the PID namespace
// ends everything in it.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { until } from '../cluster/poll.js'
import type { Process } from '../cluster/processes.js'
import type { Place, Programs } from '../cluster/programs.js'

const run = promisify(execFile)

/** One machine. */
export interface Machine {
  /** 1 for the first, which runs the control plane as well. */
  readonly number: number
  /** Its first process, as numbered outside of the cluster. */
  readonly pid: number
  /** What the others, and its pods, reach it under. */
  readonly address: string
  /** What its pods get their addresses from. */
  readonly podCidr: string
  /** Runs a command in it, in the cluster's folder. */
  readonly place: Place
  /** The same to its end; resolves with its stdout. @throws what execFile throws for another exit code than 0 */
  exec(command: string, ...args: readonly string[]): Promise<string>
}

/** Folders in which a container runtime insists to write. Those of this machine stay as they are. */
const ownFolders = ['/run/containerd', '/run/netns', '/var/lib/cni', '/var/log/pods', '/var/log/containers']

/**
 * What the first process of a machine does: it hides what belongs to this machine, and then waits, to collect the
 * processes whose parents have ended before them.
 */
const firstProcess = (ready: string): string => `
set -eu
for folder in ${ownFolders.join(' ')}; do mkdir -p $folder; mount -t tmpfs none $folder; done
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
touch ${ready}
while :; do sleep infinity & wait $! || true; done
`

/** @param folder the cluster's. @throws Error when namespaces cannot be made, with what the kernel said in its log */
export async function startMachines(programs: Programs, folder: string, count: number): Promise<readonly Machine[]> {
  const machines: Machine[] = []
  for (let number = 1; number <= count; number++) {
    const [first] = machines
    const ready = join(folder, `machine-${number}.ready`)
    const place: Place = first
      ? (command, args) => first.place('unshare', ['--net', '--mount', '--', command, ...args])
      : (command, args) => ({
          command: 'setpriv',
          // Whatever happens to the keeper, its end is the end of all.
          args: ['--pdeathsig', 'KILL', 'unshare', ...newNamespaces, '--', command, ...args],
          wrapper: true,
        })
    const process = await programs.run({
      name: `machine-${number}`,
      command: 'bash',
      args: ['-c', firstProcess(ready)],
      place,
    })
    await programs.ready(process, async () => {
      if (!existsSync(ready)) throw new Error('not yet')
    })
    machines.push(await machineOf(process, folder, number))
  }
  await connect(machines)
  return machines
}

const newNamespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']

async function machineOf(wrapper: Process, folder: string, number: number): Promise<Machine> {
  const pid = await until(`the first process of machine ${number}`, () => onlyChildOf(wrapper.pid))
  const enter = ['--target', `${pid}`, '--net', '--mount', '--pid', '--', 'env', '-C', folder]
  return {
    number,
    pid,
    address: `172.31.255.${number}`,
    podCidr: `10.244.${number - 1}.0/24`,
    place: (command, args) => ({ command: 'nsenter', args: [...enter, command, ...args], wrapper: true }),
    exec: async (command, ...args) => (await run('nsenter', [...enter, command, ...args])).stdout,
  }
}

function onlyChildOf(pid: number): number | undefined {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
  return child ? Number(child) : undefined
}

/** One network for all: a bridge in the first machine, to which the others are wired. */
async function connect([first, ...others]: readonly Machine[]): Promise<void> {
  if (first === undefined) return
  const sh = (machine: Machine, script: string): Promise<string> => machine.exec('sh', '-ec', script)
  // A bridge to which nothing is wired would be down: the first machine's own wire keeps it up.
  await sh(
    first,
    `ip link add nodes type bridge
     ip link add wire0 type veth peer name wire1
     ip link set wire1 master nodes
     for link in nodes wire0 wire1; do ip link set $link up; done
     ip addr add ${first.address}/24 dev nodes
     # To nowhere: the kernel looks for a route to a Service's address before the rules of kube-proxy change it.
     ip route add default dev nodes`,
  )
  for (const machine of others) {
    const wire = `wire${machine.number}`
    // From outside of the PID namespace, whose numbers `netns` is given.
    const link = ['link', 'add', wire, 'type', 'veth', 'peer', 'name', 'nodes', 'netns', `${machine.pid}`]
    await run('nsenter', ['--target', `${first.pid}`, '--net', '--', 'ip', ...link])
    await sh(
      first,
      `ip link set ${wire} master nodes up
       ip route add ${machine.podCidr} via ${machine.address}`,
    )
    await sh(
      machine,
      `ip link set nodes up
       ip addr add ${machine.address}/24 dev nodes
       ip route add default via ${first.address}`,
    )
  }
}
