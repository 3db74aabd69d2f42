import { describe, expect, test } from 'vitest'
import { doubtfulChecks, impossibleChecks } from '../../../handler/health/impossible-checks.js'
import type { Container, ContainerPort } from '../../../handler/kube/port.js'
import { parseChecks } from '../../../handler/settings/check.js'
import { DEFAULT_SETTINGS } from '../../../handler/settings/settings.js'
import { annotated, aPod, aService } from '../../support/builders.js'

const podWith = (ports: readonly ContainerPort[], rest: Partial<Container> = {}) =>
  aPod('web-0', { containers: [{ name: 'app', ports, ...rest }] })
const web = podWith([
  { name: 'http', number: 8_080 },
  { name: 'dns', number: 53, protocol: 'UDP' },
])
const settingsOf = (check: string) => ({ ...DEFAULT_SETTINGS, 'health-check': parseChecks(check) ?? [] })

describe('A port that a check names, and no pod of the group has,', () => {
  const says = (check: string, pods = [web]) => impossibleChecks([aService('web')], pods, settingsOf(check))

  test('is a fault of the Service that is annotated, with the name that was probably meant', () => {
    const services = [aService('a'), annotated('web', { 'health-check': 'http://:htpp/' })]
    expect(impossibleChecks(services, [web], settingsOf('http://:htpp/'))).toEqual([
      {
        code: 'check-cannot-pass',
        object: 'service default/web',
        message:
          'annotation active-passive/health-check names the port "htpp", and no pod of the group has a container port of that name: none can pass (the group has http)',
        remedy:
          'Did you mean http? Name the port in the pod template, or correct the check: kubectl annotate service web -n default --overwrite active-passive/health-check=VALUE',
      },
    ])
  })

  test('is named with the flag, where no Service is annotated', () => {
    expect(says('tcp://:x')[0]?.message).toMatch(/^--health-check names the port "x"/)
  })

  test('is one of UDP, and checks go by TCP', () => {
    expect(says('grpc://:dns')[0]?.message).toMatch(/container port of that name for TCP, but for UDP: /)
  })

  test('is said once for each name', () => {
    expect(says('tcp://:x\nhttp://:x/\ntcp://:y')).toHaveLength(2)
  })

  test.each([
    ['where one pod has it, as in a rollout', 'tcp://:new', [web, podWith([{ name: 'new', number: 1 }])]],
    ['where it is a number, which no pod has to declare', 'tcp://:1', [web]],
    ['where the check has no port', 'ready\nprobe\nexec: true', [web]],
    ['where nothing is known of any pod', 'tcp://:x', [aPod('web-0', { containers: [] })]],
    ['in a group without pods', 'tcp://:x', []],
  ])('is none %s', (_, check, pods) => {
    expect(says(check, pods)).toEqual([])
  })
})

describe('A warning', () => {
  const probed = podWith([], { readinessProbe: { kind: 'tcp', port: 1, timeoutMs: 1_000 } })
  test.each([
    ['for a port of UDP', 'tcp://:53\nprobe', [web], [/^health-check asks port 53 by TCP, .* for UDP alone$/]],
    ['for ready without any readinessProbe', 'ready', [web], [/^health-check is ready, and no pod has a/]],
    ['not for ready with one', 'ready', [web, probed], []],
    ['not for ready beside another check', 'ready\ntcp://:8080', [web], []],
    ['not for a port that nobody declares', 'tcp://:5432', [web], []],
    ['not for a port of both protocols', 'tcp://:53', [web, podWith([{ number: 53 }])], []],
    ['not in a group without pods', 'ready', [], []],
  ])('%s', (_, check, pods, says) => {
    expect(doubtfulChecks(pods, settingsOf(check))).toEqual(says.map((one) => expect.stringMatching(one)))
  })
})
