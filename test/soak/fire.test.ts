import { describe, expect, it } from 'vitest'
import { CLAIM } from '../../handler/kube/keys.js'
import { findBinaries } from '../support/cluster/binaries.js'
import { startControlPlane } from '../support/cluster/control-plane.js'
import type { Change } from '../support/cluster/history.js'
import { podStatus } from '../support/pods.js'
import { standstills } from './fire/chronicle.js'
import { soakFire } from './fire/fire.js'
import { type Fire, judgeFire, type Life } from './fire/fire-judge.js'
import { longestGap } from './fire/gap.js'
import { timeline } from './fire/timeline.js'

describe.skipIf(findBinaries() === undefined)('four handlers under fire for a minute', () => {
  // A seed with which each thing is done early, on a busy machine too.
  it('never make two pods active, and leave everything as its user wrote it', { timeout: 240_000 }, async () => {
    const plane = await startControlPlane()
    try {
      const { figures, faults } = await soakFire(plane, { durationMs: 60_000, seed: 'ci-201' })
      console.log(figures.join('\n'))
      expect(faults).toEqual([])
    } finally {
      await plane.stop()
    }
  })
})

type Labels = Readonly<Record<string, string>>
const HOME = { app: 'web', role: 'active' }

/** A pod as it is from this time on, which is its revision too. */
const pod = (atMs: number, name: string, role: string, { deleted = false, ready = true, uid = name } = {}): Change => ({
  ...{ kind: 'pod', revision: atMs, seenAtMs: atMs, deleted },
  object: {
    metadata: { name, uid, resourceVersion: String(atMs), labels: { app: 'web', role } },
    status: podStatus({ ready }),
  },
})
const service = (atMs: number, selector: Labels = HOME, annotations: Labels = {}): Change => ({
  ...{ kind: 'service', revision: atMs, seenAtMs: atMs, deleted: false },
  object: { metadata: { name: 'web', uid: 'web', resourceVersion: String(atMs), annotations }, spec: { selector } },
})
const healthy = (atMs: number, pod: string, healthy = true) => ({ atMs, pod, healthy })

const serve: Life = { ...{ args: ['serve'], code: 0, signal: null, stdout: '', stderr: '' }, ordered: true }
const run: Life = { ...serve, args: ['-n', 'a'], stdout: 'report', ordered: false }
/** One failover from `a` to `b`. */
const good: Fire = {
  groups: [{ app: 'web', services: { web: { selector: HOME, annotations: { note: '1' } } } }],
  history: [
    ...[service(1), pod(2, 'a', 'active'), pod(3, 'b', 'passive')],
    ...[service(4, HOME, { note: '1' }), pod(5, 'a', 'passive'), pod(6, 'b', 'active')],
  ],
  health: [healthy(0, 'a'), healthy(0, 'b')],
  outages: [],
  endMs: 10,
  entries: [],
  lives: [serve, run, { ...serve, code: null, signal: 'SIGKILL' }, { ...run, code: 3 }],
  done: { kills: 2 },
  lastPass: run,
}
const least = { failovers: 1, done: 2 }

describe('the judgement on a fire', () => {
  const history = (...changes: readonly Change[]): Partial<Fire> => ({ history: [...good.history, ...changes] })
  const life = (life: Partial<Life>): Partial<Fire> => ({ lives: [...good.lives, { ...run, ...life }] })

  it('finds nothing wrong with handlers that were killed, or could not reach the API server', () => {
    expect(judgeFire(good, least).faults).toEqual([])
  })

  it.each<readonly [string, string, Partial<Fire>]>([
    ['two actives of one write', 'two actives', history(pod(7, 'a', 'active'), pod(8, 'a', 'passive'))],
    [
      'a Service that selects two',
      'selected two',
      history(service(7, { app: 'web' }), service(8, HOME, { note: '1' })),
    ],
    ['none active at the end', '0 actives', history(pod(7, 'b', 'passive'))],
    ['an active that is gone at the end', '0 actives', history(pod(7, 'b', 'active', { deleted: true }))],
    ['a claim that is left', 'still claimed', history(service(7, HOME, { note: '1', [CLAIM]: 'token b' }))],
    ['a pin that is left', 'at the end, not', history(service(7, { ...HOME, pin: 'uid' }, { note: '1' }))],
    ['a selector without the role', 'at the end, not', history(service(7, { app: 'web' }, { note: '1' }))],
    ['an edit that is lost', 'at the end, not', history(service(7))],
    ['a Service that is gone', 'at the end, not', history({ ...service(7), deleted: true })],
    [
      'a group that was forgotten',
      'none was active',
      { history: [...good.history.slice(0, 5), pod(50_000, 'b', 'active')], endMs: 60_000 },
    ],
    ['a fire with too few failovers', 'only 0 failovers', { history: good.history.slice(0, 4) }],
    ['a fire with too few kills', 'kills: only 1', { done: { kills: 1 } }],
    ['a defect', 'has a defect', life({ stderr: 'active-passive: defect: TypeError', ordered: true })],
    ['a defect of one group', 'has a defect', life({ stdout: 'Error: group a/b: a defect of this program', code: 1 })],
    ['exit code 70', 'ended with 70', life({ code: 70 })],
    ['a pass that says nothing', 'no report', life({ code: 1, stdout: '' })],
    ['a process that crashes', 'ended by SIGSEGV', life({ code: null, signal: 'SIGSEGV' })],
    ['a serve that ends by itself', 'ended by itself', life({ args: ['serve'] })],
    ['a last pass that is not content', 'the last pass', { lastPass: { ...run, code: 1 } }],
  ])('finds %s', (_what, words, change) => {
    expect(judgeFire({ ...good, ...change }, least).faults.join()).toContain(words)
  })
})

