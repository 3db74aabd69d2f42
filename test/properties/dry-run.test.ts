// A dry run prints the bodies that a pass sends: the same states, one by a dry run and one by a pass that writes.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toGoJson } from '../../handler/kube/go-json.js'
import { objectOf } from '../../handler/kube/recording.js'
import type { Report } from '../../handler/report/report.js'
import { world } from './arbitraries.js'
import { type Played, play, type Sent } from './played.js'
import { limit, parameters, Tally } from './runs.js'

/** Without what a dry run cannot know: the version of a Service after a write of its own. */
function bodies(sent: readonly Sent[]): readonly string[] {
  return sent
    .map(({ object, patch }) => {
      const versionless = toGoJson(patch.body).replace(/"resourceVersion":"\d+"/, '"resourceVersion":"…"')
      return `${object} ${patch.type} ${versionless}`
    })
    .sort()
}

const planned = ({ groups }: Report): readonly Sent[] =>
  groups.flatMap(({ writes }) =>
    writes.flatMap(({ kind, name, planned }) => (planned ? [{ object: `${kind}/${name}`, patch: planned.patch }] : [])),
  )

/** A claim that is taken off a Service which nobody manages is in no report, whatever the pass. */
function inGroups({ report, sent }: Played): readonly Sent[] {
  const reported = new Set(report.groups.flatMap(({ writes }) => writes.map(objectOf)))
  return sent.filter(({ object }) => reported.has(object))
}

describe('whatever a cluster holds,', limit, () => {
  test('a dry run prints the bodies that a pass sends, and sends none', async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(world, async (cluster) => {
        const dry = await play(cluster, true)
        expect(dry.sent).toEqual([])
        const real = await play(cluster, false)
        if (real.hasLost) return tally.add('lost')
        const sent = bodies(inGroups(real))
        expect(bodies(planned(dry.report))).toEqual(sent)
        const asked = await play(cluster, true, 'server')
        expect(asked.sent).toEqual([])
        expect(bodies(planned(asked.report))).toEqual(sent)
        for (const { decision, writes } of real.report.groups) tally.add(writes.length > 0 ? decision.kind : 'no write')
      }),
      parameters(),
    )
    tally.expectAll(['first', 'failover', 'failback', 'repair', 'count', 'keep', 'blocked', 'no write'])
  })
})
