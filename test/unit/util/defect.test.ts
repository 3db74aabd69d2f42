import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { defectOf } from '../../../handler/util/defect.js'
import { repository } from '../../support/handler.js'

it('leads to where defects are reported', () => {
  const { bugs } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
  expect(defectOf(new Error('odd')).remedy).toContain(`: ${bugs.url}. `)
})

it.each([
  ['an error', new RangeError('odd'), 'RangeError: odd'],
  ['a text', 'odd', 'odd'],
  ['what makes no text', Object.create(null), 'object thrown'],
  ['nothing', undefined, 'undefined thrown'],
  ['an error that quotes much', new Error('x'.repeat(10_000)), `Error: ${'x'.repeat(293)}`],
])('tells of %s in few words', (_what, thrown, text) => {
  expect(defectOf(thrown).message).toBe(`a defect of this program: ${text}`)
})
