// What users and their tools do to a Service in the middle of a handover, on a real API server.
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { CLAIM } from '../../handler/kube/keys.js'
import { jsonPatch } from '../support/cluster/client.js'
import { type Change, twoActives } from '../support/cluster/history.js'
import { type Observer, observe } from '../support/cluster/observer.js'
import { until } from '../support/cluster/poll.js'
import type { Rule } from '../support/cluster/users.js'
import { startHandler } from '../support/handler.js'
import { kubectlFor, WITHOUT_SCHEMA } from '../support/kubectl.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import type { TestServer } from '../support/servers.js'
import { throughProxy } from '../support/tcp-proxy.js'

type Labels = Readonly<Record<string, string>>

const cluster = inject('cluster')
const ARGS = ['--failures', '1']
const HOME = { app: 'helloworld', role: 'active' }
const OTHER = { app: 'other', role: 'active' }

/** `metrics` may not be patched. */
const RIGHTS: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'patch'] },
  { apiGroups: [''], resources: ['services'], verbs: ['list'] },
  { apiGroups: [''], resources: ['services'], verbs: ['patch'], resourceNames: ['helloworld'] },
]

/** Each moment, by the write that it follows. */
const MOMENTS = [
  ['claimed', ({ kind, object }: Change) => kind === 'service' && CLAIM in (object.metadata.annotations ?? {})],
  ['sealed', ({ kind, object }: Change) => kind === 'pod' && object.metadata.labels?.role === 'passive'],
  ['promoted', ({ kind, object }: Change) => kind === 'pod' && object.metadata.labels?.role === 'active'],
] as const

describe.skipIf(!cluster)('a user of a Service', () => {
  let world: OnCluster
  let observer: Observer
  let pods: readonly TestServer[]

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>, RIGHTS)
    await world.addService({ name: 'helloworld' })
    pods = [await world.addPod('helloworld-0'), await world.addPod('helloworld-1')]
    await world.run()
    observer = await observe((cluster as NonNullable<typeof cluster>).kubeconfig, world.namespace)
  })
  afterEach(async () => {
    await observer.caughtUp()
    const { history, instantsWhenServiceSelectsTwo } = observer
    await observer.stop()
    await world.close()
    expect(instantsWhenServiceSelectsTwo).toEqual([])
    for (const { app } of [HOME, OTHER]) expect(twoActives(history, { labels: { app } })).toEqual([])
  })

  const path = () => `${world.api}/services/helloworld`
  const select = (selector: Labels) =>
    world.admin.patch(path(), [{ op: 'replace', path: '/spec/selector', value: selector }], jsonPatch)
  /** The active pod fails, the other recovers. @returns the name of the other */
  const failActive = async (): Promise<string> => {
    const [active] = await world.actives()
    await Promise.all(pods.map((pod) => pod.behave(pod.name === active ? 'error' : 'ok')))
    return pods.find(({ name }) => name !== active)?.name ?? ''
  }

  /** One pass that fails over, stopped right after this write, before it knows of the answer, until `edit` is done. */
  const handOver = async (isMoment: (change: Change) => boolean, edit: () => Promise<unknown>) => {
    const { proxy, kubeconfig } = await throughProxy(world.kubeconfig)
    proxy.delay(60)
    await failActive()
    await observer.caughtUp()
    const seen = observer.history.length
    const { process, done } = startHandler(ARGS, { KUBECONFIG: kubeconfig })
    await until('the moment', () => observer.history.slice(seen).some(isMoment) || undefined, { everyMs: 2 })
    process.kill('SIGSTOP')
    proxy.delay(0)
    await edit()
    process.kill('SIGCONT')
    const { code } = await done
    await proxy.close()
    return code
  }

  const expectHandedOver = async (selector: Labels, annotations: Labels = {}) => {
    expect(await world.actives()).toEqual(['helloworld-1'])
    expect(await world.service('helloworld')).toEqual({ selector, annotations })
  }

  describe.each(MOMENTS)('that is %s', (_moment, isMoment) => {
    it('finds the port, the label and the annotation that were added', async () => {
      const ports = [
        { name: 'http', port: 80 },
        { name: 'more', port: 81 },
      ]
      const added = { metadata: { labels: { mine: 'kept' }, annotations: { mine: 'kept' } }, spec: { ports } }
      expect(await handOver(isMoment, () => world.admin.patch(path(), added))).toBe(0)
      await expectHandedOver(HOME, { mine: 'kept' })
      expect(await world.admin.get(path())).toMatchObject({ metadata: { labels: { mine: 'kept' } }, spec: { ports } })
    })

    it('who deletes it and makes it again finds it so', async () => {
      const again = async () => {
        await world.admin.delete(path())
        await world.addService({ name: 'helloworld' })
      }
      expect(await handOver(isMoment, again)).toBe(0)
      await expectHandedOver(HOME)
    })

    it('who lets it select another app finds it so, and that app gets its own', async () => {
      await world.addPod('other-0', 'ok', { labels: { app: 'other' } })
      await handOver(isMoment, () => select(OTHER))
      expect(await world.run(ARGS)).toMatchObject({ code: 0 })
      expect(await world.actives()).toEqual(expect.arrayContaining(['other-0']))
      expect(await world.service('helloworld')).toEqual({ selector: OTHER, annotations: {} })
    })

    it('who applies it server-side finds it so, also beside one that may not be patched', async () => {
      await world.addService({ name: 'metrics' })
      const kubectl = kubectlFor((cluster as NonNullable<typeof cluster>).kubeconfig)
      const file = `${world.kubeconfig}.service.json`
      const metadata = { name: 'helloworld', namespace: world.namespace }
      const manifest = { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: HOME, ports: [{ port: 80 }] } }
      await writeFile(file, JSON.stringify(manifest))
      const how = ['--server-side', '--force-conflicts', '--field-manager=mine', WITHOUT_SCHEMA]
      const apply = () => kubectl('apply', '-f', file, ...how)
      expect(await handOver(isMoment, apply)).toBe(0)
      await expectHandedOver(HOME)
      expect(await world.service('metrics')).toEqual({ selector: HOME, annotations: {} })
    })
  })

  it('whose tool puts the selector back all the time finds the winner active after each handover', async () => {
    const end = new AbortController()
    const puttingBack = (async () => {
      while (!end.signal.aborted) {
        await select(HOME)
        await sleep(5)
      }
    })()
    for (let round = 0; round < 3; round++) {
      const winner = await failActive()
      expect(await world.run(ARGS)).toMatchObject({ code: 0 })
      expect(await world.actives()).toEqual([winner])
    }
    end.abort()
    await puttingBack
    expect(await world.service('helloworld')).toEqual({ selector: HOME, annotations: {} })
  })
})
