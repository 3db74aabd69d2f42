// What passes repair that somebody keeps changing: said the first time, an error from the second within an hour, with
// the name of whoever writes it as the API server knows it.
import { writeFile } from 'node:fs/promises'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import { ACTIVE_SINCE, CLAIM, HEALED, PIN } from '../../handler/kube/keys.js'
import type { KubeObject } from '../support/cluster/client.js'
import type { Rule } from '../support/cluster/users.js'
import { type Kubectl, kubectlFor, WITHOUT_SCHEMA } from '../support/kubectl.js'
import { type JsonRun, type OnCluster, openNamespace } from '../support/on-cluster.js'

const cluster = inject('cluster')
const HOUR = 3_600_000
const STEADY = ['list services', 'list pods']
const HOME = { app: 'helloworld', role: 'active' }
const NOBODY = 'no field manager tells who'
const WITHOUT_LATCH: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'patch'] },
  { apiGroups: [''], resources: ['services'], verbs: ['list'] },
]

describe.skipIf(!cluster)('what is healed', { timeout: 60_000 }, () => {
  let world: OnCluster
  let kubectl: Kubectl

  const open = async (rules?: readonly Rule[]) => {
    const { kubeconfig, ...rest } = cluster as NonNullable<typeof cluster>
    world = await openNamespace({ kubeconfig, ...rest }, rules)
    kubectl = kubectlFor(kubeconfig)
    await world.addService({ name: 'helloworld' })
    await world.addPod('helloworld-0')
    await world.addPod('helloworld-1')
    expect(await world.run()).toMatchObject({ code: 0 })
    expect(await world.actives()).toEqual(['helloworld-0'])
  }
  beforeEach(async () => {
    await open()
    return () => world.close()
  })

  const pod = (name: string) => world.admin.get(`${world.api}/pods/${name}`)
  const uidOf = async (name: string) => (await pod(name)).metadata.uid ?? ''
  const write = async (name: string, content: object) => {
    const file = `${world.kubeconfig}.${name}.json`
    await writeFile(file, JSON.stringify(content))
    return file
  }
  /** As this program does: what whoever created a pod has written on it does not count. */
  const annotate = (name: string, annotations: Readonly<Record<string, string>>) =>
    world.admin.patch(`${world.api}/pods/${name}?fieldManager=active-passive`, { metadata: { annotations } })
  /** The Service as somebody has exported it in the middle of a handover. */
  const exported = async (annotations: Readonly<Record<string, string>>) => {
    const metadata = { name: 'helloworld', namespace: world.namespace, annotations }
    const selector = { app: 'helloworld', [PIN]: await uidOf('helloworld-0') }
    const spec = { selector, ports: [{ port: 80 }] }
    return write('service', { apiVersion: 'v1', kind: 'Service', metadata, spec })
  }
  /** The pod as its manifest is: without what was written on it since; its spec is what the API server has made of it. */
  const replace = async (name: string, kept: Readonly<Record<string, string>> = {}) => {
    const { metadata, ...rest } = await pod(name)
    const bare = { name, namespace: world.namespace, labels: { app: 'helloworld' }, annotations: kept }
    const file = await write(name, { apiVersion: 'v1', kind: 'Pod', ...rest, metadata: bare })
    await kubectl('replace', '-f', file, WITHOUT_SCHEMA)
    return metadata
  }

  const said = ({ group }: JsonRun) => {
    const { error } = group
    return [error ? `${error.object}: ${error.message}. ${error.remedy}` : '', ...group.warnings].join('\n')
  }
  /** Each text is in what the first pass warns of; the second one says the same as an error. */
  const expectSaid = async (change: () => Promise<unknown>, ...texts: readonly string[]) => {
    for (const [code, times] of [
      [0, undefined],
      [1, '2'],
    ] as const) {
      await change()
      const run = await world.report()
      expect([run.code, said(run)]).toEqual([code, said(run)])
      expect(run.group.error?.code).toBe(code === 1 ? 'healed-again' : undefined)
      for (const text of texts) expect(said(run)).toContain(text)
      expect(/again \((\d) times within an hour\)/.exec(said(run))?.[1]).toBe(times)
      expect(await world.actives()).toEqual(['helloworld-0'])
    }
    await expectSteady()
  }
  const expectSteady = async () => {
    await world.takeRequests()
    expect(await world.run()).toMatchObject({ code: 0, stdout: expect.not.stringContaining('healed') })
    expect((await world.takeRequests()) ?? STEADY).toEqual(STEADY)
    expect(await world.service('helloworld')).toMatchObject({ selector: HOME })
  }

  it.each([
    ['kubectl apply', ['apply'], 'kubectl-client-side-apply'],
    [
      'server-side apply by Argo CD',
      ['apply', '--server-side', '--field-manager=argocd-controller', '--force-conflicts'],
      'argocd-controller',
    ],
    ['kubectl replace', ['replace'], 'kubectl-replace'],
  ] as const)('names who writes a pin again and again by %s', async (_how, args, manager) => {
    const file = await exported({ [CLAIM]: '0123456789abcdef helloworld-1' })
    const texts = [`service ${world.namespace}/helloworld`, manager, 'helloworld-0', 'released', 'ignoreDifferences']
    await expectSaid(() => kubectl(...args, '-f', file, WITHOUT_SCHEMA), ...texts)
  })

  it('names who writes a pin beside a role: a manifest with the one, applied to a Service that has the other', async () => {
    const file = await exported({})
    await expectSaid(async () => {
      await kubectl('apply', '-f', file, WITHOUT_SCHEMA)
      const { selector } = await world.service('helloworld')
      expect(selector).toMatchObject({ role: 'active', [PIN]: await uidOf('helloworld-0') })
    }, 'kubectl-client-side-apply')
    expect(await world.service('helloworld')).toMatchObject({ annotations: { [HEALED]: 'claim' } })
  })

  it('tells a pass that was cut off from a stranger', async () => {
    const claim = async () => {
      const uid = await uidOf('helloworld-0')
      await world.admin.patch(`${world.api}/services/helloworld?fieldManager=active-passive`, {
        metadata: { annotations: { [CLAIM]: '0123456789abcdef helloworld-1' } },
        spec: { selector: { role: null, [PIN]: uid } },
      })
    }
    await expectSaid(claim, `service ${world.namespace}/helloworld`, 'active-passive at 20', 'why passes end early')
  })

  it('names who labels a second pod again and again', async () => {
    const label = () => kubectl('label', 'pod', 'helloworld-1', 'role=active', '--overwrite', '-n', world.namespace)
    await expectSaid(label, `pod ${world.namespace}/helloworld-1`, 'kubectl-label', 'ignoreDifferences')
  })

  it('names who labels a second pod again and again, though the same one has created it', async () => {
    const label = () => world.label('helloworld-1', { role: 'active' })
    await expectSaid(label, `pod ${world.namespace}/helloworld-1`, 'role=active by ')
  })

  it('names who makes the active pod passive again and again', async () => {
    const depose = () => kubectl('label', 'pod', 'helloworld-0', 'role=passive', '--overwrite', '-n', world.namespace)
    await expectSaid(
      depose,
      `pod ${world.namespace}/helloworld-0`,
      'role=passive by kubectl-label',
      'ignoreDifferences',
    )
  })

  it('is the label of the active pod that somebody takes again and again', async () => {
    const take = () => kubectl('label', 'pod', 'helloworld-0', 'role-', '-n', world.namespace)
    await expectSaid(take, `pod ${world.namespace}/helloworld-0`, NOBODY, 'role')
  })

  it.each([
    ['labels', true],
    ['labels and annotations', false],
  ])('is the %s of a pod that a PUT wipes again and again', async (_what, keepsAnnotations) => {
    // As of a swap long after the pods were made.
    const since = new Date(Date.now() + 120_000).toISOString()
    await annotate('helloworld-0', { [ACTIVE_SINCE]: since })
    const { annotations = {} } = (await pod('helloworld-1')).metadata
    const wipe = () => replace('helloworld-1', keepsAnnotations ? annotations : {})
    await expectSaid(wipe, `pod ${world.namespace}/helloworld-1`, NOBODY, PIN)
    expect(await world.labels('helloworld-1')).toMatchObject({ role: 'passive', [PIN]: await uidOf('helloworld-1') })
  })

  it('is a first time again an hour later, and after a note that makes no sense', async () => {
    const file = await exported({ [CLAIM]: '0123456789abcdef helloworld-1' })
    const heal = async () => {
      await kubectl('apply', '-f', file, WITHOUT_SCHEMA)
      return (await world.report()).code
    }
    expect(await heal()).toBe(0)
    expect(await heal()).toBe(1)
    const at = (ms: number) => new Date(Date.now() + ms).toISOString()
    for (const value of [`claim ${at(-HOUR - 1_000)}`, `claim ${at(HOUR)}`, 'nonsense']) {
      await annotate('helloworld-0', { [HEALED]: value })
      expect([value, await heal()]).toEqual([value, 0])
    }
    await annotate('helloworld-0', { [HEALED]: `claim ${at(60_000 - HOUR)}` })
    expect(await heal()).toBe(1)
  })

  it('is not counted by a dry run, which says what it would heal', async () => {
    const file = await exported({ [CLAIM]: '0123456789abcdef helloworld-1' })
    for (let n = 0; n < 2; n++) {
      await kubectl('apply', '-f', file, WITHOUT_SCHEMA)
      const run = await world.report(['--dry-run'])
      expect(run.code).toBe(1)
      expect(run.group.error).toBeUndefined()
      expect(said(run)).toContain('to be released')
    }
    expect((await world.report()).code).toBe(0)
  })

  it('is remembered without the right to patch Services', async () => {
    await world.close()
    await open(WITHOUT_LATCH)
    await expectSaid(
      () => kubectl('label', 'pod', 'helloworld-1', 'role=active', '--overwrite', '-n', world.namespace),
      'kubectl-label',
    )
  })

  it('is nothing of what passes do by themselves', async () => {
    await world.addPod('helloworld-2')
    const { labels = {}, annotations = {} } = (await pod('helloworld-0')).metadata as KubeObject['metadata']
    await world.addPod('copy', 'ok', { labels, annotations })
    for (let n = 0; n < 2; n++) {
      await world.admin.delete(`${world.api}/pods/helloworld-${n}`)
      const run = await world.report()
      expect(run.code).toBe(0)
      expect(said(run)).not.toContain('again')
    }
    for (const { metadata } of await world.pods()) expect(metadata.annotations ?? {}).not.toHaveProperty([HEALED])
  })
})
