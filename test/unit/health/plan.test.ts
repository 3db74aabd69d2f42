import { describe, expect, test } from 'vitest'
import { type Plan, planCheck } from '../../../handler/health/plan.js'
import type { Container, Pod, ReadinessProbe } from '../../../handler/kube/port.js'
import { parseChecks } from '../../../handler/settings/check.js'
import { DEFAULT_SETTINGS, type Settings } from '../../../handler/settings/settings.js'
import { aPod } from '../../support/builders.js'

type HttpProbe = Extract<ReadinessProbe, { kind: 'http' }>

const httpProbe = (rest: Partial<HttpProbe> = {}): HttpProbe => ({
  kind: 'http',
  scheme: 'http',
  port: 8080,
  path: '/healthz',
  headers: [],
  timeoutMs: 1_000,
  ...rest,
})
const aContainer = (readinessProbe?: ReadinessProbe, ports: Container['ports'] = []): Container => ({
  name: 'app',
  ports,
  ...(readinessProbe ? { readinessProbe } : {}),
})
const podOf = (...containers: readonly Container[]): Pod => aPod('web-0', { containers })

function plan(pod: Pod, { check = 'probe', ...settings }: Partial<Settings> & { readonly check?: string } = {}): Plan {
  const parsed = parseChecks(check)
  if (!parsed) throw new Error(`no check: ${check}`)
  return planCheck(pod, { ...DEFAULT_SETTINGS, 'health-check': parsed, ...settings }, [])
}

describe('ready', () => {
  test('probes nothing, and says nothing: it is what was asked for', () => {
    const pod = podOf(aContainer(httpProbe()))
    expect(plan(pod, { check: 'ready' })).toEqual({
      kind: 'ready',
      pod,
      targets: [],
      evidence: 'readiness-probe',
      timeoutMs: 2_000,
      needsReady: true,
    })
  })

  test.each(['ready', 'probe'])(
    '(by %s) fails where the pod has no address: it is no endpoint, though Ready',
    (check) => {
      const { ip: _, ...pod } = podOf(aContainer({ kind: 'exec', command: ['true'], timeoutMs: 1_000 }))
      expect(plan(pod, { check })).toMatchObject({
        kind: 'ready',
        targets: [{ kind: 'unusable', text: 'no IP address' }],
      })
    },
  )
})

describe('an explicit check', () => {
  test('over HTTP goes to the pod’s address, takes 200 only and follows no redirect, as in the recipe', () => {
    const pod = podOf(aContainer(httpProbe({ headers: [['X', 'of the probe']] })))
    expect(plan(pod, { check: 'http://:9090/ok?x=1' })).toEqual({
      kind: 'http',
      pod,
      targets: [
        { kind: 'http', url: 'http://10.0.0.1:9090/ok?x=1', headers: [], statuses: [[200, 200]], redirects: 'none' },
      ],
      evidence: 'check',
      timeoutMs: 2_000,
    })
  })

  test('over HTTP sends and expects what the annotations say', () => {
    const settings: Partial<Settings> = {
      'health-status': [[200, 299]],
      'health-body': 'ok',
      'health-headers': [['Host', 'app.example']],
      'health-timeout': 500,
    }
    expect(plan(podOf(), { check: 'https://:9090/', ...settings })).toMatchObject({
      targets: [
        {
          url: 'https://10.0.0.1:9090/',
          statuses: [[200, 299]],
          body: 'ok',
          headers: [['Host', 'app.example']],
          redirects: 'none',
        },
      ],
      timeoutMs: 500,
    })
  })

  test('over TCP needs the address and the port', () => {
    expect(plan(podOf(), { check: 'tcp://:5432' })).toMatchObject({
      kind: 'tcp',
      targets: [{ kind: 'tcp', host: '10.0.0.1', port: 5432 }],
      timeoutMs: 2_000,
    })
  })

  test('puts an IPv6 address into brackets in a URL, and only there', () => {
    const pod = aPod('web-0', { ip: 'fd00::1' })
    expect(plan(pod, { check: 'http://:80/' }).targets).toMatchObject([{ url: 'http://[fd00::1]:80/' }])
    expect(plan(pod, { check: 'tcp://:80' }).targets).toMatchObject([{ host: 'fd00::1' }])
  })

  test('finds a port by its name in any container', () => {
    const pod = podOf(
      aContainer(undefined, [{ number: 1 }, { name: 'metrics', number: 9100 }]),
      aContainer(undefined, [{ name: 'web', number: 8080 }]),
    )
    expect(plan(pod, { check: 'tcp://:web' }).targets).toMatchObject([{ port: 8080 }])
    expect(plan(pod, { check: 'http://:web/' }).targets).toMatchObject([{ url: 'http://10.0.0.1:8080/' }])
  })

  test('takes a container’s port before a sidecar’s of the same name, and only one for TCP, as the Service does', () => {
    const pod = podOf(
      aContainer(undefined, [{ name: 'web', number: 8443, protocol: 'UDP' }]),
      aContainer(undefined, [{ name: 'web', number: 8080 }]),
      aContainer(undefined, [{ name: 'web', number: 15000 }]),
    )
    expect(plan(pod, { check: 'tcp://:web' }).targets).toMatchObject([{ port: 8080 }])
  })

  test.each(['http://:80/', 'tcp://:80', 'ready'])(
    '%s fails where the pod’s address is none, or not in its usual form',
    (check) => {
      // The resolver would read the first as 8.0.0.1, and look the other up.
      for (const ip of ['010.0.0.1', 'db.example']) {
        const text = `no IP address: "${ip}"`
        expect(plan(aPod('web-0', { ip }), { check }).targets).toEqual([{ kind: 'unusable', text }])
      }
    },
  )

  test.each(['http://:web/', 'tcp://:web'])('%s fails, with the reason, where no port has that name', (check) => {
    const pod = podOf(aContainer(undefined, [{ number: 80 }]))
    expect(plan(pod, { check }).targets).toEqual([{ kind: 'unusable', text: 'no container port named "web"' }])
  })

  test.each(['http://:80/', 'tcp://:80'])('%s fails, with the reason, where the pod has no address', (check) => {
    const { ip: _, ...pod } = podOf()
    expect(plan(pod, { check }).targets).toEqual([{ kind: 'unusable', text: 'no IP address' }])
  })
})

