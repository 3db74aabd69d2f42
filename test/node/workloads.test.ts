import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { remove, tell, wait } from '../bench/workloads/acts.js'
import type { Scenario } from '../bench/workloads/scenario.js'
import { readyThenExits } from '../bench/workloads/scenarios/deployments.js'
import { inTurns } from '../bench/workloads/scenarios/flaps.js'
import { terminatingActive, thirdHangs } from '../bench/workloads/scenarios/planned.js'
import { play } from '../bench/workloads/stage.js'
import { repository } from '../support/handler.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'

const images = inject('images')

// `npm run bench:workloads` has fifty more of them, and tells how long clients got no answer.
describe.skipIf(!images)('who gets the role, on a real node', () => {
  let cluster: NodeCluster
  beforeAll(async () => {
    cluster = await startCluster({ images: images ?? [] })
  })
  afterAll(() => cluster?.stop())

  let ports = 8100
  const turnsOf = async (scenario: Scenario) => {
    const { path, moves, actives, log } = await play({ cluster, scenario, checkout: repository, port: ports++ })
    return { pods: path.map(({ pod }) => pod), path, moves, actives, said: log.join('\n') }
  }

  // Side by side, since they mostly wait.
  describe.concurrent('the role', () => {
    it('stays with a pod that is deleted and still serves, until another one is Ready', async ({ expect }) => {
      const { path, actives, said } = await turnsOf(terminatingActive(25, 5))
      expect(path, said).toEqual([
        { pod: '0', ready: true, late: false },
        { pod: '1', ready: true, late: false },
      ])
      expect(actives).toBe(1)
    })

    it('goes to an old pod that lasts, not to a new one that is Ready for a moment, once', async ({ expect }) => {
      const { pods, moves, actives, said } = await turnsOf(readyThenExits)
      expect(moves, said).toBe(1)
      expect(pods.filter((pod) => pod.startsWith('new'))).toEqual([])
      expect(actives).toBe(1)
    })

    it('does not go to and fro between two pods that fail in turns', async ({ expect }) => {
      const { moves, actives, said } = await turnsOf(inTurns(30))
      expect(moves, said).toBeLessThanOrEqual(2)
      expect(actives).toBe(1)
    })

    it('waits for no third pod that hangs: it moves while the pod that is deleted still serves', async ({ expect }) => {
      const { path, actives, said } = await turnsOf({
        ...thirdHangs,
        acts: [tell('third', 'hang'), wait(3), remove('active')], // a tick waits for it by then
      })
      const inTime = { ready: true, late: false }
      expect(path, said).toMatchObject([inTime, inTime])
      // The third one hangs.
      expect(new Set(path.map(({ pod }) => pod)).size, said).toBe(2)
      expect(actives).toBe(1)
    })
  })
})
