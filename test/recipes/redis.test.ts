// docs/recipes/redis.md, with three real Redis and a real Sentinel: what the page prints is what is applied.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { until } from '../support/cluster/poll.js'
import type { Process } from '../support/cluster/processes.js'
import type { Cluster } from '../support/cluster-context.js'
import { isThere } from '../support/node/requirements.js'
import { whyNoIsland } from '../support/recipes/island.js'
import { printedBlocks, printedService } from '../support/recipes/page.js'
import { openRecipe, type Recipe } from '../support/recipes/recipe.js'
import { reportSkipped } from '../support/skipped.js'

const cluster = inject('cluster')
const PAGE = 'redis.md'
const PORT = 6379
const ADDRESSES = { 'redis-0': '10.244.9.10', 'redis-1': '10.244.9.11', 'redis-2': '10.244.9.12' } as const
type Name = keyof typeof ADDRESSES
const NAMES = Object.keys(ADDRESSES) as readonly Name[]
const PASSWORD = 'correct horse'

const why =
  whyNoIsland() ?? (isThere('redis-server') ? undefined : 'there is no redis-server (apt-get install redis-server)')
if (why) reportSkipped(`NO REDIS: docs/recipes/redis.md is not tested: skipped because ${why}.`)

describe.skipIf(!cluster || why)('a Service that follows the master of Redis', { timeout: 90_000 }, () => {
  let recipe: Recipe<Name>
  let sentinel: Process
  const servers = new Map<Name, Process>()

  /** What Redis answers. */
  const redis = (name: Name, ...command: readonly string[]) =>
    recipe.island.exec('redis-cli', '-h', ADDRESSES[name], '-a', PASSWORD, '--no-auth-warning', ...command)
  const roleOf = async (name: Name) => /role:(\w+)/.exec(await redis(name, 'INFO', 'replication'))?.[1]

  /** Starts it as its configuration says: as a master, unless told. */
  const startServer = async (name: Name, of?: Name) => {
    const configuration = [
      ...[`bind ${ADDRESSES[name]}`, `port ${PORT}`, 'protected-mode no', 'save ""', 'repl-diskless-sync-delay 0'],
      ...[`requirepass "${PASSWORD}"`, `masterauth "${PASSWORD}"`],
      ...printedBlocks(PAGE, 'conf'),
      `replica-announce-ip ${ADDRESSES[name]}`, // they all connect from the same address here
      of ? `replicaof ${ADDRESSES[of]} ${PORT}` : '',
    ]
    await writeFile(join(recipe.island.folder, `${name}.conf`), configuration.join('\n'))
    servers.set(name, await recipe.island.start(name, 'redis-server', `${name}.conf`))
    await until(`${name} answers`, () =>
      redis(name, 'PING').then(
        () => true,
        () => undefined,
      ),
    )
  }

  /** Starts a Sentinel that is quick to see an end, and resolves when it knows all of them. */
  const startSentinel = async (master: Name) => {
    const address = ADDRESSES['redis-2']
    const configuration = [
      `bind ${address}`,
      `sentinel monitor demo ${ADDRESSES[master]} ${PORT} 1`,
      `sentinel auth-pass demo "${PASSWORD}"`,
      'sentinel down-after-milliseconds demo 1500', // less would take a busy machine for the end of a Redis
      'sentinel failover-timeout demo 6000',
    ]
    await writeFile(join(recipe.island.folder, 'sentinel.conf'), configuration.join('\n'))
    const started = await recipe.island.start('sentinel', 'redis-server', 'sentinel.conf', '--sentinel')
    const ask = ['redis-cli', '-h', address, '-p', '26379', 'SENTINEL', 'REPLICAS', 'demo'] as const
    await until('Sentinel knows the replicas', async () => {
      const said = await recipe.island.exec(...ask).catch(() => '')
      return said.split('master-link-status\nok').length === NAMES.length || undefined
    })
    return started
  }

  /** The last argument of the command that the page prints for a Redis with a password. */
  const withPassword = () => {
    const [, key = '', value = ''] = /'([^=]+)=(.*)'/.exec(printedBlocks(PAGE, 'sh').join('')) ?? []
    return { [key]: value }
  }

  beforeAll(async () => {
    recipe = await openRecipe(cluster as Cluster, { page: PAGE, port: PORT, addresses: ADDRESSES })
    await recipe.world.annotateService(recipe.service, withPassword())
    await startServer('redis-0')
    await Promise.all([startServer('redis-1', 'redis-0'), startServer('redis-2', 'redis-0')])
    await until('two replicas', async () => (await redis('redis-0', 'WAIT', '2', '1000')) === '2\n' || undefined)
  })
  afterAll(() => recipe?.close())

  it('leads to the master at first, and is left alone then, though its replicas fail the check', async () => {
    await recipe.follows('redis-0')
    await recipe.isSteady()
  })

  it('says the same to a Redis without a password, in fewer words', async () => {
    const { world, service } = recipe
    await redis('redis-0', 'CONFIG', 'SET', 'requirepass', '')
    await world.annotateService(service, printedService(PAGE).metadata.annotations)
    expect(await world.report()).toMatchObject({ code: 0, group: { decision: 'keep' } })
    await world.annotateService(service, withPassword())
    await redis('redis-0', 'CONFIG', 'SET', 'requirepass', PASSWORD)
  })

  it('keeps every acknowledged write when the master is killed and Sentinel chooses another', async () => {
    sentinel = await startSentinel('redis-0')
    const write = (address: string, n: number) =>
      `printf 'SET n${n} ${n}\\nWAIT 1 1000\\n' | redis-cli -h ${address} -a '${PASSWORD}' --no-auth-warning`
    const { to, acknowledged } = await recipe.movesUnderWrites({
      write: async (address, n) => {
        const [set, copies] = (await recipe.island.exec('sh', '-c', write(address, n))).split('\n')
        return set === 'OK' && Number(copies) >= 1
      },
      away: async (from) => servers.get(from)?.signal('SIGKILL'),
    })
    expect(await roleOf(to)).toBe('master')
    const there = await redis(to, 'MGET', ...acknowledged.map((n) => `n${n}`))
    expect(there.trim().split('\n')).toEqual(acknowledged.map(String))
  })

  it('stays where it is when two say that they are the master', async () => {
    await sentinel.stop()
    const [active] = (await recipe.world.actives()) as [Name]
    await startServer('redis-0')
    expect([await roleOf('redis-0'), await roleOf(active)]).toEqual(['master', 'master'])
    const group = { decision: 'keep', active: { after: active } }
    expect(await recipe.world.report()).toMatchObject({ code: 0, group })
  })

  it('goes to no replica when there is no master, not even when the active pod is deleted', async () => {
    const { world, isBlocked } = recipe
    const [active] = (await world.actives()) as [Name]
    for (const name of ['redis-0', active] as const) {
      const other = NAMES.find((one) => one !== active && one !== 'redis-0') as Name
      await redis(name, 'REPLICAOF', ADDRESSES[other], `${PORT}`)
    }
    await isBlocked(active)
    await world.admin.delete(`${world.api}/pods/${active}`)
    await isBlocked(null)
  })
})
