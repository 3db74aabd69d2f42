/** kubectl's flags that change one part of a kubeconfig, and what is sent then. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../handler/kube/auth/config.js'
import { connect } from '../../../handler/kube/client.js'
import { UsageError } from '../../../handler/util/errors.js'
import { folderOf, never, startRecorder } from './support.js'

type Options = Parameters<typeof loadConfig>[0]

const ALICE = { token: 'a', as: 'alice', 'as-groups': ['g1'], 'as-uid': '7', 'as-user-extra': { why: ['x'] } }

/** Two clusters and three users; the contexts `own` (alice, who acts as another) and `bare` (without a user). */
async function file(one: string, other: string, current = 'own'): Promise<string> {
  const cluster = (server: string) => ({ server, 'insecure-skip-tls-verify': true })
  const folder = await folderOf({
    config: JSON.stringify({
      clusters: [
        { name: 'one', cluster: cluster(one) },
        { name: 'other', cluster: cluster(other) },
      ],
      users: [
        { name: 'alice', user: ALICE },
        { name: 'bob', user: { token: 'b' } },
      ],
      contexts: [
        { name: 'own', context: { cluster: 'one', user: 'alice', namespace: 'shop' } },
        { name: 'bare', context: { cluster: 'one' } },
        { name: 'lost', context: { cluster: 'one', user: 'nobody' } },
      ],
      'current-context': current,
    }),
  })
  return join(folder, 'config')
}

/** Who asks, as the server sees it. */
async function seen(options: Partial<Options>, current?: string) {
  const [one, other] = [await startRecorder('http'), await startRecorder('http')]
  const config = loadConfig({ kubeconfig: await file(one.url, other.url, current), env: {}, ...options })
  await connect(config).listPods({ namespace: 'shop' }, never)
  const at = one.headers.length > 0 ? one : other
  const headers = at.headers[0] ?? []
  return {
    cluster: at === one ? 'one' : 'other',
    token: headers.find(([name]) => name === 'authorization')?.[1]?.replace('Bearer ', ''),
    as: headers.filter(([name]) => name.startsWith('impersonate-')).map((header) => header.join(': ')),
  }
}

const AS_ALICE = ['impersonate-user: alice', 'impersonate-uid: 7', 'impersonate-group: g1', 'impersonate-extra-why: x']

describe('a kubeconfig is', () => {
  // Each of these is what kubectl 1.32 sends of the same kubeconfig.
  it.each<[string, Partial<Options>, object]>([
    ['itself', {}, { cluster: 'one', token: 'a', as: AS_ALICE }],
    ['--cluster other', { cluster: 'other' }, { cluster: 'other', token: 'a', as: AS_ALICE }],
    ['--user bob', { user: 'bob' }, { cluster: 'one', token: 'b', as: [] }],
    ['--user bob --as carol', { user: 'bob', as: 'carol' }, { token: 'b', as: ['impersonate-user: carol'] }],
    ['--as carol', { as: 'carol' }, { token: 'a', as: ['impersonate-user: carol', ...AS_ALICE.slice(1)] }],
    [
      '--as-group a --as-group b',
      { asGroup: ['a', 'b'] },
      { as: expect.arrayContaining(['impersonate-user: alice', 'impersonate-group: a', 'impersonate-group: b']) },
    ],
    ['--as carol --as-group h', { as: 'carol', asGroup: ['h'] }, { as: expect.not.arrayContaining([AS_ALICE[2]]) }],
    [
      '--context bare --as carol',
      { context: 'bare', as: 'carol' },
      { token: undefined, as: ['impersonate-user: carol'] },
    ],
    ['--context bare --user bob', { context: 'bare', user: 'bob' }, { token: 'b' }],
    ['--context lost --user bob', { context: 'lost', user: 'bob' }, { token: 'b' }],
  ])('changed by %s', async (_flags, options, expected) => {
    expect(await seen(options)).toMatchObject(expected)
  })

  it('enough without a context, if --cluster names the cluster', async () => {
    expect(await seen({ cluster: 'other', user: 'bob' }, '')).toMatchObject({ cluster: 'other', token: 'b' })
  })

  it('left as it is in the file: another reader has it whole', async () => {
    const kubeconfig = await file('https://one', 'https://other')
    loadConfig({ kubeconfig, env: {}, as: 'carol', user: 'bob' })
    expect(loadConfig({ kubeconfig, env: {} }).getCurrentUser()?.name).toBe('alice')
  })
})

describe('refused is', () => {
  const refusal = async (options: Partial<Options>, current?: string) => {
    const kubeconfig = await file('https://one', 'https://other', current)
    try {
      loadConfig({ kubeconfig, env: {}, ...options })
    } catch (error) {
      if (error instanceof UsageError) return error.message.replace(kubeconfig, 'FILE')
      throw error
    }
    throw new Error('not refused')
  }

  it.each<[string, Partial<Options>, string]>([
    ['a cluster', { cluster: 'x' }, '--cluster x: not in kubeconfig FILE, which has: one, other'],
    ['a user', { user: 'x' }, '--user x: not in kubeconfig FILE, which has: alice, bob'],
    ['a context', { context: 'x' }, '--context x: not in kubeconfig FILE, which has: own, bare, lost'],
    [
      'a group without a user to act as',
      { user: 'bob', asGroup: ['g'] },
      '--as-group without --as, and the kubeconfig\'s user "bob" has no as: give the user to act as, too',
    ],
    [
      'a context whose user is not there, though --as is given',
      { context: 'lost', as: 'carol' },
      'kubeconfig FILE: context "lost" names user "nobody", which is not in it',
    ],
  ])('%s that is not there', async (_what, options, message) => {
    expect(await refusal(options)).toBe(message)
  })

  it('a user alone, where no context says which cluster', async () => {
    expect(await refusal({ user: 'bob' }, '')).toBe(
      'kubeconfig FILE: it has no current-context. Choose one with --context: own, bare, lost',
    )
  })
})
