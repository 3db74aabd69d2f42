import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  describeSeries,
  describeSwitchover,
  type Handover,
  handovers,
  type Series,
  switchOver,
} from '../support/handover.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'
import { openNodeWorld } from '../support/on-node.js'

const images = inject('images')
/** Each setting once: what is asked of them holds each time. `npm run bench:traffic` makes more of them. */
const runs = 1

describe.skipIf(!images)('what clients notice of a handover', () => {
  let cluster: NodeCluster
  const series: Series[] = []
  let planned: Handover

  beforeAll(async () => {
    cluster = await startCluster({ images: images ?? [] })
    const world = await openNodeWorld(cluster, 'default')
    for await (const pair of handovers(world, runs)) series.push(...pair)
    planned = await switchOver(world, 'statefulset')
    console.log([...series.map(describeSeries), describeSwitchover(planned)].join('\n'))
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

  it('nothing of a switchover either: first the old pod answers, then the new one', () => {
    const { connections, refused, hung, otherErrors, changes } = planned
    expect(connections).toBeGreaterThan(200)
    expect({ refused, hung, otherErrors, changes }).toEqual({ refused: [], hung: 0, otherErrors: 0, changes: 1 })
  })

  it('refused connections without it, every time', () => {
    expect(allOf(false)).toHaveLength(runs * 4)
    for (const { refused } of allOf(false)) expect(refused.length).toBeGreaterThan(0)
  })
})
