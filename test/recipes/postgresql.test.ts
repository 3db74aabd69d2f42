// docs/recipes/postgresql.md, with a real primary and a real standby: what the page prints is what is applied.
import { chown, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Observer, observe } from '../support/cluster/observer.js'
import { until } from '../support/cluster/poll.js'
import type { Process } from '../support/cluster/processes.js'
import { whyNoIsland } from '../support/recipes/island.js'
import { printedBlocks } from '../support/recipes/page.js'
import { openRecipe, type RecipeWorld } from '../support/recipes/pods.js'
import { startWriter } from '../support/recipes/writer.js'
import { reportSkipped } from '../support/skipped.js'

const cluster = inject('cluster')
const PAGE = 'postgresql.md'
const PORT = 5432
const ADDRESSES = { 'postgresql-0': '10.244.9.20', 'postgresql-1': '10.244.9.21' } as const
type Name = keyof typeof ADDRESSES
/** Where Debian has each version's programs. */
const VERSIONS = '/usr/lib/postgresql'
/** The first that tells clients whether it is a standby. */
const OLDEST = 14

const versions = await readdir(VERSIONS).catch(() => [])
const version = Math.max(...versions.map(Number).filter(Number.isFinite))
const bin = join(VERSIONS, `${version}`, 'bin')
const why =
  whyNoIsland() ??
  (version >= OLDEST ? undefined : `there is no PostgreSQL ${OLDEST} or later (apt-get install postgresql)`)
if (why) reportSkipped(`NO POSTGRESQL: the recipe of docs/recipes/postgresql.md is not tested: skipped because ${why}.`)

describe.skipIf(!cluster || why)('a Service that follows the primary of PostgreSQL', { timeout: 60_000 }, () => {
  let opened: RecipeWorld
  let observer: Observer
  const servers = new Map<Name, Process>()

  /** PostgreSQL does not run as root. */
  const asPostgres = (program: string, ...args: readonly string[]) =>
    ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', '--', join(bin, program), ...args] as const
  const sql = (address: string, ...commands: readonly string[]) =>
    opened.island.exec(
      ...['env', 'PGCONNECT_TIMEOUT=2', 'PGOPTIONS=--synchronous_commit=on', 'psql', '-h', address, '-U', 'postgres'],
      ...['-Atq', ...commands.flatMap((command) => ['-c', command])],
    )
  const startServer = async (name: Name, ...settings: readonly string[]) => {
    const all = [`listen_addresses=${ADDRESSES[name]}`, 'unix_socket_directories=', 'fsync=off', ...settings]
    const args = ['-D', name, ...all.flatMap((setting) => ['-c', setting])]
    await until(`${name} answers`, async () => {
      const server = servers.get(name)
      if (!server || server.ended)
        servers.set(name, await opened.island.start(name, ...asPostgres('postgres', ...args)))
      return (await sql(ADDRESSES[name], 'SELECT 1').catch(() => '')) ? true : undefined
    })
  }
  /** A primary with what the page says, and its standby, whose acknowledgement each write waits for. */
  const startPair = async () => {
    const { island } = opened
    await island.exec(...asPostgres('initdb', '-D', 'postgresql-0', '-U', 'postgres', '--no-sync'))
    const rules = [...printedBlocks(PAGE, 'conf'), 'host all postgres all trust', 'host replication postgres all trust']
    await writeFile(join(island.folder, 'postgresql-0/pg_hba.conf'), rules.join('\n'))
    await startServer('postgresql-0', 'synchronous_standby_names=*')
    const commands = printedBlocks(PAGE, 'sql').join('').trim().split('\n')
    await sql(ADDRESSES['postgresql-0'], 'SET synchronous_commit = local', ...commands, 'CREATE TABLE writes (n int)')
    const from = ['-h', ADDRESSES['postgresql-0'], '-U', 'postgres']
    await island.exec(
      ...asPostgres('pg_basebackup', ...from, '-D', 'postgresql-1', '-R', '--checkpoint=fast', '--no-sync'),
    )
    await startServer('postgresql-1')
  }

  beforeAll(async () => {
    opened = await openRecipe(cluster as NonNullable<typeof cluster>, { page: PAGE, port: PORT, addresses: ADDRESSES })
    for (const name of Object.keys(ADDRESSES)) {
      const folder = join(opened.island.folder, name)
      await mkdir(folder, { mode: 0o700 })
      const [uid, gid] = [
        await opened.island.exec('id', '-u', 'postgres'),
        await opened.island.exec('id', '-g', 'postgres'),
      ]
      await chown(folder, Number(uid), Number(gid))
    }
    await startPair()
    observer = await observe((cluster as NonNullable<typeof cluster>).kubeconfig, opened.world.namespace)
  })
  afterAll(async () => {
    await observer?.caughtUp()
    const two = observer?.instantsWithTwoActives
    await observer?.stop()
    await opened?.close()
    expect(two).toEqual([])
  })

  it('leads to the primary at first, and is left alone then, though its standby fails the check', async () => {
    const { world, passesUntil, leadsTo } = opened
    await passesUntil('the primary is active', ({ group }) => group.active.after === 'postgresql-0')
    await leadsTo(ADDRESSES['postgresql-0'])
    await world.report()
    await world.takeRequests()
    const steady = await world.report()
    expect(steady).toMatchObject({ code: 0, warnings: [], group: { decision: 'keep', warnings: [], writes: [] } })
    expect(await world.takeRequests()).toEqual(['list services', 'list pods'])
    expect((await world.run(['status'])).code).toBe(0)
  })

  it('keeps every acknowledged write when the primary is killed and the standby is promoted', async () => {
    const { world, service, passes, passesUntil, leadsTo } = opened
    const writer = startWriter(world, service, async (address, n) => {
      await sql(address, `INSERT INTO writes VALUES (${n})`)
      return true
    })
    await writer.more(20)
    const before = passes.length
    await servers.get('postgresql-0')?.signal('SIGKILL')
    const blocked = await passesUntil('the primary is missed', ({ group }) => group.decision === 'blocked')
    expect(blocked).toMatchObject({
      code: 1,
      group: { reason: { code: 'no-candidate' }, active: { after: 'postgresql-0' } },
    })
    expect(await sql(ADDRESSES['postgresql-1'], 'SELECT pg_promote()')).toBe('t\n')
    await passesUntil('the standby is active', ({ group }) => group.active.after === 'postgresql-1')
    await leadsTo(ADDRESSES['postgresql-1'])
    await writer.more(20)
    await writer.stop()
    const there = (await sql(ADDRESSES['postgresql-1'], 'SELECT n FROM writes')).trim().split('\n').map(Number)
    expect(writer.acknowledged.filter((n) => !there.includes(n))).toEqual([])
    expect(writer.mostAddresses).toBe(1)
    const made = passes.slice(before)
    expect(made.filter(({ group }) => group.decision === 'failover')).toHaveLength(1)
    process.stderr.write(
      `FIGURES postgresql: ${writer.acknowledged.length} acknowledged, ${writer.failed} failed, ${Math.round(writer.longestGapMs)} ms, ${made.length} passes: ${made.map(({ group }) => group.decision)}\n`,
    )
  })

  it('stays where it is when the old primary comes back as one', async () => {
    await startServer('postgresql-0')
    expect(await sql(ADDRESSES['postgresql-0'], 'SHOW in_hot_standby')).toBe('off\n')
    const expected = { code: 0, group: { decision: 'keep', active: { after: 'postgresql-1' } } }
    expect(await opened.world.report()).toMatchObject(expected)
  })
})
