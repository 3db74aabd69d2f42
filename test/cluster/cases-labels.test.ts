// Role labels that are not ours to move: what a controller made its pods with, or selects them by.
import { beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import { EPOCH } from '../../handler/kube/keys.js'
import { type Observer, observe } from '../support/cluster/observer.js'
import { until } from '../support/cluster/poll.js'
import { freePort } from '../support/cluster/ports.js'
import { kubectlFor } from '../support/kubectl.js'
import { type JsonRun, type OnCluster, openNamespace } from '../support/on-cluster.js'
import { podDraft } from '../support/pods.js'
import { startServer } from '../support/servers.js'
import { addWorkload, type Kubelet, orphans, startKubelet } from '../support/workloads.js'

const cluster = inject('cluster')
const FAST = ['--failures', '1']
const ACTIVE = { role: 'active' }
const PASSIVE = { role: 'passive' }

describe.skipIf(!cluster)('a role that a pod was born with', { timeout: 60_000 }, () => {
  let world: OnCluster
  let port: number

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    port = await freePort()
    return () => world.close()
  })

  const patches = async () => (await world.takeRequests())?.filter((request) => request.startsWith('patch')) ?? []
  const labels = async () => (await world.pods()).map(({ metadata }) => metadata.labels)
  const podsEver = ({ history }: Observer) =>
    new Set(history.flatMap(({ kind, object }) => (kind === 'pod' ? [object.metadata.uid] : []))).size

  /** Everything that is written to the namespace from now on. */
  const watched = async () => {
    const observer = await observe((cluster as NonNullable<typeof cluster>).kubeconfig, world.namespace)
    onTestFinished(() => observer.stop())
    return observer
  }

  /** So many passes, with all the time that the controllers want after each. */
  const passes = async (count: number, kubelet: Kubelet) => {
    const runs: JsonRun[] = []
    for (let n = 0; n < count; n++) {
      runs.push(await world.report(FAST))
      await kubelet.settle()
    }
    return runs
  }

  /** It is the error that says whose label it is: pod, label, owner and remedy. */
  const expectNamed = ({ code, group }: JsonRun, owner: string, pod = owner) => {
    expect(group.error).toMatchObject({ code: 'role-in-template', remedy: expect.stringMatching(/\w/) })
    const said = `${group.error?.object}: ${group.error?.message}`
    expect(said).toContain(pod)
    expect(said).toContain('role')
    expect(`${said} ${group.error?.remedy}`).toContain(owner)
    expect(code).toBe(1)
  }

  /** It is the error, and a pass more than one writes nothing. */
  const expectLeftAlone = async (owner: string, pod = owner) => {
    const before = await labels()
    await world.takeRequests()
    expectNamed(await world.report(FAST), owner, pod)
    expect(await world.report(FAST)).toMatchObject({ code: 1 })
    expect(await patches()).toEqual([])
    expect(await labels()).toEqual(before)
  }

  it('and that two Deployments select by never makes them grow, and is left alone', async () => {
    for (const [name, role] of [
      ['main', ACTIVE],
      ['spare', PASSIVE],
    ] as const) {
      await addWorkload(world, 'deployments', { name, selector: role, template: { port, labels: role } })
    }
    const kubelet = startKubelet(world, port, (pod) => (pod.startsWith('main') ? 'error' : 'ok'))
    await kubelet.settle()
    const observer = await watched()
    const runs = await passes(10, kubelet)
    await observer.caughtUp()
    expect(podsEver(observer)).toBeLessThanOrEqual(3)
    expect(runs.map(({ code }) => code)).toEqual(runs.map(() => 1))
    expect(await patches()).toEqual([])
    for (const run of runs) expectNamed(run, 'main')
  })

  it('with epochs in the templates is no less born with', async () => {
    for (const [name, role, epoch] of [
      ['main', ACTIVE, '7'],
      ['spare', PASSIVE, '9'],
    ] as const) {
      const template = { port, labels: role, annotations: { [EPOCH]: epoch } }
      await addWorkload(world, 'deployments', { name, selector: role, template })
    }
    const kubelet = startKubelet(world, port, (pod) => (pod.startsWith('main') ? 'error' : 'ok'))
    await kubelet.settle()
    const observer = await watched()
    const runs = await passes(5, kubelet)
    await observer.caughtUp()
    expect(podsEver(observer)).toBeLessThanOrEqual(3)
    expect(runs.map(({ code }) => code)).toEqual(runs.map(() => 1))
    for (const run of runs) expect(run.group.error?.code).toBe('role-in-template')
  })

  it('or not, and that a Deployment selects by their having none of it, costs one pod at most', async () => {
    const matchExpressions = [{ key: 'role', operator: 'NotIn', values: ['active'] }]
    const selector = { matchLabels: { app: 'helloworld' }, matchExpressions }
    await addWorkload(world, 'deployments', { name: 'main', template: { port }, replicas: 2, spec: { selector } })
    const kubelet = startKubelet(world, port)
    await kubelet.settle()
    const observer = await watched()
    expect(await world.report(FAST)).toMatchObject({ code: 0, group: { decision: 'first' } })
    await until('another pod', async () => ((await world.pods()).length > 2 ? true : undefined))
    await world.takeRequests()
    for (let n = 0; n < 5; n++) expectNamed(await world.report(FAST), 'main')
    await observer.caughtUp()
    expect(await patches()).toEqual([])
    expect(podsEver(observer)).toBeLessThanOrEqual(3)
  })

  it('and that a StatefulSet selects by costs it no pod', async () => {
    await addWorkload(world, 'statefulsets', {
      name: 'helloworld',
      replicas: 2,
      selector: PASSIVE,
      template: { port, labels: PASSIVE },
    })
    await startKubelet(world, port).settle()
    await expectLeftAlone('helloworld', 'helloworld-0')
    expect(await orphans(world)).toEqual([])
  })

  it('from the templates of two Deployments is left alone, and their names are said', async () => {
    for (const [name, role] of [
      ['main', ACTIVE],
      ['spare', PASSIVE],
    ] as const) {
      await addWorkload(world, 'deployments', {
        name,
        selector: { part: name },
        template: { port, labels: { ...role, part: name } },
      })
    }
    await startKubelet(world, port, (pod) => (pod.startsWith('main') ? 'error' : 'ok')).settle()
    await expectLeftAlone('main')
    expect(await world.actives()).toEqual([expect.stringMatching(/^main-/)])
  })

  it('is left alone where all are passive from the template of one Deployment', async () => {
    await addWorkload(world, 'deployments', { name: 'main', replicas: 2, template: { port, labels: PASSIVE } })
    await startKubelet(world, port).settle()
    await expectLeftAlone('main')
    expect(await world.actives()).toEqual([])
  })

  it('is left alone where a bare ReplicaSet selects by it', async () => {
    await addWorkload(world, 'replicasets', {
      name: 'main',
      replicas: 2,
      selector: PASSIVE,
      template: { port, labels: PASSIVE },
    })
    const kubelet = startKubelet(world, port)
    await kubelet.settle()
    await expectLeftAlone('main')
    await kubelet.settle()
    expect(kubelet.servers.size).toBe(2)
  })

  it('is left alone in one Deployment though the pods of another have none', async () => {
    await addWorkload(world, 'deployments', {
      name: 'main',
      selector: { part: 'main' },
      template: { port, labels: { part: 'main' } },
    })
    await addWorkload(world, 'deployments', {
      name: 'spare',
      selector: { part: 'spare' },
      template: { port, labels: { ...PASSIVE, part: 'spare' } },
    })
    await startKubelet(world, port).settle()
    await expectLeftAlone('spare')
    expect(await world.actives()).toEqual([])
  })

  it.each([
    ['a DaemonSet', 'DaemonSet', 'kube-controller-manager'],
    ["an operator's own kind", 'ConfigMap', 'cache-operator'],
  ])('is left alone on a pod of %s', async (_whose, kind, manager) => {
    const uid = await owner(kind)
    const apiVersion = kind === 'DaemonSet' ? 'apps/v1' : 'v1'
    const ownerReferences = [{ apiVersion, kind, name: 'caches', uid, controller: true, blockOwnerDeletion: true }]
    const { metadata, spec } = podDraft({ name: 'caches-x7k2p', port, labels: PASSIVE })
    await world.admin.post(`${world.api}/pods?fieldManager=${manager}`, {
      metadata: { ...metadata, ownerReferences },
      spec,
    })
    await world.setStatus('caches-x7k2p', {})
    await world.addPod('helloworld-0')
    await expectLeftAlone('caches', 'caches-x7k2p')
  })

  /** No controller of these kinds runs there. @returns its uid */
  const owner = async (kind: string) => {
    const metadata = { name: 'caches' }
    if (kind === 'ConfigMap') return (await world.admin.post(`${world.api}/configmaps`, { metadata })).metadata.uid
    const labels = { app: 'caches' }
    const template = { metadata: { labels }, spec: podDraft({ name: 'caches', port }).spec }
    const spec = { selector: { matchLabels: labels }, template }
    return (await world.admin.post(`/apis/apps/v1/namespaces/${world.namespace}/daemonsets`, { metadata, spec }))
      .metadata.uid
  }
})

