/** A client of a database behind a Service: each write is a connection of its own, to wherever the Service leads. */
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../cluster/poll.js'
import type { OnCluster } from '../on-cluster.js'

export interface Writer {
  /** The numbers of the writes that were acknowledged. */
  readonly acknowledged: readonly number[]
  readonly failed: number
  /** The longest time between two that were acknowledged. */
  readonly longestGapMs: number
  /** The most addresses that the Service had at once. */
  readonly mostAddresses: number
  /** Resolves when so many more were acknowledged. */
  more(count: number): Promise<void>
  /** Resolves when the last write has ended. */
  stop(): Promise<void>
}

interface Slice {
  readonly endpoints?: readonly { readonly addresses: readonly string[] }[] | null
}

/**
 * Writes one number after the other, until it is told to stop.
 * @param write resolves with whether the database has acknowledged the write
 */
export function startWriter(
  world: OnCluster,
  service: string,
  write: (address: string, n: number) => Promise<boolean>,
): Writer {
  const acknowledged: number[] = []
  let [failed, longestGapMs, mostAddresses, lastMs] = [0, 0, 0, 0]
  let ended = false
  const writeOne = async (n: number): Promise<void> => {
    const addresses = await addressesOf(world, service)
    mostAddresses = Math.max(mostAddresses, addresses.length)
    const [address] = addresses
    if (address && (await write(address, n).catch(() => false))) {
      const nowMs = performance.now()
      if (lastMs > 0) longestGapMs = Math.max(longestGapMs, nowMs - lastMs)
      lastMs = nowMs
      acknowledged.push(n)
    } else {
      failed++
      await sleep(50) // clients that are refused pause before they try again
    }
  }
  const running = (async () => {
    for (let n = 1; !ended; n++) await writeOne(n)
  })()
  return {
    acknowledged,
    get failed() {
      return failed
    },
    get longestGapMs() {
      return longestGapMs
    },
    get mostAddresses() {
      return mostAddresses
    },
    more: async (count) => {
      const wanted = acknowledged.length + count
      await until(`${count} more writes`, () => acknowledged.length >= wanted || undefined, { timeoutMs: 60_000 })
    },
    stop: () => {
      ended = true
      return running
    },
  }
}

/** Where the Service leads, by its EndpointSlices. */
export async function addressesOf({ admin, namespace }: OnCluster, service: string): Promise<readonly string[]> {
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
  const query = `labelSelector=kubernetes.io/service-name=${service}`
  const { items } = await admin.get<{ readonly items: readonly Slice[] }>(`${path}?${query}`)
  return items.flatMap(({ endpoints }) => endpoints ?? []).flatMap(({ addresses }) => addresses)
}
