/** A group as a recipe has it: its Service as it is printed, and pods whose servers the test starts. */
import { expect } from 'vitest'
import { kube } from '../cluster/client.js'
import { observe } from '../cluster/observer.js'
import { until } from '../cluster/poll.js'
import type { Place } from '../cluster/programs.js'
import type { Cluster } from '../cluster-context.js'
import { repository } from '../handler.js'
import { ALL_RIGHTS, type JsonGroup, type OnCluster, openNamespace } from '../on-cluster.js'
import { type Island, openIsland } from './island.js'
import { printedService } from './page.js'
import { addressesOf, startWriter, type Writer } from './writer.js'

export interface RecipeOptions<Name extends string> {
  /** In docs/recipes. */
  readonly page: string
  /** Of the database. */
  readonly port: number
  /** By the names of the pods. */
  readonly addresses: Readonly<Record<Name, string>>
}

export interface Recipe<Name extends string> {
  readonly world: OnCluster
  readonly island: Island
  /** The name of the Service. */
  readonly service: string
  /** Makes passes until this pod is active and the Service leads to it. */
  follows(name: Name): Promise<void>
  /** Expects that a pass finds nothing to do, and status nothing to complain of, though all pods but one fail the check. */
  isSteady(): Promise<void>
  /** Expects that a pass leaves the role where it is, because no pod passes. */
  isBlocked(active: Name | null): Promise<void>
  /** What happens to a client that writes while the database makes another pod its master. */
  movesUnderWrites(move: Move<Name>): Promise<Moved<Name>>
  /** Expects besides that no two pods were active at any time. */
  close(): Promise<void>
}

interface Move<Name> {
  /** Writes a number, at this address; resolves with whether the database has acknowledged it. */
  readonly write: (address: string, n: number) => Promise<boolean>
  /** Makes the database choose another master than this. */
  readonly away: (from: Name) => Promise<void>
}

interface Moved<Name> {
  readonly to: Name
  /** The numbers of the writes that were acknowledged. */
  readonly acknowledged: readonly number[]
}

/** So many writes are acknowledged before the move, and after it. */
const WRITES = 10

/** Makes a namespace with the pods and the Service of a page, none of them active, and an island for their servers. */
export async function openRecipe<Name extends string>(
  cluster: Cluster,
  { page, port, addresses }: RecipeOptions<Name>,
): Promise<Recipe<Name>> {
  const printed = printedService(page)
  const service = printed.metadata.name
  const island = await openIsland(kube(cluster.kubeconfig).server, Object.values(addresses))
  const world = await openNamespace(cluster, ALL_RIGHTS, inRepository(island.place))
  const observer = await observe(cluster.kubeconfig, world.namespace)
  const { role: _, ...labels } = printed.spec.selector
  for (const [name, ip] of Object.entries<string>(addresses)) {
    await world.createPod({ name, port }, { ip, labels, readinessProbe: { tcpSocket: { port } } })
  }
  await world.admin.post(`${world.api}/services`, printed)

  return {
    world,
    island,
    service,
    follows: async (name) => {
      await until(`${name} is active`, async () => (await world.report()).group.active.after === name || undefined)
      await until(`${service} leads to ${name}`, async () => {
        const found = await addressesOf(world, service)
        return (found.length === 1 && found[0] === addresses[name]) || undefined
      })
    },
    isSteady: async () => {
      const { group } = await world.report() // it may have counted failures
      await world.takeRequests()
      const others = Object.keys(addresses).filter((name) => name !== group.active.after)
      const pods = others.map((name) => expect.objectContaining({ name, whyNotCode: 'check-failed' }))
      const nothing = { decision: 'keep', warnings: [], writes: [], pods: expect.arrayContaining(pods) }
      expect(await world.report()).toMatchObject({ code: 0, warnings: [], group: nothing })
      expect(await world.takeRequests()).toEqual(['list services', 'list pods'])
      expect((await world.run(['status'])).code).toBe(0)
    },
    isBlocked: async (active) => {
      const group = { decision: 'blocked', reason: { code: 'no-candidate' }, active: { after: active } }
      expect(await world.report()).toMatchObject({ code: 1, group })
      expect(await world.actives()).toEqual(active === null ? [] : [active])
    },
    movesUnderWrites: async ({ write, away }) => {
      const [from] = (await world.actives()) as [Name]
      const writer = startWriter(world, service, write)
      await writer.more(WRITES)
      await away(from)
      const passes = startPasses(world)
      await until('a failover', () => passes.made.some(({ decision }) => decision === 'failover') || undefined)
      await writer.more(WRITES)
      await writer.stop()
      await passes.stop()
      const { made } = passes
      expect(made.find(({ decision }) => decision === 'failover')).toMatchObject({ latch: 'latched', warnings: [] })
      expect(writer.mostAddresses).toBe(1)
      const to = made.at(-1)?.active.after as Name
      printFigures(page, writer, made)
      return { to, acknowledged: writer.acknowledged }
    },
    close: async () => {
      await observer.caughtUp()
      const twoActives = observer.instantsWithTwoActives
      await observer.stop()
      await world.close()
      await island.close()
      expect(twoActives).toEqual([])
    },
  }
}

/** The handler is called by its path there. */
function inRepository(place: Place): Place {
  return (command, args) => place('env', ['-C', repository, command, ...args])
}

interface Passes {
  /** What each of them found and did in the group. */
  readonly made: readonly JsonGroup[]
  /** Resolves when the last one has ended. */
  stop(): Promise<void>
}

/** Makes one pass after the other. */
function startPasses(world: OnCluster): Passes {
  const made: JsonGroup[] = []
  let ended = false
  const running = (async () => {
    while (!ended) made.push((await world.report()).group)
  })()
  running.catch(() => {}) // whoever stops them is told
  return {
    made,
    stop: () => {
      ended = true
      return running
    },
  }
}

/** For docs/recipes/README.md, where somebody asks for them by the variable FIGURES. */
function printFigures(page: string, { acknowledged, failed, longestGapMs }: Writer, made: readonly JsonGroup[]): void {
  if (!process.env.FIGURES) return
  const decisions = made.map(({ decision }) => decision).join(', ')
  const seconds = (longestGapMs / 1_000).toFixed(1)
  process.stderr.write(
    `${page}: ${acknowledged.length} writes acknowledged, ${failed} not; ${seconds} s without one; passes: ${decisions}\n`,
  )
}
