import { describe, expect, test } from 'vitest'
import { addToHistory, type HistoryEntry, historyOf, readHistory, shortened } from '../../../handler/group/history.js'
import { HISTORY } from '../../../handler/kube/keys.js'
import { aService } from '../../support/builders.js'

const entry = (epoch: number, rest: Partial<HistoryEntry> = {}): HistoryEntry => ({
  ...{ at: new Date(Date.UTC(2026, 0, 1) + epoch * 1_000).toISOString(), kind: 'failover', from: 'web-0', to: 'web-1' },
  ...{ reason: 'active-failed', text: 'web-0 failed its check', epoch },
  ...rest,
})
const written = (...entries: readonly HistoryEntry[]) =>
  entries.reduce<string | undefined>((raw, one) => addToHistory(raw, one), undefined)

describe('the history of a Service', () => {
  test('is read as it was written, newest first', () => {
    const first = { ...entry(1), kind: 'first' as const }
    delete (first as { from?: string }).from
    expect(readHistory(written(first, entry(2), entry(3)))).toEqual([entry(3), entry(2), first])
  })

  test('keeps ten entries', () => {
    const epochs = Array.from({ length: 15 }, (_, n) => n + 1)
    const kept = readHistory(written(...epochs.map((epoch) => entry(epoch)))).map(({ epoch }) => epoch)
    expect(kept).toEqual([15, 14, 13, 12, 11, 10, 9, 8, 7, 6])
  })

  test('keeps to 4 KiB of bytes, whatever the names and texts, and never loses the newest entry', () => {
    const long = { from: 'f'.repeat(253), to: 't'.repeat(253), text: '…'.repeat(160) }
    const raw = written(...[1, 2, 3, 4, 5, 6, 7].map((epoch) => entry(epoch, long))) ?? ''
    expect(Buffer.byteLength(raw)).toBeLessThanOrEqual(4_096)
    const kept = readHistory(raw).map(({ epoch }) => epoch)
    expect(kept[0]).toBe(7)
    expect(kept.length).toBeGreaterThan(1)
    expect(readHistory(addToHistory(undefined, entry(1, { from: 'x'.repeat(5_000) }))).length).toBeLessThanOrEqual(1)
  })

  test.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['no JSON', '{'],
    ['no list', '{"at": 1}'],
    ['a list of nonsense', '[null, 1, "x", [], {}]'],
    ['too much', `[${'{},'.repeat(4_000)}{}]`],
    ['a deep one', '['.repeat(8_000)],
    ['an entry without a pod', JSON.stringify([{ ...entry(1), to: 7 }])],
    ['one of no kind', JSON.stringify([{ ...entry(1), kind: 'constructor' }])],
    ['one of no time', JSON.stringify([{ ...entry(1), at: 'now' }])],
    ['one of no epoch', JSON.stringify([{ ...entry(1), epoch: 1e99 }])],
  ])('of which somebody has made %s is replaced by the next handover', (_what, raw) => {
    expect(readHistory(raw)).toEqual([])
    expect(readHistory(addToHistory(raw, entry(9)))).toEqual([entry(9)])
  })

  test('of a group is that of all its Services, each handover once', () => {
    const service = (name: string, raw: string | undefined) =>
      aService(name, { annotations: raw === undefined ? {} : { [HISTORY]: raw } })
    const services = [
      service('a', written(entry(1), entry(3))),
      service('b', undefined),
      service('c', written(entry(1), entry(2))),
    ]
    expect(historyOf(services).map(({ epoch }) => epoch)).toEqual([3, 2, 1])
  })

  test('holds sentences on one line, cut to their beginning', () => {
    expect(shortened('a\nb\u202e')).toBe('a\\nb\\u{202e}')
    expect(shortened('x'.repeat(161))).toBe(`${'x'.repeat(159)}…`)
  })
})
