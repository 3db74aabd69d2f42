/** The passes that follow once nothing more goes wrong: they must put everything right. */

import type { Point } from './behaviour.js'
import type { World } from './model-world.js'
import { answered, type Move, reacted } from './moves.js'
import { brokenAtRest, brokenBy } from './promises.js'
import type { Found } from './search.js'
import type { State } from './state.js'

/** So many passes put everything right. */
const PASSES = 3

/** Passes that all see the same pods fail, one after the other: three put everything right, one more writes nothing. */
export class Recovery {
  private readonly known = new Map<string, Found | undefined>()

  /** @param begin a pass that finds these pods failing, before its first answer */
  constructor(
    private readonly world: World,
    private readonly begin: (failing: readonly string[]) => Promise<Point>,
  ) {}

  async check(end: State, failing: readonly string[]): Promise<Found | undefined> {
    const key = `${end.cluster.pods}|${end.cluster.services}|${end.foreign.map(Number)}|${end.letGo}|${failing}`
    if (!this.known.has(key)) this.known.set(key, await this.recover(end, failing))
    return this.known.get(key)
  }

  private async recover(end: State, failing: readonly string[]): Promise<Found | undefined> {
    const told: Move['text'][] = []
    const found = (broken: string): Found => ({
      broken,
      story: [
        `from here on nothing goes wrong; ${failing.join(' and ') || 'no pod'} fails`,
        ...told.flatMap((text) => text().map((one) => `later ${one}`)),
      ],
    })
    const first = await this.begin(failing)
    const { isHealthy } = first.setup
    let state: State = { ...end, views: [isHealthy], flying: [], faultsLeft: 0, meddled: false }
    for (let n = 0; n <= PASSES; n++) {
      const none = Array.from({ length: n }, () => undefined)
      const flags = [...none.map(() => false), false]
      state = { ...state, stale: flags, blind: flags, passes: [...none, first] }
      for (let point = state.passes[n]; point; point = state.passes[n]) {
        const [pending] = point.pending
        if (!pending) break
        const acted = pending.call.verb === 'listPods' ? reacted(this.world, state) : undefined
        if (acted) told.push(() => acted.texts)
        const move = await answered(this.world, acted?.state ?? state, n, point, pending)
        told.push(move.text)
        const broken = brokenBy(this.world, move)
        if (broken) return found(broken)
        if (n === PASSES && isNews(this.world, move)) return found('a pass writes though nothing has changed')
        state = move.state
      }
      if (n !== PASSES - 1) continue
      const broken = brokenAtRest(this.world, state.cluster, isHealthy)
      if (broken) return found(`${broken} after ${PASSES} passes that nothing has disturbed`)
    }
    return undefined
  }
}

/** Whether it is a write, and not one that admission never lets through: that is tried again. */
function isNews({ admission }: World, { writer, before, state }: Move): boolean {
  const isHopeless = admission.keeps !== undefined || (admission.refusesEnded && before.cluster === state.cluster)
  return writer !== undefined && !isHopeless
}
