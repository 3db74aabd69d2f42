import { expect, test } from 'vitest'
import { placeIn, roleAmong } from '../../../handler/group/named.js'
import { DEFAULT_SETTINGS } from '../../../handler/settings/settings.js'
import { annotated } from '../../support/builders.js'

test('The label that each handover changes names no pods: a decision would rest on the last one', () => {
  const services = [annotated('web', {}), annotated('web-too', { never: 'web-0,role=passive' })]
  expect(roleAmong(services, { ...DEFAULT_SETTINGS, never: ['web-0', 'role=passive'] }, 'role')).toEqual({
    code: 'bad-annotation',
    object: 'service default/web-too',
    message: 'annotation active-passive/never names role=passive, and role is the label that each handover changes',
    remedy: 'Name pods, or a label that they keep.',
  })
  const others = { ...DEFAULT_SETTINGS, never: ['role-0', 'my/role=passive'], prefer: ['roles=a'] }
  expect(roleAmong(services, others, 'role')).toBeUndefined()
})

test('A thousand entries and a thousand labels are compared in no time', () => {
  const entries = Array.from({ length: 1_000 }, (_, n) => `key-${n}=b`)
  const labels = Object.fromEntries(entries.map((_, n) => [`key-${n}`, 'a']))
  const startedAt = performance.now()
  for (let n = 0; n < 100; n++) expect(placeIn(entries, { name: 'web-0', labels })).toBe(1_000)
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})
