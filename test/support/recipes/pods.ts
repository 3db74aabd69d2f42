/** A group as a recipe has it: its Service as it is printed, and pods whose servers the test starts. */
import { kube } from '../cluster/client.js'
import { until } from '../cluster/poll.js'
import type { Cluster } from '../cluster-context.js'
import { ALL_RIGHTS, type JsonRun, type OnCluster, openNamespace } from '../on-cluster.js'
import { type Island, openIsland } from './island.js'
import { printedService } from './page.js'
import { addressesOf } from './writer.js'

export interface RecipeOptions {
  /** In docs/recipes. */
  readonly page: string
  /** Of the database. */
  readonly port: number
  /** By the names of the pods. */
  readonly addresses: Readonly<Record<string, string>>
}

export interface RecipeWorld {
  readonly world: OnCluster
  readonly island: Island
  /** The name of the Service. */
  readonly service: string
  /** Makes passes, one after the other, until one ends as wanted; resolves with that one. */
  passesUntil(what: string, isWanted: (run: JsonRun) => boolean): Promise<JsonRun>
  /** All passes of `passesUntil`, in order. */
  readonly passes: readonly JsonRun[]
  /** Resolves when this is where the Service leads. */
  leadsTo(address: string): Promise<void>
  close(): Promise<void>
}

/** Makes a namespace with the pods and the Service of a page, none of them active, and an island for their servers. */
export async function openRecipe(cluster: Cluster, options: RecipeOptions): Promise<RecipeWorld> {
  const { page, port, addresses } = options
  const printed = printedService(page)
  const island = await openIsland(kube(cluster.kubeconfig).server, Object.values(addresses))
  const world = await openNamespace(cluster, ALL_RIGHTS, island.place)
  const { role: _, ...labels } = printed.spec.selector
  for (const [name, ip] of Object.entries(addresses)) {
    await world.createPod({ name, port }, { ip, labels, readinessProbe: { tcpSocket: { port } } })
  }
  await world.admin.post(`${world.api}/services`, printed)
  const passes: JsonRun[] = []
  const service = printed.metadata.name
  return {
    world,
    island,
    service,
    passes,
    passesUntil: (what, isWanted) =>
      until(what, async () => {
        const run = await world.report()
        passes.push(run)
        return isWanted(run) ? run : undefined
      }),
    leadsTo: async (address) => {
      await until(`${service} leads to ${address}`, async () => {
        const found = await addressesOf(world, service)
        return (found.length === 1 && found[0] === address) || undefined
      })
    },
    close: async () => {
      await world.close()
      await island.close()
    },
  }
}
