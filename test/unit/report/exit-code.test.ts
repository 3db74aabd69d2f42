import { describe, expect, test } from 'vitest'
import { KubeError } from '../../../handler/kube/port.js'
import { exitCode, exitCodeOfError } from '../../../handler/report/exit-code.js'
import type { GroupReport } from '../../../handler/report/report.js'
import { type Fault, UsageError } from '../../../handler/util/errors.js'
import {
  aGroupReport,
  aMember,
  anActive,
  aReport,
  aWrite,
  conclusively,
  failed,
  failing,
  NOW,
  unprobed,
} from '../../support/builders.js'

const faultOf = (code: Fault['code']): Fault => ({ code, object: 'o', message: 'm', remedy: 'r' })
const sick = anActive('web-0', { verdict: failed() })
const keep = aGroupReport([anActive('web-0'), aMember('web-1', { verdict: failed() })])
const dryWrites = [aWrite('pod/web-0', 'dry run')] as const

describe('a pass exits 0', () => {
  test.each<[string, readonly GroupReport[]]>([
    ['the active is healthy, whatever the passives are', [keep]],
    ['the active is under its threshold', [aGroupReport([anActive('web-0', { verdict: failing(1) })])]],
    ['a first active was made', [aGroupReport([aMember('web-0')])]],
    ['a failover was made', [aGroupReport([sick, aMember('web-1')])]],
    ['several actives were repaired to a healthy one', [aGroupReport([anActive('web-0'), anActive('web-1')])]],
    [
      'a group is paused, whatever its health',
      [aGroupReport([sick], { settings: { pause: Number.POSITIVE_INFINITY } })],
    ],
    ['a group has no pods', [aGroupReport([])]],
    ['there is no managed Service', []],
    ['a write was made in passing', [{ ...keep, writes: [aWrite('pod/web-1')] }]],
    ['an optional right was refused, with a warning', [{ ...keep, latch: 'refused', warnings: ['not latched'] }]],
  ])('when %s', (_, groups) => {
    expect(exitCode(aReport(groups))).toBe(0)
  })

  test('when a dry run would change nothing', () => {
    expect(exitCode(aReport([keep], { dryRun: true }))).toBe(0)
  })
})

describe('a pass exits 1', () => {
  test.each<[string, readonly GroupReport[]]>([
    ['the active has failed and nobody can take over', [aGroupReport([sick])]],
    [
      'a failover waits for the cooldown',
      [aGroupReport([{ ...sick, moves: [{ atMs: NOW, failed: 'uid-of-web-1' }] }, aMember('web-1')])],
    ],
    ['there was no time to probe the active', [aGroupReport([anActive('web-0', { verdict: unprobed })])]],
    ['a doubtful pod was made active', [aGroupReport([aMember('web-0', { verdict: conclusively('not Ready') })])]],
    ['several actives were repaired to a sick one', [aGroupReport([{ ...sick, epoch: 2 }, anActive('web-1')])]],
    ['a group is in error', [aGroupReport([], { decision: { kind: 'error', fault: faultOf('overlap') } })]],
    ['one group of many is', [keep, aGroupReport([sick]), keep]],
    ...(['not-found', 'deadline', 'interrupted', 'latched', 'defect'] as const).map(
      (code): [string, readonly GroupReport[]] => [
        `all is well but for: ${code}`,
        [{ ...keep, faults: [faultOf(code)] }],
      ],
    ),
  ])('when %s', (_, groups) => {
    expect(exitCode(aReport(groups))).toBe(1)
  })

  test('when it was told to stop, though all is well', () => {
    expect(exitCode(aReport([keep], { interrupted: true }))).toBe(1)
  })

  test.each<[string, GroupReport]>([
    ['move the active', aGroupReport([sick, aMember('web-1')], { writes: dryWrites })],
    ['write a count', { ...keep, writes: dryWrites }],
  ])('when a dry run would %s', (_, group) => {
    expect(exitCode(aReport([group], { dryRun: true }))).toBe(1)
  })
})

describe('a pass exits 3', () => {
  test.each(['denied', 'unauthenticated', 'unreachable', 'failed'] as const)(
    'when something was %s by the API server',
    (code) => {
      expect(exitCode(aReport([{ ...keep, faults: [faultOf(code)] }]))).toBe(3)
    },
  )

  test('whatever else there is: the highest wins', () => {
    const groups = [aGroupReport([sick]), { ...keep, faults: [faultOf('deadline'), faultOf('denied')] }, keep]
    expect(exitCode(aReport(groups, { interrupted: true }))).toBe(3)
  })

  test('even in a dry run, and though the group is paused', () => {
    const paused = aGroupReport([sick], {
      settings: { pause: Number.POSITIVE_INFINITY },
      faults: [faultOf('unreachable')],
    })
    expect(exitCode(aReport([paused], { dryRun: true }))).toBe(3)
  })
})

test.each([
  [new UsageError('--nonsense'), 2],
  [new TypeError('a defect'), 70],
  [new KubeError('failed', 'that nobody caught', 'r'), 70],
  ['not even an error', 70],
])('%s ends the program with %d', (error, code) => {
  expect(exitCodeOfError(error)).toBe(code)
})
