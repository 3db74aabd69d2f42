import { describe, expect, test } from 'vitest'
import { planCheck } from '../../../handler/health/plan.js'
import { uncheckedPorts } from '../../../handler/health/unchecked-ports.js'
import type { Container, ReadinessProbe, ServicePort } from '../../../handler/kube/port.js'
import { parseChecks } from '../../../handler/settings/check.js'
import { DEFAULT_SETTINGS } from '../../../handler/settings/settings.js'
import { aPod, aService } from '../../support/builders.js'

type Ports = readonly (number | string)[]

const http = (port: number | string): ReadinessProbe => ({
  ...{ kind: 'http', scheme: 'http', port, path: '/', headers: [], timeoutMs: 1_000 },
})
const container = (readinessProbe?: ReadinessProbe, ports: Container['ports'] = []): Container => ({
  name: 'main',
  ports,
  ...(readinessProbe ? { readinessProbe } : {}),
})
const portsOf = (ports: Ports, protocol = 'TCP'): readonly ServicePort[] =>
  ports.map((targetPort) => ({ targetPort, protocol }))

function notes(check: string, ports: readonly ServicePort[], ...containers: readonly Container[]): readonly string[] {
  const checks = parseChecks(check)
  if (!checks) throw new Error(`no check: ${check}`)
  const settings = { ...DEFAULT_SETTINGS, 'health-check': checks }
  const pod = aPod('web-0', { containers })
  return uncheckedPorts([aService('web', { ports })], pod, planCheck(pod, settings, []), settings)
}

describe('a Service port that no check goes to is said', () => {
  test('with what would check it', () => {
    expect(notes('probe', portsOf([8080, 9090]), container(http(8080)))).toEqual([
      'no check goes to port 9090 of the Service: if nothing listens there, nobody notices. Add tcp://:9090 as a line of annotation active-passive/health-check, beside probe',
    ])
  })

  test.each<[string, string, Ports, Container]>([
    ['9090', 'tcp://:8080', [8080, 9090], container()],
    ['80', 'https://:443/', [80, 443], container()],
    ['9090', 'probe\nhttp://:8081/', [8080, 9090, 8081], container(http(8080))],
    ['9090, 9091', 'http://:8081/', [9090, 9091], container(http(8081))],
    [
      'metrics',
      'http://:web/',
      ['web', 'metrics'],
      container(undefined, [
        { name: 'metrics', number: 53, protocol: 'UDP' },
        { name: 'web', number: 8080 },
        { name: 'metrics', number: 9090 },
        { name: 'metrics', number: 8080 },
      ]),
    ],
  ])('%s, where the check is %j and the ports are %j', (ports, check, all, one) => {
    const [note, ...more] = notes(check, portsOf(all), one)
    expect(more).toEqual([])
    expect(note).toMatch(RegExp(`^no check goes to ports? ${ports} of the Service`))
  })

  test('in one line for all Services and ports; it is the same whichever pod is active', () => {
    const services = [aService('a', { ports: portsOf([80, 90]) }), aService('b', { ports: portsOf([90, 'web', 70]) })]
    const settings = { ...DEFAULT_SETTINGS, 'health-check': parseChecks('tcp://:80') ?? [] }
    const noted = ['web-0', 'web-1'].map((name, n) => {
      const pod = aPod(name, { containers: [container(undefined, [{ name: 'web', number: 8080 + n }])] })
      return uncheckedPorts(services, pod, planCheck(pod, settings, []), settings)
    })
    expect(noted[0]).toEqual([expect.stringContaining('ports 90, web, 70 of the Service')])
    expect(noted[0]).toEqual([expect.stringContaining('as lines of')])
    expect(noted[1]).toEqual(noted[0])
  })

  test('of thousands at once, and no more than fit into an annotation are named', () => {
    const many = Array.from({ length: 20_000 }, (_, n) => (n % 2 ? `p${n}` : n + 1))
    const startedAt = performance.now()
    const ports = many.map((name, n) => ({ name: `${name}`, number: n + 1 }))
    const [note = ''] = notes('tcp://:1', portsOf(many), container(undefined, ports))
    expect(note).toContain('ports p1, 3, p3, 5, p5, 7, p7 and 19992 more of')
    expect(note.length).toBeLessThan(400)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
})

describe('nothing is said', () => {
  const both = portsOf([8080, 9090])
  test.each<[string, string, readonly ServicePort[], Container]>([
    ['where each port has its check', 'probe\ntcp://:9090', both, container(http(8080))],
    ['where two ports of a Service lead to one of the pod', 'tcp://:8080', portsOf([8080, 8080]), container()],
    ['where the Ready condition is what was asked for', 'ready', both, container(http(8080))],
    ['where it stands in for a command', 'probe', both, container({ kind: 'exec', command: ['true'], timeoutMs: 1 })],
    ['of a pod without any probe', 'probe', both, container()],
    [
      'of the one port of an application that tells of itself on another',
      'probe',
      portsOf([8080]),
      container(http(81)),
    ],
    [
      'of ports that nothing here can check',
      'tcp://:8080',
      [...portsOf([8080]), ...portsOf([53], 'UDP'), ...portsOf([54], 'SCTP')],
      container(),
    ],
    ['of a name that is none of the pod’s: that is said already', 'tcp://:8080', portsOf([8080, 'web']), container()],
    ['of a port that the kubelet probes', 'tcp://:9090', both, container(http(8080))],
    [
      'of the ports of a container that the kubelet asks in another way',
      'tcp://:9090',
      both,
      container({ kind: 'grpc', port: 8080, service: '', timeoutMs: 1 }, [{ number: 8080 }]),
    ],
    ['of a Service without ports', 'tcp://:8080', [], container()],
  ])('%s', (_, check, ports, one) => {
    expect(notes(check, ports, one)).toEqual([])
  })

  test('of what a probe of another host is for', () => {
    expect(notes('tcp://:9090', both, container({ ...http(8080), host: 'db' } as ReadinessProbe))).toHaveLength(1)
  })
})
