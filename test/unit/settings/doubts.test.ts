import { expect, test } from 'vitest'
import { parseChecks } from '../../../handler/settings/check.js'
import { doubtsIn } from '../../../handler/settings/doubts.js'
import { DEFAULT_SETTINGS, type Settings } from '../../../handler/settings/settings.js'

const doubts = (check: string, rest: Partial<Settings> = {}) =>
  doubtsIn({ ...DEFAULT_SETTINGS, 'health-check': parseChecks(check) ?? [], ...rest })

test.each([
  ['tcp://:1\nprobe\ntcp://:1', 'health-check has the line tcp://:1 more than once: once is enough'],
  [
    'http://:1?key=s3cret\nhttp://:1/?key=s3cret',
    'health-check has the line http://:1/?key=… more than once: once is enough',
  ],
  [
    'exec: cat s3cret\nexec: ["cat","s3cret"]',
    'health-check has the line exec: cat (1 argument) more than once: once is enough',
  ],
  ['exec: ["a b"]\nexec: ["a b"]', 'health-check has the line exec: a more than once: once is enough'],
  ['http://:1\nhttps://:1', 'health-check asks port 1 with TLS and without: hardly any server answers both'],
  ['grpcs://:web\nhttp://:web', 'health-check asks port web with TLS and without: hardly any server answers both'],
])('%j is doubted', (check, says) => {
  expect(doubts(check)).toEqual([says])
})

test.each([['http://:1\ngrpc://:1'], ['tcp://:1\nhttps://:1'], ['http://:1/a\nhttp://:1/b'], ['probe\nready']])(
  '%j may well be meant',
  (check) => {
    expect(doubts(check)).toEqual([])
  },
)