describe.skipIf(!cluster)('a second active by its template, in a group that has epochs', { timeout: 60_000 }, () => {
  let world: OnCluster
  let port: number
  let kubelet: Kubelet
  let observer: Observer
  let active: string | undefined

  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    port = await freePort()
    await addWorkload(world, 'deployments', {
      name: 'main',
      replicas: 2,
      selector: { part: 'main' },
      template: { port, labels: { part: 'main' } },
    })
    return () => world.close()
  })

  /** The group has its active pod; then a Deployment comes whose pod is born active. */
  const addSecond = async (selector: Readonly<Record<string, string>>) => {
    kubelet = startKubelet(world, port)
    await kubelet.settle()
    expect(await world.run()).toMatchObject({ code: 0 })
    ;[active] = await world.actives()
    await addWorkload(world, 'deployments', {
      name: 'spare',
      selector: { part: 'spare', ...selector },
      template: { port, labels: { ...ACTIVE, part: 'spare' } },
    })
    await kubelet.settle()
    expect(await world.actives()).toHaveLength(2)
    observer = await observe((cluster as NonNullable<typeof cluster>).kubeconfig, world.namespace)
    onTestFinished(() => observer.stop())
    await world.takeRequests()
  }
  const podsEver = async () => {
    await observer.caughtUp()
    return new Set(observer.history.flatMap(({ kind, object }) => (kind === 'pod' ? [object.metadata.uid] : []))).size
  }
  const patches = async () => (await world.takeRequests())?.filter((request) => request.startsWith('patch')) ?? []

  it('is taken back, and named as what it is', async () => {
    await addSecond({})
    const { code, group } = await world.report()
    expect(await world.actives()).toEqual([active])
    expect(group.error?.code).toBe('role-in-template')
    expect(`${group.error?.object}: ${group.error?.message}`).toContain('spare-')
    expect(code).toBe(1)
    await kubelet.settle()
    expect(await orphans(world)).toEqual([])
    expect(await podsEver()).toBe(3)
    await world.report()
    await kubelet.settle()
    await world.takeRequests()
    await world.report()
    expect(await world.actives()).toEqual([active])
    expect(await patches()).toEqual([])
    expect(await podsEver()).toBe(3)
  })

  it('is taken back once where that costs the pod its owner, and nothing is written after that', async () => {
    await addSecond(ACTIVE)
    const known = (await world.pods()).map(({ metadata }) => metadata.name)
    // The controller may have been quick to make another.
    const withoutNew = async () => (await world.actives()).filter((name) => known.includes(name))
    const first = await world.report()
    expect(await withoutNew()).toEqual([active])
    expect(first.group.error?.code).toBe('role-in-template')
    expect(first.code).toBe(1)
    await kubelet.settle()
    await world.takeRequests()
    const codes: unknown[] = []
    for (let pass = 0; pass < 5; pass++) {
      const { code, group } = await world.report()
      codes.push([code, group.error?.code])
      await kubelet.settle()
    }
    expect(await podsEver()).toBeLessThanOrEqual(4)
    expect(codes).toEqual(codes.map(() => [1, 'role-in-template']))
    expect(await patches()).toEqual([])
    expect(await world.actives()).toContain(active)
  })
})

