import { expect, it } from 'vitest'
import type { Kube } from '../../../handler/kube/port.js'
import { bounded } from '../../../handler/pass/bounded.js'
import { fairShares } from '../../../handler/pass/fair-share.js'
import { systemClock } from '../../../handler/util/clock.js'
import { aPod, aService } from '../../support/builders.js'
import { never } from '../kube/support.js'

/** Holds every write until it is let go, and counts those that are under way. */
function holding() {
  const waiting: (() => void)[] = []
  const services: (() => void)[] = []
  const into = (list: (() => void)[]) => () =>
    new Promise<never>((resolve) => {
      list.push(() => resolve({ kind: 'lost' } as never))
    })
  const [write, writeService] = [into(waiting), into(services)]
  const kube: Kube = {
    requests: 2,
    listServices: async () => [],
    listPods: async () => [],
    patchPod: write,
    patchPodMetadata: write,
    patchService: writeService,
    testService: writeService,
  }
  const { requests } = fairShares(systemClock, 64)
  const of = (namespace: string, app = 'web') => bounded(kube, requests, { namespace, selector: { app } })
  return { kube: of('default'), of, waiting, services }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))
const pod = aPod('web-0')

it('Of a thousand writes to pods, eight are under way at once, and each of them is made', async () => {
  const { kube, waiting } = holding()
  const all = Array.from({ length: 1_000 }, (_, n) =>
    n % 2 === 0 ? kube.patchPod(pod, [], never) : kube.patchPodMetadata(pod, { uid: pod.uid }, never),
  )
  let made = 0
  while (made < all.length) {
    await settled()
    expect(waiting.length).toBeLessThanOrEqual(8)
    made += waiting.length
    for (const answer of waiting.splice(0)) answer()
  }
  expect(await Promise.all(all)).toHaveLength(1_000)
})

it('A Service does not wait behind the pods: what is claimed is released', async () => {
  const { kube, waiting, services } = holding()
  const pods = Array.from({ length: 20 }, () => kube.patchPod(pod, [], never))
  const release = kube.patchService(aService('web'), { resourceVersion: '1', annotations: {}, selector: {} }, never)
  const check = kube.testService(aService('web'), 'a', 'b', never)
  await settled()
  expect(services).toHaveLength(2)
  expect(waiting.length).toBeGreaterThan(0)
  for (const answer of services) answer()
  expect(await Promise.all([release, check])).toHaveLength(2)
  while (waiting.length > 0) {
    for (const answer of waiting.splice(0)) answer()
    await settled()
  }
  await Promise.all(pods)
})

it('Reads and the number of requests go through', async () => {
  const { kube } = holding()
  expect([await kube.listPods({}, never), await kube.listServices({}, never), kube.requests]).toEqual([[], [], 2])
})

it('A hundred groups of one namespace leave places to another one, however much they write', async () => {
  const { of, waiting } = holding()
  const many = Array.from({ length: 100 }, (_, n) => of('tenant', `app-${n}`))
  const all = many.flatMap((kube) => Array.from({ length: 8 }, () => kube.patchPod(pod, [], never)))
  await settled()
  const taken = waiting.length
  const other = of('other').patchPod(pod, [], never)
  await settled()
  expect([taken, waiting.length]).toEqual([9, 10])
  while (waiting.length > 0) {
    for (const answer of waiting.splice(0)) answer()
    await settled()
  }
  expect(await Promise.all([...all, other])).toHaveLength(801)
})
