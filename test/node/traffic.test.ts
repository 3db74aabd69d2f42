import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { describeSeries, handovers, type Series } from '../support/handover.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'

const images = inject('images')
/** Each setting once: what is asked of them holds each time. `npm run bench:traffic` makes more of them. */
const runs = 1

describe.skipIf(!images)('what clients notice of a handover', () => {
  let cluster: NodeCluster
  const series: Series[] = []

  beforeAll(async () => {
    cluster = await startCluster({ images: images ?? [] })
    for await (const pair of handovers(cluster, runs)) series.push(...pair)
    console.log(series.map(describeSeries).join('\n'))
  })
  afterAll(() => cluster?.stop())

  const allOf = (latch: boolean) =>
    series.filter(({ setting }) => setting.latch === latch).flatMap(({ handovers }) => handovers)

  it('nothing with the latch: no connection is refused, hangs or is cut, in either mode of kube-proxy', () => {
    const failed = allOf(true).map(({ refused, hung, otherErrors }) => refused.length + hung + otherErrors)
    expect(failed).toEqual(Array(runs * 4).fill(0))
  })

  it('is seen by a client that connects all the time, and is answered by the old pod until the new one answers', () => {
    for (const { connections, lastByOld, firstByNew } of allOf(true)) {
      expect(connections).toBeGreaterThan(300)
      expect(lastByOld).toBeGreaterThan(0)
      expect(firstByNew).toBeGreaterThan(0)
    }
  })

  it('refused connections without it, every time', () => {
    expect(allOf(false)).toHaveLength(runs * 4)
    for (const { refused } of allOf(false)) expect(refused.length).toBeGreaterThan(0)
  })
})