describe('several checks', () => {
  const probed = (timeoutMs = 1_000) => podOf(aContainer(httpProbe({ timeoutMs })))

  test('are one plan with all their targets, each with the statuses that it has alone', () => {
    expect(plan(probed(), { check: 'probe\nhttp://:9090/ok\ntcp://:5432' })).toMatchObject({
      kind: 'several',
      targets: [
        { kind: 'http', url: 'http://10.0.0.1:8080/healthz', statuses: [[200, 399]] },
        { kind: 'http', url: 'http://10.0.0.1:9090/ok', statuses: [[200, 200]] },
        { kind: 'tcp', port: 5432 },
      ],
      evidence: 'check',
      timeoutMs: 2_000,
    })
  })

  test.each<[string, Pod, Partial<Plan>]>([
    ['ready\ntcp://:1', podOf(), { kind: 'several', evidence: 'check', needsReady: true }],
    ['tcp://:1\nprobe', podOf(), { kind: 'several', evidence: 'check', needsReady: true }],
    [
      'ready\nprobe',
      podOf(aContainer({ kind: 'exec', command: ['true'], timeoutMs: 1 })),
      { kind: 'ready', evidence: 'readiness-probe', needsReady: true },
    ],
    ['ready\nprobe', podOf(), { kind: 'ready', evidence: 'none', needsReady: true }],
    ['ready\nprobe', probed(), { kind: 'several', evidence: 'check', needsReady: true }],
  ])('of which one is the Ready condition need that too, and rest on the best: %j', (check, pod, expected) => {
    expect(plan(pod, { check })).toMatchObject(expected)
  })

  test('of which none is the Ready condition do not ask for it', () => {
    expect(plan(probed(), { check: 'probe\ntcp://:1' }).needsReady).toBeUndefined()
  })

  test('have the time that the readinessProbe among them allows itself', () => {
    expect(plan(probed(10_000), { check: 'tcp://:1\nprobe' }).timeoutMs).toBe(10_000)
    expect(plan(probed(10_000), { check: 'tcp://:1\ntcp://:2' }).timeoutMs).toBe(2_000)
  })

  test('say once what one of them is not', () => {
    const { note } = plan(podOf(), { check: 'probe\ntcp://:1\nprobe' })
    expect(note).toBe("check probe: no readinessProbe: only the containers' state is checked")
  })
})

