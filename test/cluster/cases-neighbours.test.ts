// What may cost its own group only: pods that cannot be written, or that do not answer. One pass over all of them, the
// groups side by side: each is swapped, or its report says why not, after few requests.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { EPOCH } from '../../handler/kube/keys.js'
import { type JsonRun, type OnCluster, openNamespace } from '../support/on-cluster.js'
import type { PodDraft } from '../support/pods.js'
import { startRefusingProxy } from '../support/refusing-proxy.js'

const cluster = inject('cluster')
const ARGS = ['--panic', '0', '--failures', '1', '--probes', '1', '--max-health-timeout', '2s', '--deadline', '10m']
const EPOCHS = ['1', '<', '<b>&', '\u2028\u2029', '\b\f\n\u0001\u007f\u0085\ufffd😀"\\/']
const SLOW_PROBE = { httpGet: { path: '/health', port: 'http' }, timeoutSeconds: 60 }

describe.skipIf(!cluster)('of groups whose active pods fail, side by side in one pass', { timeout: 60_000 }, () => {
  let world: OnCluster
  let run: JsonRun
  let requests: readonly string[]

  /** `NAME-0` is active and fails, `NAME-1` is well. */
  const addGroup = async (
    name: string,
    { annotations = {}, ...draft }: Partial<PodDraft> & { readonly service?: Readonly<Record<string, string>> } = {},
    behaviour: 'error' | 'hang' = 'error',
  ) => {
    const { service = {}, ...pod } = draft
    await world.addService({ name, selector: { app: name, role: 'active' }, annotations: service })
    await world.addPod(`${name}-0`, behaviour, { ...pod, annotations, labels: { app: name, role: 'active' } })
    await world.addPod(`${name}-1`, 'ok', { ...pod, annotations, labels: { app: name, role: 'passive' } })
  }

  beforeAll(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await Promise.all([
      ...EPOCHS.map((epoch, n) => addGroup(`epoch-${n}`, { annotations: { [EPOCH]: epoch } })),
      addGroup('full', { annotations: { a: 'x'.repeat(262_143) } }),
      addGroup('spoiled'),
      addGroup('annotated', { service: { 'active-passive/health-timeout': '1h' } }, 'hang'),
      addGroup('probed', { readinessProbe: SLOW_PROBE }, 'hang'),
      addGroup('fast'),
    ])
    const proxy = await startRefusingProxy(world.kubeconfig)
    // Another uid than the pod's is tested for: the API server says that the pod has changed, which it has not.
    const spoil = (body: string) => body.replace(/("path":"\/metadata\/uid","value":")./, '$1-')
    proxy.alter(({ path, body }) => (path.includes('/pods/spoiled-') ? spoil(body) : body))
    run = await world.report([...ARGS, '--kubeconfig', proxy.kubeconfig])
    requests = (await world.takeRequests()) ?? []
    await proxy.close()
  })
  afterAll(() => world?.close())

  const groupOf = (name: string) => run.groups.find(({ services }) => services.join() === name)
  /** Without what the pass asked for to read all of them. */
  const writesOf = (name: string) => requests.filter((one) => RegExp(`^patch .*/${name}(-\\d)?( |$)`).test(one))
  const swap = (name: string) => [
    `patch services/${name}`,
    `patch pods/${name}-0`,
    `patch pods/${name}-1`,
    `patch services/${name}`,
  ]
  const expectSwapped = (name: string) => {
    expect(groupOf(name)).toMatchObject({ decision: 'failover', active: { after: `${name}-1` } })
    expect(groupOf(name)?.error).toBeUndefined()
    expect(writesOf(name)).toEqual(swap(name))
  }

  it.each(EPOCHS.map((epoch, n) => [epoch, n]))('one whose pods carry the epoch %j is swapped', (_epoch, n) => {
    expectSwapped(`epoch-${n}`)
  })

  it('one whose pods have no room for an annotation is told so once, and nothing else is tried', () => {
    const pod = `${world.namespace}/full-0`
    expect(groupOf('full')).toMatchObject({ warnings: [], active: { after: 'full-0' } })
    expect(groupOf('full')?.error).toMatchObject({
      code: 'failed',
      object: `group ${world.namespace}/full`,
      message: expect.stringMatching(
        `^could not patch pods in namespace ${world.namespace}: status 422: Pod "full-0" is invalid: ` +
          'metadata.annotations: Too long: (may not be more than|must have at most) 262144 bytes$',
      ),
      remedy: `Put right what the API server finds wrong with pod ${pod}, or delete it to have another one made: it takes no write that leaves it so.`,
    })
    expect(writesOf('full')).toEqual(['patch services/full', 'patch pods/full-0 422', 'patch services/full'])
  })

  it('one whose writes are lost though nobody has changed its pods is told so after one more try', () => {
    expect(groupOf('spoiled')?.error).toMatchObject({
      code: 'failed',
      object: `pod ${world.namespace}/spoiled-0`,
      message: 'it could not be written, twice: the API server says that it has changed, and it is as it was',
    })
    const once = ['patch services/spoiled', 'patch pods/spoiled-0 422', 'patch services/spoiled']
    expect(writesOf('spoiled')).toEqual([...once, ...once])
  })

  it.each([
    ['annotated', '1h'],
    ['probed', '1m'],
  ])('one that hangs, %s with %s, is cut short with a note, and that is a failure', (name, asked) => {
    expectSwapped(name)
    expect(groupOf(name)?.reason.text).toContain(`${name}-0 failed its check once (no answer within 2s)`)
    expect(groupOf(name)?.warnings.join()).toContain(
      `its check may take ${asked}, and --max-health-timeout is 2s: whatever takes longer has failed`,
    )
  })

  it('one that has nothing of that is swapped', () => {
    expectSwapped('fast')
    expect(groupOf('fast')?.warnings).toEqual([])
  })
})
