// A night, as `kubectl describe service` and `kubectl get events` tell it in the morning.
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { probe } from '../../handler/health/probe.js'
import { loadConfig } from '../../handler/kube/auth/config.js'
import { connect } from '../../handler/kube/client.js'
import { REPORTING_CONTROLLER } from '../../handler/kube/events.js'
import { announcer } from '../../handler/notice/announcer.js'
import { type PassOptions, pass } from '../../handler/pass/pass.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import { systemClock } from '../../handler/util/clock.js'
import { kubectlFor } from '../support/kubectl.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'

const cluster = inject('cluster')
const FAST = ['--period', '50ms', '--stable', '0s', '--cooldown', '0s']
const never = new AbortController().signal

interface Event {
  readonly reason: string
  readonly reportingController: string
  readonly metadata: { readonly name: string }
}
const eventsOf = async ({ admin, namespace }: OnCluster) =>
  (await admin.get<{ items: readonly Event[] }>(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`)).items.filter(
    ({ reportingController }) => reportingController === REPORTING_CONTROLLER,
  )
const countOf = async (world: OnCluster, reason: string) =>
  (await eventsOf(world)).filter((event) => event.reason === reason).length

/** A pass like one of `node handler`, but in this process. */
function passOf({ namespace, kubeconfig }: OnCluster, options: Partial<PassOptions> = {}) {
  const kube = connect(loadConfig({ kubeconfig, context: undefined, env: {} }))
  const announce = announcer({ createEvent: kube.createEvent, clock: systemClock })
  const effects = { kube, clock: systemClock, random: Math.random, probe, announce }
  const settings = { ...DEFAULT_SETTINGS, period: 50, stable: 0, cooldown: 0 }
  const all = { namespaces: [namespace], services: [], roleLabel: 'role', dryRun: false, deadlineMs: 20_000 }
  return pass({ ...all, concurrency: 64, settings, ...options }, effects, never)
}

describe.skipIf(!cluster)('Events on a real API server', { timeout: 60_000 }, () => {
  const open = async () => {
    const world = await openNamespace(cluster as NonNullable<typeof cluster>)
    onTestFinished(() => world.close())
    await world.addService({ name: 'helloworld' })
    return world
  }

  it('tell the story of a night in order', async () => {
    const world = await open()
    const { addPod, run, annotateService, label, namespace } = world
    const pods = [await addPod('helloworld-0'), await addPod('helloworld-1')] as const
    const setting = (key: string, value: string | null) =>
      annotateService('helloworld', { [`active-passive/${key}`]: value })
    await run(FAST) // the first
    await pods[0].behave('error')
    await run(FAST) // fails over
    await pods[1].behave('error')
    await run(FAST) // is blocked
    await pods[1].behave('ok')
    await pods[0].behave('ok')
    await run(FAST) // takes back the count
    await run(FAST)
    await passOf(world, { switchover: { to: 'helloworld-0', force: true } })
    await setting('failures', 'many')
    await run(FAST) // reads a mistake
    await setting('failures', null)
    await setting('prefer', 'helloworld-1')
    await setting('failback', '0s')
    await run(FAST) // fails back
    await label('helloworld-0', { role: 'active' })
    await run(FAST) // repairs

    const kubectl = kubectlFor(cluster?.kubeconfig ?? '')
    // Kubernetes' own controllers write Events about the same Service when they feel like it.
    const ours = `--field-selector=reportingComponent=${REPORTING_CONTROLLER}`
    const table = await kubectl('get', 'events', '-n', namespace, '--sort-by=.eventTime', ours)
    const described = await kubectl('describe', 'service', 'helloworld', '-n', namespace)
    const told = described
      .slice(described.indexOf('Events:'))
      .split('\n')
      .filter((line, at) => at < 2 || line.includes(REPORTING_CONTROLLER))
    // The width of columns follows what is in them.
    const masked = (lines: readonly string[]) =>
      lines
        .map((line) =>
          line
            .replace(/(?<=^| {2})(\d+[smh])+(?= {2})/, 'AGE')
            .replaceAll(/ {2,}/g, '  ')
            .trim(),
        )
        .join('\n')
        .replaceAll(namespace, 'NAMESPACE')
        .replaceAll(/(?<=\/blob\/)v[^/]+/g, 'VERSION')
    await expect(
      [
        '$ kubectl get events --sort-by=.eventTime',
        masked(table.split('\n')),
        '$ kubectl describe service helloworld',
        masked(told),
      ].join('\n'),
    ).toMatchFileSnapshot('golden/events.txt')
  })

  it('of a trouble of many passes, by four handlers at once, are one', async () => {
    const world = await open()
    const pod = await world.addPod('helloworld-0')
    await world.run(FAST)
    await pod.behave('error')
    await world.run(FAST)
    for (let minute = 0; minute < 5; minute++) await Promise.all(Array.from({ length: 4 }, () => passOf(world)))
    expect(await countOf(world, 'FailoverBlocked')).toBe(1)
    expect(await countOf(world, 'FirstActive')).toBe(1)
  })

  it('are not written by a dry run', async () => {
    const world = await open()
    await world.addPod('helloworld-0')
    expect((await world.run(['--dry-run'])).code).toBe(1)
    expect(await eventsOf(world)).toEqual([])
  })
})