describe('the figures of a fire', () => {
  const figuresOf = (ms: number, entries = good.entries) =>
    judgeFire({ ...good, history: [...good.history, pod(10, 'b', 'passive')], entries, endMs: 10 + ms }, least).figures

  it('tell what happened in a time without an active pod that was long', () => {
    expect(figuresOf(4_000).join('\n')).not.toContain('+0.000 s b is passive')
    expect(figuresOf(6_000).join('\n')).toContain('+0.000 s b is passive')
  })

  it('count no time in which no handler ran, but tell how much there was', () => {
    const entries = [
      { atMs: 0, who: 'pass', what: 'is started', runs: true },
      { atMs: 2_010, who: 'pass', what: 'is frozen', runs: false },
    ]
    expect(figuresOf(6_000, entries).join('\n')).toMatch(/one was healthy: 2.0 s.*no handler ran for 4.0 s/s)
  })
})

describe('the longest time without an active pod while one could have been it', () => {
  const passive = [pod(0, 'a', 'active'), pod(0, 'b', 'passive'), pod(100, 'a', 'passive')]
  const all = [healthy(0, 'a'), healthy(0, 'b')]
  const gap = (
    changes: readonly Change[],
    health = all,
    outages: readonly { readonly fromMs: number; readonly toMs: number }[] = [],
  ) => longestGap(changes, health, outages, { app: 'web' }, 1_000)?.ms ?? 0

  it('is from the seal to the promotion, or to the end', () => {
    expect(gap([...passive, pod(130, 'b', 'active')])).toBe(30)
    expect(gap(passive)).toBe(900)
  })

  it('is from the deletion of the active pod on', () => {
    const gone = pod(100, 'a', 'active', { deleted: true })
    expect(gap([...passive.slice(0, 2), gone, pod(150, 'b', 'active')])).toBe(50)
  })

  it('is none where no pod is healthy, or Ready', () => {
    expect(gap([...passive, pod(300, 'b', 'active')], [healthy(0, 'a', false), healthy(250, 'b')])).toBe(50)
    const unready = [pod(100, 'a', 'passive', { ready: false }), pod(100, 'b', 'passive', { ready: false })]
    expect(gap([...passive.slice(0, 2), ...unready])).toBe(0)
  })

  it('counts no time in which the control plane was away, and goes on counting after it', () => {
    expect(gap([...passive, pod(500, 'b', 'active')], all, [{ fromMs: 150, toMs: 450 }])).toBe(100)
  })

  it('knows nothing of other groups', () => {
    expect(longestGap(passive, all, [], { app: 'db' }, 1_000)).toBeUndefined()
  })
})

describe('the times in which no handler ran', () => {
  const entry = (atMs: number, who: string, runs?: boolean) => ({
    atMs,
    who,
    what: '',
    ...(runs !== undefined && { runs }),
  })

  it('are those before the first, and those in which all are frozen or dead', () => {
    const entries = [
      ...[entry(0, 'a pod'), entry(10, 'a', true), entry(20, 'b', true)],
      ...[entry(30, 'a', false), entry(40, 'b', false), entry(45, 'b', false), entry(50, 'a', true)],
    ]
    expect(standstills([...entries, entry(60, 'a', false)], 100)).toEqual([
      { fromMs: 0, toMs: 10 },
      { fromMs: 40, toMs: 50 },
      { fromMs: 60, toMs: 100 },
    ])
  })
})

describe('the timeline of a gap', () => {
  it('tells what was done, said, asked and written in it, but nothing of other groups', () => {
    const groups = ['web', 'db'].map((app) => ({ app, services: { [app]: { selector: HOME, annotations: {} } } }))
    const entries = [
      { atMs: 1_000, who: 'pass', what: 'long ago' },
      { atMs: 9_500, who: 'pass', what: 'n/web:\nEnabling web-1\n\nn/db:\nEnabling db-1\n\n2 failover' },
      { atMs: 10_100, who: 'pass', what: 'patch pods/db-1: 422' },
      { atMs: 10_200, who: 'db-1', what: 'answers: hang' },
      { atMs: 10_300, who: 'control plane', what: 'etcd killed' },
    ]
    const history = [pod(10_000, 'web-0', 'passive'), pod(10_400, 'web-1', 'active')]
    expect(timeline({ groups, history, entries }, 'web', { fromMs: 10_000, toMs: 10_350 })).toEqual([
      '   -0.500 s pass n/web:; Enabling web-1',
      '   -0.500 s pass 2 failover',
      '   +0.000 s web-0 is passive, epoch 0, Running, Ready',
      '   +0.300 s control plane etcd killed',
    ])
  })
})
