import { expect, test } from 'vitest'
import { withoutEffect } from '../../../handler/settings/effect.js'
import { policyOf } from '../../../handler/settings/policy.js'
import { DEFAULT_SETTINGS } from '../../../handler/settings/settings.js'
import { annotated } from '../../support/builders.js'

function warningsOf(annotations: Readonly<Record<string, string>>): readonly string[] {
  const services = [annotated('web', annotations), annotated('web-too', {})]
  const policy = policyOf(services, DEFAULT_SETTINGS)
  if ('fault' in policy) throw new Error(policy.fault.message)
  return withoutEffect(services, policy.settings)
}

const without = (name: string, why: string) => [`service web: annotation active-passive/${name} has no effect: ${why}`]

test.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
  [
    'a dialogue without a check of a port',
    { 'health-check': 'http://:80/', 'health-send': 'PING', 'health-expect': 'PONG' },
    [
      ...without('health-send', 'none of the checks is tcp://:PORT'),
      ...without('health-expect', 'none of the checks is tcp://:PORT'),
    ],
  ],
  [
    'a dialogue beside a readinessProbe',
    { 'health-expect': 'PONG' },
    without('health-expect', 'none of the checks is tcp://:PORT'),
  ],
  [
    'a question without an answer',
    { 'health-check': 'tcp://:1', 'health-send': 'PING' },
    without('health-send', 'there is no active-passive/health-expect, so that no answer is looked at'),
  ],
  [
    'a body of an open port',
    { 'health-check': 'tcp://:1\nready', 'health-json': 'status=UP' },
    without('health-json', 'none of the checks is http(s)://:PORT or probe'),
  ],
  ['a way back to nobody', { failback: '5m' }, without('failback', 'there is no prefer, so no pod is preferred')],
  ['a way back to somebody', { failback: '5m', prefer: 'web-0' }, []],
  [
    'a slow condition',
    { 'health-check': 'ready', 'health-slow': '1s' },
    without('health-slow', 'the Ready condition, which is all that is checked, takes no time'),
  ],
  [
    'what is slower than its time limit',
    { 'health-check': 'tcp://:1', 'health-slow': '2s' },
    without(
      'health-slow',
      'a probe that takes longer than 2s (health-timeout) has failed anyway, so that 2s should be less than that',
    ),
  ],
  [
    'what is slower than the time limit that is given',
    { 'health-timeout': '500ms', 'health-slow': '1s' },
    without(
      'health-slow',
      'a probe that takes longer than 500ms (health-timeout) has failed anyway, so that 1s should be less than that',
    ),
  ],
])('has no effect, and a warning: %s', (_, annotations, warnings) => {
  expect(warningsOf(annotations)).toEqual(warnings)
})

test.each<[string, Readonly<Record<string, string>>]>([
  ['a dialogue', { 'health-check': 'ready\ntcp://:1', 'health-send': 'PING', 'health-expect': 'PONG' }],
  ['a banner', { 'health-check': 'tcp://:1', 'health-expect': '220 ' }],
  ['JSON of a readinessProbe', { 'health-json': 'status=UP' }],
  ['a limit below that of the probe', { 'health-check': 'tcp://:1', 'health-slow': '1999ms' }],
  ['a limit for a readinessProbe, which may allow itself more', { 'health-slow': '5s' }],
])('has an effect: %s', (_, annotations) => {
  expect(warningsOf(annotations)).toEqual([])
})
