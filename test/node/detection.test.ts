import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Detection, describeDetections, detections } from '../support/detection-runs.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'

const images = inject('images')
/** Each way once: what is asked of them holds each time. `npm run bench:detection` makes more of them. */
const runs = 1

describe.skipIf(!images)('from the failure of the active pod to the traffic at another, with serve', () => {
  let cluster: NodeCluster
  const found = new Map<string, readonly Detection[]>()

  beforeAll(async () => {
    cluster = await startCluster({ images: images ?? [] })
    for await (const one of detections(cluster, runs)) {
      found.set(one.way.name, one.runs)
      console.log(describeDetections(one))
    }
  })
  afterAll(() => cluster?.stop())

  it('each way moves label and traffic, every time', () => {
    expect([...found.values()].map((all) => all.length)).toEqual(Array(6).fill(runs))
    for (const { labelled, firstByNew } of [...found.values()].flat()) {
      expect(labelled).toBeGreaterThan(0)
      expect(firstByNew).toBeGreaterThan(0)
    }
  })

  it('no connection is refused, hangs or is cut as long as the old pod is Ready, or is on its way out', () => {
    const seamless = [...found].filter(([name]) => name !== '--watch, pod not Ready')
    for (const { refused, hung, otherErrors } of seamless.flatMap(([, all]) => all)) {
      expect({ refused: refused.length, hung, otherErrors }).toEqual({ refused: 0, hung: 0, otherErrors: 0 })
    }
  })
})