describe('the pod’s own readinessProbe', () => {
  test('over HTTP is run as the kubelet runs it: 200 to 399, redirects to the same host, its headers', () => {
    const pod = podOf(
      aContainer(
        httpProbe({
          scheme: 'https',
          headers: [
            ['Host', 'a'],
            ['X', 'b'],
          ],
        }),
      ),
    )
    expect(plan(pod)).toEqual({
      kind: 'http',
      pod,
      targets: [
        {
          kind: 'http',
          url: 'https://10.0.0.1:8080/healthz',
          headers: [
            ['Host', 'a'],
            ['X', 'b'],
          ],
          statuses: [[200, 399]],
          redirects: 'same-host',
        },
      ],
      evidence: 'check',
      timeoutMs: 2_000,
    })
  })

  test('over HTTP can be made stricter by annotations', () => {
    const settings: Partial<Settings> = { 'health-status': [[200, 200]], 'health-body': 'ok', 'health-headers': [] }
    expect(plan(podOf(aContainer(httpProbe({ headers: [['X', 'b']] }))), settings).targets).toMatchObject([
      { statuses: [[200, 200]], body: 'ok', headers: [], redirects: 'same-host' },
    ])
  })

  test('over TCP connects to its port', () => {
    const pod = podOf(aContainer({ kind: 'tcp', port: 5432, timeoutMs: 1_000 }))
    expect(plan(pod)).toMatchObject({ kind: 'tcp', targets: [{ host: '10.0.0.1', port: 5432 }] })
  })

  test('looks up a named port in its own container: another one may use the same name', () => {
    const other = aContainer(undefined, [{ name: 'web', number: 1111 }])
    const app = aContainer(httpProbe({ port: 'web' }), [{ name: 'web', number: 8080 }])
    expect(plan(podOf(other, app)).targets).toMatchObject([{ url: 'http://10.0.0.1:8080/healthz' }])
  })

  test('is its own container’s port of any protocol, or a number in digits; not one of another container', () => {
    const sidecar = aContainer(undefined, [{ name: 'web', number: 15000 }])
    const targetsOf = (port: string | number, ports: Container['ports'] = []) =>
      plan(podOf(aContainer({ kind: 'tcp', port, timeoutMs: 1_000 }, ports), sidecar)).targets
    expect(targetsOf('web', [{ name: 'web', number: 53, protocol: 'UDP' }])).toMatchObject([{ port: 53 }])
    expect(targetsOf('080')).toMatchObject([{ port: 80 }])
    expect(targetsOf('web')).toEqual([{ kind: 'unusable', text: 'no container port named "web"' }])
    expect(targetsOf(65_536)).toEqual([{ kind: 'unusable', text: 'invalid port 65536' }])
    expect(targetsOf('0')).toEqual([{ kind: 'unusable', text: 'invalid port 0' }])
  })

  test('is run for every container that has one that can be run', () => {
    const pod = podOf(
      aContainer({ kind: 'tcp', port: 1, timeoutMs: 1_000 }),
      aContainer(),
      aContainer({ kind: 'exec', command: ['true'], timeoutMs: 60_000 }),
      aContainer(httpProbe()),
    )
    const planned = plan(pod)
    expect(planned.targets.map(({ kind }) => kind)).toEqual(['tcp', 'http'])
    expect(planned).toMatchObject({ kind: 'http', timeoutMs: 2_000 })
  })

  test('is beside one that is left to the kubelet: that is said, and the pod has to be Ready for it', () => {
    const command = (name: string) => ({
      ...aContainer({ kind: 'exec', command: ['true'], timeoutMs: 60_000 }),
      ...{ name },
    })
    const mixed = podOf(aContainer(httpProbe()), command('cache'))
    expect(plan(mixed)).toMatchObject({
      needsReady: true,
      note: "of container cache the readinessProbe is of kind exec, which is not run without --allow-exec: the pod's Ready condition is used beside what is run",
    })
    const [one, two, three] = [command('a'), command('b'), aContainer(httpProbe({ failureThreshold: 40 }))]
    expect(plan(podOf(one, two, three)).note).toMatch(
      /^of container a .*, and 1 more is not run either: .*; the readinessProbe has failureThreshold 40/,
    )
    for (const planned of [plan(mixed, { 'allow-exec': true }), plan(podOf(aContainer(httpProbe()), aContainer()))])
      expect([planned.needsReady, planned.note]).toEqual([undefined, undefined])
  })

  test.each([
    ['has our 2s when it allows itself less', {}, 1_000, 2_000],
    ['has the time that it allows itself when that is more', {}, 10_000, 10_000],
    ['has what was asked for, though it allows itself more', { 'health-timeout': 500 }, 10_000, 500],
  ])('%s', (_, settings, timeoutMs, expected) => {
    expect(plan(podOf(aContainer(httpProbe({ timeoutMs }))), settings).timeoutMs).toBe(expected)
  })

  test.each<[string, readonly Container[], string]>([
    ['there is none', [aContainer()], "no readinessProbe: only the containers' state is checked"],
    ['there is no container known', [], "no readinessProbe: only the containers' state is checked"],
    [
      'it runs a command',
      [aContainer({ kind: 'exec', command: ['true'], timeoutMs: 1_000 })],
      'the readinessProbe is of kind exec, which is not run without --allow-exec: its Ready condition is used instead',
    ],
    [
      'it goes to another host',
      [aContainer(httpProbe({ host: '169.254.169.254' }))],
      'the readinessProbe goes to host 169.254.169.254 instead of the pod: its Ready condition is used instead',
    ],
    [
      'it connects to another host',
      [aContainer({ kind: 'tcp', host: 'db', port: 1, timeoutMs: 1_000 })],
      'the readinessProbe goes to host db instead of the pod: its Ready condition is used instead',
    ],
  ])('is replaced by the Ready condition, and that is said, when %s', (_, containers, note) => {
    expect(plan(podOf(...containers))).toMatchObject({ kind: 'ready', targets: [], timeoutMs: 2_000, note })
  })

  test('is replaced by the Ready condition, though commands are run, when the kubelet replaces something in it', () => {
    const probe = { kind: 'exec', command: ['ping', '$(HOST)'], timeoutMs: 1_000 } as const
    const planned = (readinessProbe: ReadinessProbe) => plan(podOf(aContainer(readinessProbe)), { 'allow-exec': true })
    expect(planned(probe)).toMatchObject({ kind: 'exec', targets: [{ command: probe.command }] })
    const note =
      'the readinessProbe has a command in which the kubelet replaces $$ or $(NAME): its Ready condition is used instead'
    expect(planned({ ...probe, isExpanded: true })).toMatchObject({ kind: 'ready', targets: [], note })
  })

  test('is replaced by the Ready condition, though commands are run, when its command is too long for a request', () => {
    const planned = (size: number) => {
      const probe = { kind: 'exec', command: ['sh', 'a'.repeat(size - 3)], timeoutMs: 1_000 } as const
      return plan(podOf(aContainer(probe)), { 'allow-exec': true })
    }
    expect(planned(16_384)).toMatchObject({ kind: 'exec' })
    expect(planned(16_385)).toMatchObject({
      kind: 'ready',
      note: 'the readinessProbe has a command of 16385 bytes, and at most 16 KiB are sent from here: its Ready condition is used instead',
    })
  })

  describe('that is patient', () => {
    const patient = (failureThreshold?: number) => httpProbe(failureThreshold ? { failureThreshold } : {})
    const noteOn = (
      probes: readonly ReadinessProbe[],
      settings: Partial<Settings> & { readonly check?: string } = {},
    ) => plan(podOf(...probes.map((probe) => aContainer(probe))), settings).note

    test('is run all the same, and it is said that its patience is not taken', () => {
      expect(noteOn([patient(), patient(40), patient(10)])).toBe(
        'the readinessProbe has failureThreshold 40, which is not taken: failures (3) decides; ' +
          'annotation active-passive/failures on the Service makes it more patient',
      )
      expect(noteOn([patient(40)], { failures: 10 })).toContain('failures (10) decides')
    })

    test.each<[string, ReadinessProbe, Partial<Settings> & { readonly check?: string }]>([
      ['it has Kubernetes’ default', patient(3), { failures: 1 }],
      ['it has none', patient(), { failures: 1 }],
      ['the group is as patient', patient(40), { failures: 40 }],
      ['another check was asked for', patient(40), { check: 'tcp://:80' }],
    ])('is not spoken of where %s', (_, probe, settings) => {
      expect(noteOn([probe], settings)).toBeUndefined()
    })

    test('is the kubelet’s own where it is not run from here', () => {
      expect(noteOn([{ kind: 'exec', command: ['true'], timeoutMs: 1_000, failureThreshold: 40 }])).not.toContain(
        'failureThreshold',
      )
    })
  })
})
