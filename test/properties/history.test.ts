import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addToHistory, type HistoryEntry, readHistory, shortened } from '../../handler/group/history.js'
import { EPOCH, HISTORY } from '../../handler/kube/keys.js'
import { NAMESPACE, startInProcess } from '../support/in-process.js'
import { limit, parameters } from './runs.js'

const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,251}[a-z0-9])?$/)
const entry: fc.Arbitrary<HistoryEntry> = fc.record(
  {
    at: fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((at) => at.toISOString()),
    kind: fc.constantFrom('first', 'failover', 'failback', 'repair', 'switchover'),
    from: fc.array(name, { minLength: 1, maxLength: 30 }).map((names) => names.join(',')),
    to: name,
    reason: fc.constantFrom('by-hand', 'active-failed'),
    text: fc.string({ unit: 'binary', maxLength: 400 }).map(shortened),
    epoch: fc.nat(),
  },
  { requiredKeys: ['at', 'kind', 'to', 'reason', 'text', 'epoch'] },
)
/** What somebody may have written there: anything, JSON, and entries that are almost ours. */
const foreign = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 10_000 }),
  fc.json(),
  fc
    .array(fc.oneof(entry, fc.anything(), fc.record({ at: fc.anything(), kind: fc.anything(), to: fc.anything() })))
    .map((list) => JSON.stringify(list, (_, value) => (typeof value === 'bigint' ? `${value}` : value))),
)

describe('whatever the history of a Service holds', () => {
  it('a handover is added to it in at most 4 KiB and ten entries, newest first', () => {
    fc.assert(
      fc.property(foreign, entry, (raw, made) => {
        const written = addToHistory(raw, made)
        expect(Buffer.byteLength(written)).toBeLessThanOrEqual(4_096)
        const [newest, ...older] = readHistory(written)
        expect(newest).toMatchObject({ at: made.at, to: made.to, kind: made.kind, epoch: made.epoch, text: made.text })
        expect(older.length).toBeLessThanOrEqual(9)
        expect(readHistory(raw).slice(0, older.length)).toEqual(older)
      }),
      parameters(),
    )
  })

  it('a pass makes its handover, and notes it', limit, async () => {
    const world = await startInProcess()
    try {
      await fc.assert(
        fc.asyncProperty(foreign, async (raw) => {
          world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
            metadata.annotations = { [HISTORY]: raw }
          })
          const to = world.actives()[0] === 'a' ? 'b' : 'a'
          const { groups } = await world.pass({ switchover: { to, force: true } })
          expect(groups[0]).toMatchObject({ activeAfter: to, faults: [] })
          expect(world.history('app')[0]).toMatchObject({ to, epoch: Number(world.annotations(to)[EPOCH]) })
        }),
        parameters(50),
      )
    } finally {
      await world.close()
    }
  })
})
