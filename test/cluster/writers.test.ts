// Who owns what of a pod after a write, on a real API server: test/support/stored.ts makes the same of it.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { connect, loadConfig } from '../../handler/kube/cluster.js'
import { EPOCH, PIN } from '../../handler/kube/keys.js'
import type { Kube, Pod, PodMetadataPatch } from '../../handler/kube/port.js'
import { kubectlFor } from '../support/kubectl.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { ownedBy, type WriteCall, writePod } from '../support/stored.js'

const cluster = inject('cluster')
const never = new AbortController().signal
const EPOCH_PATH = '/metadata/annotations/active-passive~1epoch'

describe.skipIf(!cluster)('the owners of labels and of our annotations, after', () => {
  let world: OnCluster
  let kube: Kube
  beforeAll(async () => {
    if (cluster) world = await openNamespace(cluster)
    kube = connect(loadConfig({ kubeconfig: world.kubeconfig, env: {} }))
  })
  afterAll(() => world?.close())

  const read = async (name: string): Promise<Pod> => {
    const pod = (await kube.listPods({ namespace: world.namespace }, never)).find((one) => one.name === name)
    if (!pod) throw new Error(`${name} is not listed`)
    return pod
  }
  const aPod = async (name: string): Promise<Pod> => {
    await world.createPod({ name, port: 1 } as never, { labels: { role: 'active' }, annotations: { [EPOCH]: '3' } })
    return read(name)
  }
  const owners = ({ writers = [] }: Pod) => [...writers].sort((a, b) => (a.manager < b.manager ? -1 : 1)).map(sorted)

  const add = (path: string, value: string) => ({ op: 'add', path, value }) as const
  const patchOf = (pod: Pod, ...patch: readonly ReturnType<typeof add>[]): Extract<WriteCall, { pod: Pod }> => ({
    verb: 'patchPod',
    pod,
    patch,
  })
  const marksOf = (pod: Pod, patch: Omit<PodMetadataPatch, 'uid'>): Extract<WriteCall, { pod: Pod }> => ({
    verb: 'patchPodMetadata',
    pod,
    patch: { uid: pod.uid, ...patch },
  })

  it.each<readonly [string, string, (pod: Pod) => Extract<WriteCall, { pod: Pod }>]>([
    [
      'a patch of ours that changes the role',
      'changed',
      (pod) => patchOf(pod, add('/metadata/labels/role', 'passive')),
    ],
    ['one that writes the role as it is', 'same', (pod) => patchOf(pod, add('/metadata/labels/role', 'active'))],
    ['one that adds a label', 'added', (pod) => patchOf(pod, add('/metadata/labels/active-passive~1pod', pod.uid))],
    ['one that changes the epoch', 'epoch', (pod) => patchOf(pod, add(EPOCH_PATH, '4'))],
    [
      'one that takes an annotation away and adds a label',
      'marks',
      (pod) => marksOf(pod, { labels: { [PIN]: pod.uid }, annotations: { [EPOCH]: null } }),
    ],
  ])('%s', async (_, name, make) => {
    const before = await aPod(name)
    const call = make(before)
    const real =
      call.verb === 'patchPod'
        ? await kube.patchPod(call.pod, call.patch, never)
        : await kube.patchPodMetadata(call.pod, call.patch, never)
    const ours = writePod(call, before)
    if (real.kind !== 'applied' || ours.kind !== 'applied') throw new Error(`${real.kind} and ${ours.kind}`)
    expect(owners(ours.object)).toEqual(owners(real.object))
  })

  it('somebody who labels the pod after us', async () => {
    const born = await aPod('labelled')
    await kube.patchPod(born, [add('/metadata/labels/role', 'passive')], never)
    const before = await read('labelled')
    await kubectlFor((cluster as { kubeconfig: string }).kubeconfig)(
      ...['label', 'pod', 'labelled', '-n', world.namespace, '--overwrite', 'role=active'],
    )
    const after = await read('labelled')
    expect(after.writers?.find(({ labels }) => labels.includes('role'))?.manager).toBe('kubectl-label')
    expect(owners(ownedBy('kubectl-label', before, after))).toEqual(owners(after))
  })
})

function sorted<T extends { readonly labels: readonly string[]; readonly annotations: readonly string[] }>(one: T): T {
  return { ...one, labels: [...one.labels].sort(), annotations: [...one.annotations].sort() }
}
