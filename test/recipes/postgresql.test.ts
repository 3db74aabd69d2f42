// docs/recipes/postgresql.md, with a real primary and a real standby: what the page prints is what is applied.
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { until } from '../support/cluster/poll.js'
import type { Process } from '../support/cluster/processes.js'
import type { Cluster } from '../support/cluster-context.js'
import { whyNoIsland } from '../support/recipes/island.js'
import { printedBlocks } from '../support/recipes/page.js'
import { asPostgres, binariesOfPostgres, insert, sql, userOfPostgres, written } from '../support/recipes/postgres.js'
import { openRecipe, type Recipe } from '../support/recipes/recipe.js'
import { reportSkipped } from '../support/skipped.js'

const cluster = inject('cluster')
const PAGE = 'postgresql.md'
const [PRIMARY, STANDBY] = ['10.244.9.20', '10.244.9.21'] as const
const ADDRESSES = { 'postgresql-0': PRIMARY, 'postgresql-1': STANDBY } as const
type Name = keyof typeof ADDRESSES
/** The first that tells clients whether it is a standby. */
const OLDEST = 14

const bin = await binariesOfPostgres(OLDEST)
const why =
  whyNoIsland() ?? (bin ? undefined : `there is no PostgreSQL ${OLDEST} or later (apt-get install postgresql)`)
if (why) reportSkipped(`NO POSTGRESQL: docs/recipes/postgresql.md is not tested: skipped because ${why}.`)

describe.skipIf(!cluster || why)('a Service that follows the primary of PostgreSQL', { timeout: 90_000 }, () => {
  let recipe: Recipe<Name>
  const servers = new Map<Name, Process>()

  const program = (name: string, ...args: readonly string[]) => asPostgres(join(bin ?? '', name), ...args)
  /** Starts it again and again: of one that was killed, parts may still be there. */
  const startServer = async (name: Name, ...settings: readonly string[]) => {
    const all = [`listen_addresses=${ADDRESSES[name]}`, 'unix_socket_directories=', 'fsync=off', ...settings]
    const command = program('postgres', '-D', name, ...all.flatMap((setting) => ['-c', setting]))
    await until(`${name} answers`, async () => {
      if (servers.get(name)?.ended !== undefined || !servers.has(name)) {
        servers.set(name, await recipe.island.start(name, ...command))
      }
      return (await sql(recipe.island, ADDRESSES[name], 'SELECT 1').catch(() => '')) ? true : undefined
    })
  }

  /** A primary with what the page prints, and its standby, for whose acknowledgement each write waits. */
  const startPair = async () => {
    const { island } = recipe
    await island.exec(...program('initdb', '-D', 'postgresql-0', '-U', 'postgres', '--no-sync'))
    const rules = [...printedBlocks(PAGE, 'conf'), 'host all postgres all trust', 'host replication postgres all trust']
    await writeFile(join(island.folder, 'postgresql-0/pg_hba.conf'), rules.join('\n'))
    await startServer('postgresql-0', 'synchronous_standby_names=*')
    const commands = printedBlocks(PAGE, 'sql').join('').trim().split('\n')
    await sql(island, PRIMARY, 'SET synchronous_commit = local', ...commands, 'CREATE TABLE writes (n int)')
    const copy = ['-h', PRIMARY, '-U', 'postgres', '-D', 'postgresql-1', '-R', '--checkpoint=fast', '--no-sync']
    await island.exec(...program('pg_basebackup', ...copy))
    await startServer('postgresql-1')
  }

  beforeAll(async () => {
    recipe = await openRecipe(cluster as Cluster, { page: PAGE, port: 5432, addresses: ADDRESSES })
    const { uid, gid } = await userOfPostgres(recipe.island)
    for (const name of Object.keys(ADDRESSES)) {
      const folder = join(recipe.island.folder, name)
      await mkdir(folder, { mode: 0o700 })
      await chown(folder, uid, gid)
    }
    await startPair()
  })
  afterAll(() => recipe?.close())

  it('leads to the primary at first, and is left alone then, though its standby fails the check', async () => {
    await recipe.follows('postgresql-0')
    await recipe.isSteady()
  })

  it('lets the user of the check do nothing but log in', async () => {
    const asHealth = (database: string, command: string) =>
      recipe.island.exec('psql', '-h', PRIMARY, '-U', 'health', '-d', database, '-Atqc', command)
    expect(await asHealth('health', 'SHOW in_hot_standby')).toBe('off\n')
    await expect(asHealth('postgres', 'SELECT 1')).rejects.toThrow('no pg_hba.conf entry')
    await expect(asHealth('health', 'CREATE TABLE t (n int)')).rejects.toThrow('permission denied')
    await expect(asHealth('health', 'CREATE TEMPORARY TABLE t (n int)')).rejects.toThrow('permission denied')
  })

  it('keeps every acknowledged write when the primary is killed and the standby is promoted', async () => {
    const { island, isBlocked, movesUnderWrites } = recipe
    const { acknowledged } = await movesUnderWrites({
      write: (address, n) => insert(island, address, n),
      away: async () => {
        await servers.get('postgresql-0')?.signal('SIGKILL')
        await isBlocked('postgresql-0')
        expect(await sql(island, STANDBY, 'SELECT pg_promote()')).toBe('t\n')
      },
    })
    const there = await written(island, STANDBY)
    expect(acknowledged.filter((n) => !there.has(n))).toEqual([])
  })

  it('stays where it is when the old primary comes back as one', async () => {
    await startServer('postgresql-0')
    expect(await sql(recipe.island, PRIMARY, 'SHOW in_hot_standby')).toBe('off\n')
    const group = { decision: 'keep', active: { after: 'postgresql-1' } }
    expect(await recipe.world.report()).toMatchObject({ code: 0, group })
  })
})