describe.skipIf(!cluster)('a role that a person gave', () => {
  let world: OnCluster
  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    await world.addService({ name: 'helloworld' })
    return () => world.close()
  })

  it.each([
    ['deployments', 'label'],
    ['statefulsets', 'label'],
    ['replicasets', 'patch'],
  ] as const)('to one of the pods of %s by kubectl %s is adopted', async (kind, verb) => {
    const port = await freePort()
    await addWorkload(world, kind, { name: 'helloworld', replicas: 2, template: { port } })
    const kubelet = startKubelet(world, port)
    await kubelet.settle()
    const [, pod = ''] = (await world.pods()).map(({ metadata }) => metadata.name)
    const kubectl = kubectlFor((cluster as NonNullable<typeof cluster>).kubeconfig)
    const what = verb === 'label' ? ['role=active'] : ['-p', '{"metadata": {"labels": {"role": "active"}}}']
    await kubectl(verb, '-n', world.namespace, 'pod', pod, ...what)
    const { code, group } = await world.report()
    expect(group.error).toBeUndefined()
    expect(code).toBe(0)
    expect(await world.actives()).toEqual([pod])
    await world.takeRequests()
    expect(await world.run()).toMatchObject({ code: 0 })
    expect((await world.takeRequests()) ?? ['list services', 'list pods']).toEqual(['list services', 'list pods'])
  })

  it('to a pod without a controller, in its manifest, is adopted with a warning', async () => {
    await world.addPod('helloworld-0')
    const server = await startServer('ok', { name: 'helloworld-1' })
    const draft = podDraft({ name: server.name, port: server.port, labels: ACTIVE })
    await world.admin.post(`${world.api}/pods?fieldManager=kubectl-create`, draft)
    await world.setStatus(server.name, {})
    const { code, group } = await world.report()
    await server.close()
    expect(group.error).toBeUndefined()
    expect(group.warnings.join('\n')).toContain('helloworld-1')
    expect(code).toBe(0)
    expect(await world.actives()).toEqual(['helloworld-1'])
  })
})
