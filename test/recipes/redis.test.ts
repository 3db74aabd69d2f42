// docs/recipes/redis.md, with three real Redis and a real Sentinel: what the page prints is what is applied.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Observer, observe } from '../support/cluster/observer.js'
import { until } from '../support/cluster/poll.js'
import type { Process } from '../support/cluster/processes.js'
import { isThere } from '../support/node/requirements.js'
import { whyNoIsland } from '../support/recipes/island.js'
import { printedBlocks, printedService } from '../support/recipes/page.js'
import { openRecipe, type RecipeWorld } from '../support/recipes/pods.js'
import { startWriter } from '../support/recipes/writer.js'
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
if (why) reportSkipped(`NO REDIS: the recipe of docs/recipes/redis.md is not tested: skipped because ${why}.`)

describe.skipIf(!cluster || why)('a Service that follows the master of Redis', { timeout: 60_000 }, () => {
  let opened: RecipeWorld
  let observer: Observer
  let sentinel: Process
  const servers = new Map<Name, Process>()

  /** What Redis answers to these commands, one a line. */
  const redis = (name: Name, ...command: readonly string[]) =>
    opened.island.exec('redis-cli', '-h', ADDRESSES[name], '-a', PASSWORD, '--no-auth-warning', ...command)
  /** Starts it as its configuration says: as a master, unless told. */
  const startServer = async (name: Name, of?: Name) => {
    const lines = [`bind ${ADDRESSES[name]}`, `port ${PORT}`, `requirepass "${PASSWORD}"`, `masterauth "${PASSWORD}"`]
    lines.push(`replica-announce-ip ${ADDRESSES[name]}`) // they all connect from the same address here
    const [acl = ''] = printedBlocks(PAGE, 'conf')
    const conf = [
      ...lines,
      acl,
      'protected-mode no',
      'save ""',
      'repl-diskless-sync-delay 0',
      of ? `replicaof ${ADDRESSES[of]} ${PORT}` : '',
    ]
    await writeFile(join(opened.island.folder, `${name}.conf`), conf.join('\n'))
    servers.set(name, await opened.island.start(name, 'redis-server', `${name}.conf`))
    await until(`${name} answers`, async () => ((await redis(name, 'PING').catch(() => '')) ? true : undefined))
  }
  const startSentinel = async (master: Name) => {
    const at = `mymaster ${ADDRESSES[master]} ${PORT}`
    const conf = [
      `bind ${ADDRESSES['redis-2']}`,
      `sentinel monitor ${at} 1`,
      `sentinel auth-pass mymaster ${JSON.stringify(PASSWORD)}`,
      'sentinel down-after-milliseconds mymaster 500',
      'sentinel failover-timeout mymaster 5000',
    ]
    await writeFile(join(opened.island.folder, 'sentinel.conf'), conf.join('\n'))
    const process = await opened.island.start('sentinel', 'redis-server', 'sentinel.conf', '--sentinel')
    const asked = () =>
      opened.island.exec('redis-cli', '-h', ADDRESSES['redis-2'], '-p', '26379', 'SENTINEL', 'REPLICAS', 'mymaster')
    await until('Sentinel knows the replicas', async () => {
      const said = await asked().catch(() => '')
      return said.split('master-link-status\nok').length === NAMES.length || undefined
    })
    return process
  }
  /** Resolves when so many replicas have what the master has. */
  const replicated = (master: Name, count: number) =>
    until(
      `${count} replicas of ${master}`,
      async () => (await redis(master, 'WAIT', `${count}`, '1000')).trim() === `${count}` || undefined,
    )
  const roleOf = async (name: Name) => /role:(\w+)/.exec(await redis(name, 'INFO', 'replication').catch(() => ''))?.[1]
  const activeIs =
    (name: string) => (run: { readonly group: { readonly active: { readonly after: string | null } } }) =>
      run.group.active.after === name

  beforeAll(async () => {
    opened = await openRecipe(cluster as NonNullable<typeof cluster>, { page: PAGE, port: PORT, addresses: ADDRESSES })
    const { world, service } = opened
    const [, line = ''] = /--overwrite '(.*)'/.exec(printedBlocks(PAGE, 'sh').join('\n')) ?? []
    const [key, value] = [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]
    await world.annotateService(service, { [key]: value })
    await startServer('redis-0')
    await Promise.all([startServer('redis-1', 'redis-0'), startServer('redis-2', 'redis-0')])
    await replicated('redis-0', 2)
    observer = await observe((cluster as NonNullable<typeof cluster>).kubeconfig, world.namespace)
  })
  afterAll(async () => {
    await observer?.caughtUp()
    const two = observer?.instantsWithTwoActives
    await observer?.stop()
    await opened?.close()
    expect(two).toEqual([])
  })

  it('leads to the master at first, and is left alone then, though its replicas fail the check', async () => {
    const { world, passesUntil, leadsTo } = opened
    await passesUntil('the master is active', activeIs('redis-0'))
    await leadsTo(ADDRESSES['redis-0'])
    await world.report()
    await world.takeRequests()
    const steady = await world.report()
    expect(steady).toMatchObject({ code: 0, warnings: [], group: { decision: 'keep', warnings: [], writes: [] } })
    expect(await world.takeRequests()).toEqual(['list services', 'list pods'])
    expect((await world.run(['status'])).code).toBe(0)
  })

  it('takes the words of the check without a password as well', async () => {
    const { world, service } = opened
    await redis('redis-0', 'CONFIG', 'SET', 'requirepass', '')
    const { annotations } = await world.service(service)
    await world.annotateService(service, printedService(PAGE).metadata.annotations)
    expect(await world.report()).toMatchObject({ code: 0, group: { decision: 'keep' } })
    await world.annotateService(service, annotations)
    await redis('redis-0', 'CONFIG', 'SET', 'requirepass', PASSWORD)
  })

  it('keeps every acknowledged write when the master is killed and Sentinel makes another', async () => {
    const { world, service, passes, passesUntil, leadsTo } = opened
    sentinel = await startSentinel('redis-0')
    const writer = startWriter(world, service, async (address, n) => {
      const said = await opened.island.exec(
        ...['sh', '-c', `printf 'SET n${n} ${n}\\nWAIT 1 1000\\n' | redis-cli -h ${address} -a "$0" --no-auth-warning`],
        PASSWORD,
      )
      const [set, copies] = said.split('\n')
      return set === 'OK' && Number(copies) >= 1
    })
    await writer.more(20)
    const before = passes.length
    await servers.get('redis-0')?.signal('SIGKILL')
    const { group } = await passesUntil('another is active', ({ group: { active } }) => active.after !== 'redis-0')
    const winner = group.active.after as Name
    expect(await roleOf(winner)).toBe('master')
    await leadsTo(ADDRESSES[winner])
    await writer.more(20)
    await writer.stop()
    const there = await redis(winner, 'MGET', ...writer.acknowledged.map((n) => `n${n}`))
    expect(there.trim().split('\n')).toEqual(writer.acknowledged.map(String))
    expect(writer.mostAddresses).toBe(1)
    const made = passes.slice(before)
    expect(made.filter(({ group }) => group.decision === 'failover')).toHaveLength(1)
    process.stderr.write(
      `FIGURES redis: ${writer.acknowledged.length} acknowledged, ${writer.failed} failed, ${Math.round(writer.longestGapMs)} ms, ${made.length} passes: ${made.map(({ group }) => group.decision)}\n`,
    )
  })

  it('stays where it is when two say that they are the master', async () => {
    await sentinel.stop()
    const [winner] = (await opened.world.actives()) as readonly Name[]
    await startServer('redis-0')
    expect(await Promise.all([roleOf('redis-0'), roleOf(winner as Name)])).toEqual(['master', 'master'])
    expect(await opened.world.report()).toMatchObject({
      code: 0,
      group: { decision: 'keep', active: { after: winner } },
    })
  })

  it('stays where it is when there is no master, even if its pod is not Ready', async () => {
    const [winner] = (await opened.world.actives()) as readonly Name[]
    const other = NAMES.find((name) => name !== winner && name !== 'redis-0') as Name
    await redis('redis-0', 'REPLICAOF', ADDRESSES[other], `${PORT}`)
    await redis(winner as Name, 'REPLICAOF', ADDRESSES[other], `${PORT}`)
    const expected = {
      code: 1,
      group: { decision: 'blocked', reason: { code: 'no-candidate' }, active: { after: winner } },
    }
    expect(await opened.world.report()).toMatchObject(expected)
    await opened.world.setStatus(winner as Name, { ip: ADDRESSES[winner as Name], ready: false })
    expect(await opened.world.report()).toMatchObject(expected)
  })
})
