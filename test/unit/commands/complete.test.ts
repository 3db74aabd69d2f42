import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { complete } from '../../../handler/commands/complete.js'
import { type InProcess, startInProcess } from '../../support/in-process.js'
import { folderOf, listen } from '../kube/support.js'

describe('completion asks the cluster', () => {
  let world: InProcess
  let kubeconfig: string
  beforeEach(async () => {
    world = await startInProcess()
    world.addService({ name: 'other', selector: { app: 'helloworld' } }) // not managed
    kubeconfig = join(await folderOf({}), 'config')
    await writeFile(kubeconfig, world.api.kubeconfig)
    world.takeRequests()
  })
  afterEach(() => world.close())

  const lines = async (line: string, env: Readonly<Record<string, string>> = {}) => {
    let text = ''
    const print = async (more: string) => {
      text += more
    }
    expect(await complete(line.split(' '), { print, env: { KUBECONFIG: kubeconfig, ...env } })).toBe(0)
    return text.trimEnd().split('\n')
  }

  test.each<[string, readonly string[]]>([
    ['status -n default ', ['app']],
    ['status -n default x', []],
    ['status ', ['app']],
    ['pause default/', ['default/app']],
    ['pause elsewhere/', []],
    ['pause svc/', ['svc/app']],
    ['status -A ', ['default/app']],
    ['status -A d', ['default/app']],
    ['--service=', ['--service=app']],
  ])('for Services: %j', async (line, expected) => {
    expect(await lines(line)).toEqual([...expected, ':4'])
    expect(world.takeRequests()).toEqual(['GET services'])
  })

  test.each(['switchover default/app ', 'switchover -n default svc/app '])(
    'for pods, with their roles: %j',
    async (line) => {
      await world.pass()
      expect(await lines(line)).toEqual(['a\tactive', 'b\tpassive', ':4'])
      expect(await lines(`${line}b`)).toEqual(['b\tpassive', ':4'])
    },
  )

  test('for the active pod that --from names', async () => {
    expect(await lines('switchover default/app --from=')).toEqual(['--from=a', '--from=b', ':4'])
  })

  test('for no pods of what is no managed Service', async () => {
    expect(await lines('switchover default/other ')).toEqual([':4'])
    expect(await lines('switchover a/b/c ')).toEqual([':4'])
  })

  test('not at all for names of the kubeconfig', async () => {
    const [first = '', ...rest] = await lines('--context ')
    expect(rest).toEqual([':4'])
    expect(await lines(`--context ${first.slice(0, 1)}`)).toContain(first)
    expect(world.takeRequests()).toEqual([])
  })

  test.each<[string, Readonly<Record<string, string>>]>([
    ['there is no kubeconfig', { KUBECONFIG: '/nowhere' }],
    ['a variable is wrong', { AP_DRYRUN: 'true' }],
  ])('and says nothing when %s', async (_, env) => {
    expect(await lines('status ', env)).toEqual([':4'])
  })

  test('and says nothing when it is refused', async () => {
    world.api.intercept(() => ({ kind: 'answer', status: 403, body: { kind: 'Status', code: 403 } }))
    expect(await lines('status ')).toEqual([':4'])
  })

  test('and waits no longer than two seconds', async () => {
    const { port } = await listen(createServer(() => {}))
    await writeFile(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
        contexts: [{ name: 'c', context: { cluster: 'c' } }],
        'current-context': 'c',
      }),
    )
    const started = performance.now()
    expect(await lines('status ')).toEqual([':4'])
    expect(performance.now() - started).toBeLessThan(4_000)
  })
})

test('Names that would be two lines, or something that a terminal obeys, are left out', async () => {
  const kubeconfig = join(await folderOf({}), 'config')
  const named = (name: string) => ({ name, context: { cluster: 'c' } })
  await writeFile(kubeconfig, JSON.stringify({ contexts: [named('a\nb'), named('a\u001b[2J'), named('good')] }))
  let text = ''
  const print = async (more: string) => {
    text += more
  }
  await complete(['--context', ''], { print, env: { KUBECONFIG: kubeconfig } })
  expect(text).toBe('good\n:4\n')
})
