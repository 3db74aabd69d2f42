// What users see who apply their Service with kubectl after a handover, or in the middle of one. The selector is one
// field with one owner: a handover with the latch takes it over, and gives back its content only.
import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { CLAIM, PIN } from '../../handler/kube/keys.js'
import { until } from '../support/cluster/poll.js'
import { startHandler } from '../support/handler.js'
import { type Kubectl, kubectlFor, WITHOUT_SCHEMA } from '../support/kubectl.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import type { TestServer } from '../support/servers.js'

type Labels = Readonly<Record<string, string>>

const cluster = inject('cluster')
const FAST = ['--period', '50ms']
const HOME = { app: 'helloworld', role: 'active' }
const CHANGED = { ...HOME, tier: 'web' }

const CLIENT_SIDE: readonly string[] = []
const SERVER_SIDE = ['--server-side']
const FORCED = ['--server-side', '--force-conflicts']
const APPLIED = { code: 0, stderr: '' }
const CONFLICT = { code: 1, stderr: expect.stringContaining('conflict with "active-passive" using v1: .spec.selector') }

describe.skipIf(!cluster)('kubectl apply of a managed Service', () => {
  let world: OnCluster
  let kubectl: Kubectl
  let pods: readonly TestServer[]

  beforeEach(async () => {
    const { kubeconfig } = cluster as NonNullable<typeof cluster>
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    kubectl = kubectlFor(kubeconfig)
    pods = [
      await world.addPod('helloworld-0', 'ok', { labels: { tier: 'web' } }),
      await world.addPod('helloworld-1', 'ok', { labels: { tier: 'web' } }),
    ]
  })
  afterEach(() => world.close())

  const apply = async (selector: Labels, flags: readonly string[]) => {
    const file = `${world.kubeconfig}.service.json`
    const metadata = { name: 'helloworld', namespace: world.namespace }
    const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector, ports: [{ port: 80 }] } }
    await writeFile(file, JSON.stringify(service))
    return kubectl('apply', '-f', file, WITHOUT_SCHEMA, ...flags).then(
      () => APPLIED,
      ({ code, stderr }: { code: number; stderr: string }) => ({ code, stderr }),
    )
  }
  const selector = async () => (await world.service('helloworld')).selector

  /** The active pod fails, the other recovers. @returns the name of the other */
  const failActive = async (): Promise<string> => {
    const [active] = await world.actives()
    await Promise.all(pods.map((pod) => pod.behave(pod.name === active ? 'error' : 'ok')))
    return pods.find(({ name }) => name !== active)?.name ?? ''
  }
  const handOver = async () => {
    const winner = await failActive()
    const { group, code } = await world.report(FAST)
    expect(group).toMatchObject({ decision: 'failover', latch: 'latched', active: { after: winner } })
    expect(code).toBe(0)
  }

  describe('after a handover', () => {
    it.each([
      ['client-side', CLIENT_SIDE],
      ['server-side', SERVER_SIDE],
    ])('goes through %s when the manifest is unchanged', async (_how, flags) => {
      await apply(HOME, flags)
      await world.run()
      await handOver()
      expect(await apply(HOME, flags)).toEqual(APPLIED)
      expect(await selector()).toEqual(HOME)
      await handOver()
    })

    it('goes through client-side when the selector is changed', async () => {
      await apply(HOME, CLIENT_SIDE)
      await world.run()
      await handOver()
      expect(await apply(CHANGED, CLIENT_SIDE)).toEqual(APPLIED)
      await handOver()
      expect(await selector()).toEqual(CHANGED)
    })

    it('is a conflict server-side when the selector is changed, until it is forced', async () => {
      await apply(HOME, SERVER_SIDE)
      await world.run()
      await handOver()
      expect(await apply(CHANGED, SERVER_SIDE)).toEqual(CONFLICT)
      expect(await selector()).toEqual(HOME)
      expect(await apply(CHANGED, FORCED)).toEqual(APPLIED)
      await handOver()
      expect(await selector()).toEqual(CHANGED)
    })

    it('is a conflict server-side when the Service is taken out of our hands, until it is forced', async () => {
      await apply(HOME, SERVER_SIDE)
      await world.run()
      await handOver()
      expect(await apply({ app: 'helloworld' }, SERVER_SIDE)).toEqual(CONFLICT)
      expect(await apply({ app: 'helloworld' }, FORCED)).toEqual(APPLIED)
      await failActive()
      expect((await world.run(FAST)).stdout).toContain('no managed Service in scope')
      expect(await selector()).toEqual({ app: 'helloworld' })
    })
  })

  it('goes through server-side when the selector is changed after passes that latched nothing', async () => {
    await apply(HOME, SERVER_SIDE)
    await world.run() // makes a first pod active
    await failActive()
    await world.run([...FAST, '--no-latch'])
    expect(await apply(CHANGED, SERVER_SIDE)).toEqual(APPLIED)
  })

  describe.each([
    ['client-side', CLIENT_SIDE, APPLIED],
    ['server-side', SERVER_SIDE, CONFLICT],
    ['server-side with force', FORCED, APPLIED],
  ])('of an unchanged manifest, %s', (_how, flags, expected) => {
    beforeEach(async () => {
      await apply(HOME, flags)
      await world.run()
    })

    const expectAllWell = async (winner: string) => {
      expect(await world.service('helloworld')).toMatchObject({ selector: HOME })
      expect((await world.service('helloworld')).annotations).not.toHaveProperty(CLAIM)
      expect(await world.actives()).toEqual([winner])
      expect(await apply(HOME, flags)).toEqual(APPLIED)
    }

    it('in the middle of a handover, does not keep it from its end', async () => {
      const winner = await failActive()
      const { process, done } = startHandler([...FAST, '--settle', '2s'], { KUBECONFIG: world.kubeconfig })
      await until('the winner is active', async () => (await world.actives()).includes(winner) || undefined)
      process.kill('SIGSTOP')
      expect(await selector()).toHaveProperty([PIN])
      expect(await apply(HOME, flags)).toEqual(expected)
      process.kill('SIGCONT')
      expect(await done).toMatchObject({ code: 0, stderr: '' })
      await expectAllWell(winner)
    })

    it.each([
      ['claimed', []],
      ['sealed', ['helloworld-0']],
    ])(
      'after a crash that left the Service %s, does not keep the next pass from putting it right',
      async (_state, sealed) => {
        const winner = await failActive()
        const [old] = await world.pods()
        const claim = {
          metadata: { annotations: { [CLAIM]: `0123456789abcdef ${winner}` } },
          spec: { selector: { role: null, [PIN]: old?.metadata.uid } },
        }
        await world.admin.patch(`${world.api}/services/helloworld?fieldManager=active-passive`, claim)
        for (const pod of sealed) await world.label(pod, { role: 'passive' })
        expect(await apply(HOME, flags)).toEqual(expected)
        expect(await world.run(FAST)).toMatchObject({ code: 0, stderr: '' })
        await expectAllWell(winner)
      },
    )
  })
})
