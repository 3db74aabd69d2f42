// Networks of their own for handlers, in the first machine: what one of them does not reach, others do.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Place } from '../../support/cluster/programs.js'
import type { Machine } from '../../support/node/machines.js'

/** How connections fail: at once, or without a word. */
export type Loss = 'reject' | 'drop'

export interface View {
  /** Runs a command in it. */
  readonly place: Place
  /** From now on, nothing that goes to these addresses (`10.244.0.7`, `10.244.0.0/16`) arrives. */
  lose(addresses: readonly string[], how: Loss): Promise<void>
  close(): Promise<void>
}

/** Addresses on the nodes' network that no machine has. */
let views = 0
const firstAddress = 20

/** The network of the machine itself: it loses nothing. */
export function ownView({ place }: Machine): View {
  return {
    place,
    lose: () => Promise.reject(new Error('the network of the node itself may not be cut: give the handler its own')),
    close: async () => undefined,
  }
}

/** @param machine the first of its cluster, on whose bridge all are */
export async function openView(machine: Machine): Promise<View> {
  const number = views++ % 200
  const { command, args } = machine.place('sh', ['-c', 'echo $$; exec unshare --net sleep 3600'])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const [pid] = (await once(createInterface(child.stdout), 'line')) as [string]
  const inside = ['nsenter', `--net=/proc/${pid}/ns/net`, '--'] as const
  const wire = `view${number}`
  await machine.exec(
    'sh',
    '-ec',
    `while [ "$(readlink /proc/${pid}/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
     ip link add ${wire} type veth peer name eth0 netns ${pid}
     ip link set ${wire} master nodes up
     ${inside.join(' ')} sh -ec '
       ip link set lo up
       ip link set eth0 up
       ip addr add 172.31.255.${firstAddress + number}/24 dev eth0
       ip route add default via ${machine.address}'`,
  )
  return {
    place: (command, args) => machine.place('nsenter', [...inside.slice(1), command, ...args]),
    lose: async (addresses, how) => {
      const target = how === 'drop' ? ['DROP'] : ['REJECT', '--reject-with', 'tcp-reset']
      for (const address of addresses) {
        await machine.exec(...inside, 'iptables', '-w', '-I', 'OUTPUT', '-d', address, '-p', 'tcp', '-j', ...target)
      }
    },
    close: async () => {
      await machine.exec('kill', '-KILL', pid)
      await closed
    },
  }
}
