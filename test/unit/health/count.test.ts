import { describe, expect, test } from 'vitest'
import { type Count, countFailure, failureMarks, successMarks } from '../../../handler/health/count.js'
import { FAILED_AT, FAILURES, HEALTHY_SINCE } from '../../../handler/kube/keys.js'
import { aPod, MINUTE, NOW, SECOND } from '../../support/builders.js'

const THRESHOLD = 3
const count = (failures: number, failedAtMs: number | undefined): Count => ({ failures, failedAtMs })

describe('a failure', () => {
  test.each([
    ['the first ever', count(0, undefined), 1],
    ['the first after a success, however soon', count(0, NOW - 1), 1],
    ['a period after the last one', count(1, NOW - SECOND), 2],
    ['long after the last one: only a success ends the row', count(1, NOW - 60 * MINUTE), 2],
    ['whose predecessor has no time', count(1, undefined), 2],
    ['whose predecessor lies in the future: that makes no sense, and must not stop the count', count(1, NOW + 1), 2],
    ['that makes it the threshold', count(2, NOW - SECOND), 3],
  ])('counts: %s', (_, before, failures) => {
    expect(countFailure(before, NOW, THRESHOLD, SECOND)).toEqual(count(failures, NOW))
  })

  test.each([
    ['within the period of one that another pass has counted', count(1, NOW - SECOND + 1)],
    ['at the very same moment', count(1, NOW)],
    ['at the threshold', count(3, NOW - MINUTE)],
    ['beyond the threshold, which was lowered', count(7, NOW - MINUTE)],
  ])('does not count: %s', (_, before) => {
    expect(countFailure(before, NOW, THRESHOLD, SECOND)).toBe(before)
  })

  test('counts each time when there is no period', () => {
    expect(countFailure(count(1, NOW), NOW, THRESHOLD, 0).failures).toBe(2)
  })
})

describe('the marks', () => {
  test('of a failure are the count and its time', () => {
    expect(failureMarks(count(1, NOW - MINUTE), count(2, NOW))).toEqual({
      [FAILURES]: '2',
      [FAILED_AT]: '2026-01-01T12:00:00.000Z',
    })
  })

  test('of a failure that was not counted are none', () => {
    expect(failureMarks(count(3, NOW - MINUTE), count(3, NOW - MINUTE))).toEqual({})
  })

  const success = (annotations: Record<string, string> | undefined, failures: number) =>
    successMarks(aPod('web-0', { annotations }), count(failures, undefined), THRESHOLD, NOW)

  test.each([[undefined], [{}], [{ [HEALTHY_SINCE]: 'long ago', 'example.com/x': 'y' }]])(
    'of a success are none where nothing was counted: %o',
    (annotations) => {
      expect(success(annotations, 0)).toEqual({})
    },
  )

  test('of a success clear a count that was under the threshold: the pod had not failed', () => {
    expect(success({ [FAILURES]: '2', [FAILED_AT]: 'x' }, 2)).toEqual({ [FAILURES]: null, [FAILED_AT]: null })
  })

  test('of a success clear one at the threshold, and say since when the pod is healthy again', () => {
    expect(success({ [FAILURES]: '3', [FAILED_AT]: 'x' }, 3)).toEqual({
      [FAILURES]: null,
      [FAILED_AT]: null,
      [HEALTHY_SINCE]: '2026-01-01T12:00:00.000Z',
    })
  })

  test('of a success clear nonsense too, which counts as no failure', () => {
    expect(success({ [FAILURES]: 'many' }, 0)).toEqual({ [FAILURES]: null })
  })
})
