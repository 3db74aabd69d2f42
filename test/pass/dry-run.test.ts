// Dry runs through the real client: what they print, what they ask the API server, and what they leave alone.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { objectOf } from '../../handler/kube/recording.js'
import type { Report } from '../../handler/report/report.js'
import { toText } from '../../handler/report/text.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'
import { seededRandom } from '../support/random.js'

let world: InProcess
beforeEach(async () => {
  world = await startInProcess()
})
afterEach(() => world.close())

const stored = () => JSON.stringify([world.api.store.list('pods'), world.api.store.list('services')])
const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'uid-of-web', controller: true }

/** The PATCHes since the last call: `pod/a` and the body, without the versions that a dry run cannot know. */
function takePatches(): readonly (readonly [object: string, query: unknown, body: string])[] {
  const patches = world.api.requests.filter(({ method }) => method === 'PATCH')
  world.api.clearRequests()
  return patches.map(({ path, query, body }) => [path.replace(/.*\/(pod|service)s\//, '$1/'), query, bodyOf(body)])
}

const bodyOf = (body: unknown) => JSON.stringify(body).replace(/"resourceVersion":"\d+"/, '"resourceVersion":"…"')

const plannedBy = ({ groups }: Report) =>
  groups.flatMap(({ writes }) => writes.map((write) => [objectOf(write), bodyOf(write.planned?.patch.body)]))

const instant = {
  now: () => Date.parse('2026-01-01T12:00:00Z'),
  sleep: async (ms: number, signal?: AbortSignal) => {
    if (ms >= 1_000) await new Promise((resolve) => signal?.addEventListener('abort', resolve))
  },
}
const run = () => ({ clock: instant, random: seededRandom('one') })
const settings = { period: 0, settle: 0, cooldown: 0, rise: 1 }

describe('a dry run', () => {
  const cases: readonly (readonly [string, string, () => Promise<void>])[] = [
    ['first', 'of pods without a role, one of them on trial', async () => {}],
    [
      'failover',
      'of an active pod that fails',
      async () => {
        await world.pass({ settings }, run())
        world.health.set('a', '500')
      },
    ],
    [
      'failback',
      'to a pod that is preferred',
      async () => {
        world.health.set('a', '500')
        await world.pass({ settings }, run())
        world.health.set('a', '200')
        world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
          metadata.annotations = { 'active-passive/prefer': 'a', 'active-passive/failback': '0s' }
        })
        for (let n = 0; n < 3; n++) {
          const report = await world.pass({ settings, dryRun: true }, run())
          if (report.groups[0]?.decision.kind === 'failback') return
          await world.pass({ settings }, run())
        }
      },
    ],
    [
      'repair',
      'of two active pods, with its note',
      async () => {
        await world.pass({ settings }, run())
        world.api.store.update('pods', NAMESPACE, 'b', (pod) => {
          pod.metadata.labels = { ...(pod.metadata.labels as object), role: 'active' }
        })
      },
    ],
    [
      'count',
      'of a failure',
      async () => {
        await world.pass({ settings }, run())
        world.health.set('a', '500')
      },
    ],
    [
      'keep',
      'with a new pod to label',
      async () => {
        await world.pass({ settings }, run())
        world.addPod({ name: 'c' })
      },
    ],
  ]
  it.each(cases)('prints the bodies that a pass then sends: %s %s', async (kind, _, prepare) => {
    const own = kind === 'count' ? { ...settings, failures: 3, probes: 1 } : settings
    for (const name of ['a', 'b']) {
      world.api.store.update('pods', NAMESPACE, name, ({ metadata }) => {
        metadata.ownerReferences = [owner]
      })
    }
    await prepare()
    const before = stored()
    takePatches()
    const dry = await world.pass({ settings: own, dryRun: true }, run())
    expect(takePatches()).toEqual([])
    expect(stored()).toBe(before)
    const asked = await world.pass(
      { settings: own, dryRun: true },
      { ...run(), dryRunKube: world.connect({ dryRun: 'All' }) },
    )
    expect(takePatches().map(([, query]) => query)).toEqual(
      asked.groups[0]?.writes.map(() => ({ fieldManager: 'active-passive', dryRun: 'All' })),
    )
    expect(stored()).toBe(before)
    const real = await world.pass({ settings: own }, run())
    expect(real.groups[0]).toMatchObject({ decision: { kind }, faults: [] })
    const sent = takePatches().map(([object, , body]) => [object, body])
    expect(sent.length).toBeGreaterThan(0)
    expect(plannedBy(dry).sort()).toEqual(sent.sort())
    expect(plannedBy(asked).sort()).toEqual(sent.sort())
    expect(asked.groups[0]?.faults).toEqual([])
  })

  it('prints a diff of each write', async () => {
    await world.pass({ settings }, run())
    world.health.set('a', '500')
    const report = await world.pass({ settings, dryRun: true }, run())
    const lines = toText(report)
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
      .split('\n')
    expect(lines.slice(lines.indexOf('Enabling b') + 1)).toMatchInlineSnapshot(`
      [
        "service/app would be patched:",
        "  + metadata.annotations[active-passive/swap]: "7806ec64ba60da52 b"",
        "  - spec.selector.role: active",
        "  + spec.selector[active-passive/pod]: UID",
        "  only if nobody else has changed it meanwhile",
        "pod/a would be patched:",
        "  - metadata.annotations[active-passive/epoch]: "1"",
        "  + metadata.annotations[active-passive/epoch]: "2"",
        "  + metadata.annotations[active-passive/failures]: "1"",
        "  + metadata.annotations[active-passive/failed-at]: "2026-01-01T12:00:00.000Z"",
        "  - metadata.labels.role: active",
        "  + metadata.labels.role: passive",
        "  only if its uid is UID, label role is active, annotation active-passive/epoch is "1"",
        "pod/b would be patched:",
        "  - metadata.annotations[active-passive/epoch]: "1"",
        "  + metadata.annotations[active-passive/epoch]: "2"",
        "  + metadata.annotations[active-passive/since]: "2026-01-01T12:00:00.000Z"",
        "  - metadata.labels.role: passive",
        "  + metadata.labels.role: active",
        "  only if its uid is UID, label role is passive, annotation active-passive/epoch is "1", it is not being deleted, its phase is Running",
        "service/app would be patched:",
        "  - metadata.annotations[active-passive/swap]: "7806ec64ba60da52 b"",
        "  - metadata.annotations[active-passive/history]: "[{\\"at\\":\\"2026-01-01T12:00:00.000Z\\",\\"kind\\":\\"first\\",\\"to\\":\\"a\\",\\"reason\\":\\"no-active\\",\\"…" (171 characters)",
        "  + metadata.annotations[active-passive/history]: "[{\\"at\\":\\"2026-01-01T12:00:00.000Z\\",\\"kind\\":\\"failover\\",\\"from\\":\\"a\\",\\"to\\":\\"b\\",\\"reason\\"…" (337 characters)",
        "  - spec.selector[active-passive/pod]: UID",
        "  + spec.selector.role: active",
        "  only if nobody else has changed it meanwhile",
        "",
        "1 failover (dry run); 3 API requests, 0s",
        "",
      ]
    `)
  })
})

describe('a dry run that asks the API server', () => {
  it('is told what admission and the rights would refuse, and goes the way of a pass that is refused so', async () => {
    await world.pass({ settings }, run())
    world.health.set('a', '500')
    const before = stored()
    world.api.intercept(({ method, path }) =>
      method === 'PATCH' && path.endsWith('/pods/b')
        ? { kind: 'answer', status: 403, body: { message: 'User "u" cannot patch resource "pods"' } }
        : undefined,
    )
    const dryRunKube = world.connect({ dryRun: 'All' })
    const { groups } = await world.pass({ settings, dryRun: true }, { ...run(), dryRunKube })
    expect(stored()).toBe(before)
    expect(groups[0]?.writes.map((write) => `${objectOf(write)} ${write.result}`)).toContain('pod/b denied')
    expect(groups[0]?.faults[0]).toMatchObject({ code: 'denied' })
    expect((await world.pass({ settings }, run())).groups[0]?.faults[0]).toMatchObject({ code: 'denied' })
  })
})
