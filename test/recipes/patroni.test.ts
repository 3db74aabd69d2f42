// docs/recipes/patroni.md, with a real Patroni: what the page prints is what is applied.
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dump } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { findBinaries } from '../support/cluster/binaries.js'
import { until } from '../support/cluster/poll.js'
import type { Process } from '../support/cluster/processes.js'
import type { Cluster } from '../support/cluster-context.js'
import { isThere } from '../support/node/requirements.js'
import { whyNoIsland } from '../support/recipes/island.js'
import { asPostgres, binariesOfPostgres, insert, sql, userOfPostgres, written } from '../support/recipes/postgres.js'
import { openRecipe, type Recipe } from '../support/recipes/recipe.js'
import { reportSkipped } from '../support/skipped.js'

const cluster = inject('cluster')
const PORT = 5432
const ADDRESSES = { 'patroni-0': '10.244.9.30', 'patroni-1': '10.244.9.31' } as const
type Name = keyof typeof ADDRESSES
const NAMES = Object.keys(ADDRESSES) as readonly Name[]

const bin = await binariesOfPostgres()
const why =
  whyNoIsland() ??
  (bin && isThere('patroni') ? undefined : 'there is no Patroni (apt-get install patroni python3-etcd postgresql)')
if (why) reportSkipped(`NO PATRONI: docs/recipes/patroni.md is not tested: skipped because ${why}.`)

/** What patronictl says of one of them. */
interface Listed {
  readonly Member: Name
  readonly Role: string
  readonly State: string
}

/** Among Kubernetes' own programs is etcd. */
const isTested = cluster && findBinaries() && !why

describe.skipIf(!isTested)('a Service that follows the leader of Patroni', { timeout: 90_000 }, () => {
  let recipe: Recipe<Name>
  const servers = new Map<Name, Process>()

  const configuration = (name: Name, folder: string) => ({
    scope: 'demo',
    name,
    restapi: { listen: `${ADDRESSES[name]}:8008`, connect_address: `${ADDRESSES[name]}:8008` },
    etcd3: { host: '127.0.0.1:2379' },
    bootstrap: { dcs: { ttl: 20, loop_wait: 1, retry_timeout: 3 }, initdb: [{ auth: 'trust' }, 'no-sync'] },
    postgresql: {
      listen: `${ADDRESSES[name]}:${PORT}`,
      connect_address: `${ADDRESSES[name]}:${PORT}`,
      data_dir: join(folder, 'data'),
      bin_dir: bin,
      pgpass: join(folder, 'pgpass'),
      parameters: { unix_socket_directories: '', fsync: 'off' },
      pg_hba: ['host all all all trust', 'host replication all all trust'],
      authentication: { superuser: { username: 'postgres' }, replication: { username: 'replicator' } },
    },
  })

  const patronictl = (...args: readonly string[]) => recipe.island.exec('patronictl', '-c', 'patroni-0.yml', ...args)
  /** Resolves with the leader, when there is one with a replica. */
  const leader = () =>
    until(
      'a leader and a replica',
      async () => {
        const listed = await patronictl('list', '--format', 'json').catch(() => '[]')
        const all = JSON.parse(listed) as readonly Listed[]
        const running = all.filter(({ State }) => State === 'running' || State === 'streaming')
        return running.length === NAMES.length ? running.find(({ Role }) => Role === 'Leader')?.Member : undefined
      },
      { everyMs: 500 }, // each is a program that takes long to start
    )

  beforeAll(async () => {
    recipe = await openRecipe(cluster as Cluster, { page: 'patroni.md', port: PORT, addresses: ADDRESSES })
    const { island } = recipe
    const { uid, gid } = await userOfPostgres(island)
    await island.start('etcd', 'etcd', '--data-dir', 'etcd', '--unsafe-no-fsync')
    for (const name of NAMES) {
      const folder = join(island.folder, name)
      await mkdir(folder, { mode: 0o700 })
      await chown(folder, uid, gid)
      await writeFile(join(island.folder, `${name}.yml`), dump(configuration(name, folder)))
      servers.set(name, await island.start(name, ...asPostgres('patroni', `${name}.yml`)))
    }
    await leader()
  })
  afterAll(() => recipe?.close())

  it('leads to the leader at first, and is left alone then, though its replica fails the check', async () => {
    await recipe.follows(await leader())
    await recipe.isSteady()
  })

  it('keeps every acknowledged write when Patroni moves the leadership', async () => {
    const { island, movesUnderWrites } = recipe
    await sql(island, ADDRESSES[await leader()], 'CREATE TABLE writes (n int)')
    const { to, acknowledged } = await movesUnderWrites({
      write: (address, n) => insert(island, address, n),
      away: async (from) => void (await patronictl('switchover', 'demo', '--master', from, '--force')),
    })
    expect(await leader()).toBe(to)
    const there = await written(island, ADDRESSES[to])
    expect(acknowledged.filter((n) => !there.has(n))).toEqual([])
  })

  it('stays where it is when no Patroni answers', async () => {
    const [active] = (await recipe.world.actives()) as [Name]
    for (const server of servers.values()) await server.signal('SIGKILL')
    await recipe.isBlocked(active)
  })
})
