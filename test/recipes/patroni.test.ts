// docs/recipes/patroni.md, with a real Patroni: what the page prints is what is applied.
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dump } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { findBinaries } from '../support/cluster/binaries.js'
import { type Observer, observe } from '../support/cluster/observer.js'
import { until } from '../support/cluster/poll.js'
import type { Process } from '../support/cluster/processes.js'
import { isThere } from '../support/node/requirements.js'
import { whyNoIsland } from '../support/recipes/island.js'
import { openRecipe, type RecipeWorld } from '../support/recipes/pods.js'
import { asPostgres, binariesOfPostgres, userOfPostgres } from '../support/recipes/postgres.js'
import { startWriter } from '../support/recipes/writer.js'
import { reportSkipped } from '../support/skipped.js'

const cluster = inject('cluster')
const ADDRESSES = { 'patroni-0': '10.244.9.30', 'patroni-1': '10.244.9.31' } as const
type Name = keyof typeof ADDRESSES
const NAMES = Object.keys(ADDRESSES) as readonly Name[]

const bin = await binariesOfPostgres()
const isPatroniThere = isThere('patroni') && bin !== undefined
const why =
  whyNoIsland() ??
  (isPatroniThere ? undefined : 'there is no Patroni (apt-get install patroni python3-etcd postgresql)')
if (why) reportSkipped(`NO PATRONI: the recipe of docs/recipes/patroni.md is not tested: skipped because ${why}.`)

const isTested = cluster && !why && findBinaries() !== undefined // which have etcd

describe.skipIf(!isTested)('a Service that follows the leader of Patroni', { timeout: 90_000 }, () => {
  let opened: RecipeWorld
  let observer: Observer
  const servers = new Map<Name, Process>()

  const configuration = (name: Name) => ({
    scope: 'demo',
    name,
    restapi: { listen: `${ADDRESSES[name]}:8008`, connect_address: `${ADDRESSES[name]}:8008` },
    etcd3: { host: '127.0.0.1:2379' },
    bootstrap: { dcs: { ttl: 20, loop_wait: 1, retry_timeout: 3 }, initdb: [{ auth: 'trust' }, 'no-sync'] },
    postgresql: {
      listen: `${ADDRESSES[name]}:5432`,
      connect_address: `${ADDRESSES[name]}:5432`,
      data_dir: join(opened.island.folder, name, 'data'),
      bin_dir: bin,
      pgpass: join(opened.island.folder, name, 'pgpass'),
      parameters: { unix_socket_directories: '', fsync: 'off' },
      pg_hba: ['host all all 0.0.0.0/0 trust', 'host replication all 0.0.0.0/0 trust'],
      authentication: { superuser: { username: 'postgres' }, replication: { username: 'replicator' } },
    },
  })
  const patronictl = (...args: readonly string[]) => opened.island.exec('patronictl', '-c', 'patroni-0.yml', ...args)
  interface Listed {
    readonly Member: Name
    readonly Role: string
    readonly State: string
  }
  const listed = async () => JSON.parse(await patronictl('list', '-f', 'json')) as readonly Listed[]
  const leader = async () => (await listed()).find(({ Role }) => Role === 'Leader')?.Member
  /** Resolves when both run, and one of them leads. */
  const paired = () =>
    until('a leader with a replica', async () => {
      const all = await listed().catch(() => [])
      return (
        (all.length === NAMES.length &&
          all.every(({ State }) => State === 'running' || State === 'streaming') &&
          (await leader())) ||
        undefined
      )
    })
  const sql = (address: string, command: string) =>
    opened.island.exec(
      ...(['env', 'PGCONNECT_TIMEOUT=2', 'psql', '-h', address, '-U', 'postgres', '-Atqc', command] as const),
    )

  beforeAll(async () => {
    opened = await openRecipe(cluster as NonNullable<typeof cluster>, {
      page: 'patroni.md',
      port: 5432,
      addresses: ADDRESSES,
    })
    const { folder } = opened.island
    const { uid, gid } = await userOfPostgres(opened.island)
    await opened.island.start('etcd', 'etcd', '--data-dir', 'etcd', '--unsafe-no-fsync')
    for (const name of NAMES) {
      await mkdir(join(folder, name), { mode: 0o700 })
      await chown(join(folder, name), uid, gid)
      await writeFile(join(folder, `${name}.yml`), dump(configuration(name)))
      servers.set(name, await opened.island.start(name, ...asPostgres('patroni', `${name}.yml`)))
    }
    await paired()
    observer = await observe((cluster as NonNullable<typeof cluster>).kubeconfig, opened.world.namespace)
  }, 90_000)
  afterAll(async () => {
    await observer?.caughtUp()
    const two = observer?.instantsWithTwoActives
    await observer?.stop()
    await opened?.close()
    expect(two).toEqual([])
  })

  it('leads to the leader at first, and is left alone then, though its replica fails the check', async () => {
    const first = (await leader()) as Name
    await opened.passesUntil('the leader is active', ({ group }) => group.active.after === first)
    await opened.leadsTo(ADDRESSES[first])
    await opened.isSteady()
  })

  it('keeps every acknowledged write when Patroni moves the leadership', async () => {
    const { world, service, passes, passesUntil, leadsTo } = opened
    const first = (await leader()) as Name
    const next = NAMES.find((name) => name !== first) as Name
    await sql(ADDRESSES[first], 'CREATE TABLE writes (n int)')
    const writer = startWriter(world, service, async (address, n) => {
      await sql(address, `INSERT INTO writes VALUES (${n})`)
      return true
    })
    await writer.more(10)
    const before = passes.length
    await patronictl('switchover', 'demo', '--master', first, '--candidate', next, '--force')
    await passesUntil('the new leader is active', ({ group }) => group.active.after === next)
    await leadsTo(ADDRESSES[next])
    await writer.more(10)
    await writer.stop()
    const there = (await sql(ADDRESSES[next], 'SELECT n FROM writes')).trim().split('\n').map(Number)
    expect(writer.acknowledged.filter((n) => !there.includes(n))).toEqual([])
    expect(writer.mostAddresses).toBe(1)
    const made = passes.slice(before)
    expect(made.filter(({ group }) => group.decision === 'failover')).toHaveLength(1)
    process.stderr.write(
      `FIGURES patroni: ${writer.acknowledged.length} acknowledged, ${writer.failed} failed, ${Math.round(writer.longestGapMs)} ms, ${made.length} passes: ${made.map(({ group }) => group.decision)}\n`,
    )
  })

  it('stays where it is when no Patroni answers', async () => {
    const [active] = await opened.world.actives()
    for (const server of servers.values()) await server.signal('SIGKILL')
    const expected = {
      code: 1,
      group: { decision: 'blocked', reason: { code: 'no-candidate' }, active: { after: active } },
    }
    expect(await opened.world.report()).toMatchObject(expected)
  })
})
