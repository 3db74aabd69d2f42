/** What passes make of it once nothing goes wrong any more. */

import type { Point } from './behaviour.js'
import type { Cluster } from './cluster.js'
import type { World } from './moves.js'
import { brokenAtRest } from './promises.js'
import type { Code } from './run.js'
import type { Found } from './search.js'
import type { State } from './state.js'
import { answered } from './story.js'
import { setupOf } from './worlds.js'

/** So many passes put everything right. */
const PASSES = 3

/** Passes that all see the same pods fail, one after the other: three put everything right, one more writes nothing. */
export class Recovery {
  private readonly beginnings = new Map<string, Point>()
  private readonly known = new Map<string, Found | undefined>()

  constructor(
    private readonly world: World,
    private readonly code?: Code,
  ) {}

  async check(state: State, failing: readonly string[]): Promise<Found | undefined> {
    const key = `${state.cluster.pods}|${state.cluster.services}|${failing}`
    if (!this.known.has(key)) this.known.set(key, await this.recover(state.cluster, failing))
    return this.known.get(key)
  }

  private async recover(start: Cluster, failing: readonly string[]): Promise<Found | undefined> {
    let cluster = start
    const story: string[] = [`from here on nothing goes wrong; ${failing.join(' and ') || 'no pod'} fails`]
    for (let n = 1; n <= PASSES; n++) cluster = await this.pass(cluster, failing, n, story)
    const broken = brokenAtRest(this.world, cluster)
    if (broken) return { broken: `${broken} after ${PASSES} passes that nothing has disturbed`, story }
    const again = await this.pass(cluster, failing, PASSES + 1, story)
    return again === cluster ? undefined : { broken: 'a pass writes though nothing has changed', story }
  }

  /** Each is alike, whatever it finds. */
  private async begin(failing: readonly string[], n: number): Promise<Point> {
    const key = `${n} ${failing}`
    const known = this.beginnings.get(key)
    if (known) return known
    const point = await this.world.behaviour.begin(setupOf(failing, `later ${n}`, 100, this.code))
    this.beginnings.set(key, point)
    return point
  }

  private async pass(cluster: Cluster, failing: readonly string[], n: number, story: string[]): Promise<Cluster> {
    const { behaviour, objects, servicesDenied } = this.world
    let point = await this.begin(failing, n)
    let now = cluster
    for (let [pending] = point.pending; pending; [pending] = point.pending) {
      const { call, callId, place } = pending
      const done =
        servicesDenied && call.verb === 'patchService'
          ? { key: 'denied', answer: { kind: 'denied' } as const, cluster: now }
          : objects.carryOut(now, call, callId)
      story.push(`later ${answered(n - 1, call, done.answer)}`)
      now = done.cluster
      point = await behaviour.after(point, `${place}:${done.key}`, () => ({ place, answer: done.answer }))
    }
    return now
  }
}
