/** Pods and Services as somebody writes them, for `kubernetes.test.ts`: a table of made ones, and arbitrary ones. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Answer } from '../support/reference.js'

export interface Case {
  readonly pod: object
  readonly service: object
}

const port = (name: string | undefined, containerPort: number, protocol?: string) => ({
  ...(name === undefined ? {} : { name }),
  containerPort,
  ...(protocol === undefined ? {} : { protocol }),
})
const sidecar = (name: string, ports: readonly object[], rest: object = {}) => ({
  name,
  restartPolicy: 'Always',
  ports,
  ...rest,
})
const aService = (targetPort?: string | number, protocol?: string): object => ({
  metadata: { namespace: 'shop', name: 'web' },
  spec: {
    selector: { app: 'web', role: 'active' },
    ports: [{ port: 80, ...(targetPort ? { targetPort } : {}), ...(protocol ? { protocol } : {}) }],
  },
})
const aPod = (spec: object, status: object = {}, metadata: object = {}): object => ({
  metadata: { namespace: 'shop', name: 'web-0', labels: { app: 'web', role: 'active' }, ...metadata },
  spec: { containers: [{ name: 'app' }], ...spec },
  status: {
    phase: 'Running',
    podIP: '10.0.0.1',
    podIPs: [{ ip: '10.0.0.1' }],
    conditions: [{ type: 'Ready', status: 'True' }],
    ...status,
  },
})
const httpPorts = { containers: [{ name: 'app', ports: [port('http', 8080)] }] }

/** Name, objects, and a part of Kubernetes' answer that says that the case is what its name says. */
export const TABLE: readonly (readonly [string, Case, Partial<Answer>])[] = [
  [
    'a port name that a sidecar and a container share is the container’s',
    {
      pod: aPod({ ...httpPorts, initContainers: [sidecar('mesh', [port('http', 15000)])] }),
      service: aService('http'),
    },
    { ports: [{ number: 8080 }] },
  ],
  [
    'a port name that only a sidecar has is the sidecar’s',
    { pod: aPod({ initContainers: [sidecar('mesh', [port('http', 15000)])] }), service: aService('http') },
    { ports: [{ number: 15000 }] },
  ],
  [
    'an init container that ends has no ports',
    {
      pod: aPod({ initContainers: [{ name: 'setup', ports: [port('http', 1)] }] }),
      service: aService('http'),
    },
    { ports: [{ error: expect.any(String) }] },
  ],
  [
    'a port of the name but of another protocol is passed over',
    {
      pod: aPod({
        containers: [
          { name: 'dns', ports: [port('dns', 53, 'UDP')] },
          { name: 'tcp', ports: [port('dns', 5353)] },
        ],
      }),
      service: aService('dns'),
    },
    { ports: [{ number: 5353 }] },
  ],
  [
    'a port of a UDP Service is looked up as UDP',
    {
      pod: aPod({ containers: [{ name: 'dns', ports: [port('dns', 5353), port('dns', 53, 'UDP')] }] }),
      service: aService('dns', 'UDP'),
    },
    { ports: [{ number: 53 }] },
  ],
  [
    'a targetPort that is not given is the port',
    { pod: aPod(httpPorts), service: aService() },
    { ports: [{ number: 80 }] },
  ],
  [
    'a probe’s port is looked up in its own container only',
    {
      pod: aPod({
        containers: [
          { name: 'other', ports: [port('http', 1111)] },
          { name: 'app', readinessProbe: { httpGet: { port: 'http' } } },
        ],
      }),
      service: aService('http'),
    },
    { ports: [{ number: 1111 }], probes: [expect.objectContaining({ port: { error: expect.any(String) } })] },
  ],
  [
    'a probe’s port has any protocol',
    {
      pod: aPod({
        containers: [{ name: 'app', ports: [port('p', 53, 'UDP')], readinessProbe: { tcpSocket: { port: 'p' } } }],
      }),
      service: aService(),
    },
    { probes: [expect.objectContaining({ port: { number: 53 } })] },
  ],
  [
    'a probe’s port may be a number in digits',
    {
      pod: aPod({ containers: [{ name: 'app', readinessProbe: { tcpSocket: { port: '080' } } }] }),
      service: aService(),
    },
    { probes: [expect.objectContaining({ port: { number: 80 } })] },
  ],
  [
    'a probe’s port is a port',
    {
      pod: aPod({ containers: [{ name: 'app', readinessProbe: { httpGet: { port: 65_536 } } }] }),
      service: aService(),
    },
    { probes: [expect.objectContaining({ port: { error: expect.any(String) } })] },
  ],
  [
    'of several handlers the command is the one',
    {
      pod: aPod({
        containers: [{ name: 'app', readinessProbe: { exec: {}, httpGet: { port: 80 }, tcpSocket: { port: 81 } } }],
      }),
      service: aService(),
    },
    { probes: [expect.objectContaining({ kind: 'exec' })] },
  ],
  [
    'containers are probed before sidecars',
    {
      pod: aPod({
        initContainers: [sidecar('mesh', [], { readinessProbe: { tcpSocket: { port: 1 } } })],
        containers: [{ name: 'app', readinessProbe: { tcpSocket: { port: 2 } } }],
      }),
      service: aService(),
    },
    { probes: [expect.objectContaining({ container: 'app' }), expect.objectContaining({ container: 'mesh' })] },
  ],
  [
    'of two addresses the first is probed, IPv6 as it may be',
    {
      pod: aPod(httpPorts, { podIP: 'fd00::1', podIPs: [{ ip: 'fd00::1' }, { ip: '10.0.0.1' }] }),
      service: aService('http'),
    },
    { podIP: 'fd00::1' },
  ],
  [
    'podIP is the one where it is none of podIPs',
    { pod: aPod(httpPorts, { podIP: '10.0.0.2' }), service: aService('http') },
    { podIP: '10.0.0.2' },
  ],
  [
    'a pod without an address is no endpoint, though Ready',
    { pod: aPod(httpPorts, { podIP: undefined, podIPs: undefined }), service: aService('http') },
    { ready: true, inEndpoints: false },
  ],
  [
    'of two Ready conditions the first counts',
    {
      pod: aPod(httpPorts, { conditions: ['Unknown', 'True'].map((status) => ({ type: 'Ready', status })) }),
      service: aService(),
    },
    { ready: false },
  ],
  [
    'a pod that has ended is no endpoint, though Ready',
    { pod: aPod(httpPorts, { phase: 'Failed' }), service: aService() },
    { ready: true, terminal: true, inEndpoints: false },
  ],
  [
    'a terminating pod is no endpoint',
    { pod: aPod(httpPorts, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), service: aService() },
    { ready: true, inEndpoints: false },
  ],
  [
    'a selector with an empty value wants the label, with an empty value',
    {
      pod: aPod(httpPorts, {}, { labels: { app: 'web' } }),
      service: { spec: { selector: { app: 'web', canary: '', role: 'active' } } },
    },
    { selected: false, listed: false },
  ],
  [
    'a label with an empty value is there',
    {
      pod: aPod(httpPorts, {}, { labels: { canary: '', 'example.com/x.y_z-1': 'in' } }),
      service: { spec: { selector: { canary: '', 'example.com/x.y_z-1': 'in', role: 'active' } } },
    },
    { selected: true, listed: true },
  ],
  [
    'the words of set-based selectors are labels like any other',
    {
      pod: aPod(httpPorts, {}, { labels: { in: 'notin', notin: 'in', exists: 'exists' } }),
      service: { spec: { selector: { in: 'notin', notin: 'in', exists: 'exists', role: 'active' } } },
    },
    { selected: true, listed: true },
  ],
]

const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

const portNames = oneOf('http', 'http', 'http', 'dns', 'a-1')
const protocols = oneOf(undefined, undefined, 'TCP', 'UDP', 'SCTP')
const containerPorts = fc.array(
  fc.record({ name: maybe(portNames), containerPort: fc.integer({ min: 1, max: 65_535 }), protocol: protocols }),
  { maxLength: 3 },
)
const portRefs = fc.oneof(
  { weight: 4, arbitrary: portNames },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 65_535 }) },
  { weight: 1, arbitrary: oneOf<string | number>('8080', '+80', '-1', '0', '65536', '8080x', 0, -1, 65_536) },
)
const hosts = oneOf(undefined, undefined, undefined, '', 'db', '10.9.9.9')
const seconds = oneOf(undefined, 0, 1, 2, 60)
const httpGet = fc.record({
  port: portRefs,
  host: hosts,
  scheme: oneOf(undefined, 'HTTP', 'HTTPS'),
  path: oneOf(undefined, '', '/', '/health'),
})
const common = { timeoutSeconds: seconds, failureThreshold: seconds }
const probes = fc.oneof(
  { weight: 4, arbitrary: fc.record({ ...common, httpGet }) },
  { weight: 3, arbitrary: fc.record({ ...common, tcpSocket: fc.record({ port: portRefs, host: hosts }) }) },
  { weight: 1, arbitrary: fc.record({ ...common, grpc: fc.record({ port: fc.integer({ min: 1, max: 65_535 }) }) }) },
  { weight: 1, arbitrary: fc.record({ ...common, exec: fc.constant({ command: ['true'] }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      ...common,
      exec: maybe(fc.constant({})),
      httpGet: maybe(httpGet),
      tcpSocket: maybe(fc.record({ port: portRefs })),
    }),
  },
)
const containers = (maxLength: number, names: string) =>
  fc
    .array(
      fc.record({
        ports: containerPorts,
        readinessProbe: maybe(probes),
        restartPolicy: oneOf(undefined, 'Always', 'Always', 'OnFailure', 'Never'),
      }),
      { maxLength },
    )
    .map((list) => list.map((container, n) => ({ name: `${names}-${n}`, ...container })))
const addresses = oneOf<{ readonly podIP?: string; readonly podIPs?: readonly { readonly ip: string }[] }>(
  { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
  { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] },
  { podIP: 'fd00::1', podIPs: [{ ip: 'fd00::1' }, { ip: '10.0.0.1' }] },
  { podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.1' }] },
  { podIP: '', podIPs: [{ ip: 'fd00::1' }] },
  { podIPs: [{ ip: '10.0.0.1' }] },
  { podIP: '10.0.0.1' },
  {},
)
const conditions = fc.array(
  fc.record({
    type: oneOf('Ready', 'Ready', 'ContainersReady', 'ready'),
    status: oneOf('True', 'True', 'False', 'Unknown', 'true', ''),
  }),
  { maxLength: 3 },
)
const labels = fc.dictionary(
  oneOf('app', 'app', 'canary', 'in', 'notin', 'example.com/a.b_c-d', 'constructor', '0'),
  oneOf('web', 'web', '', 'in', '1', 'a.b_c-D'),
  { maxKeys: 3 },
)
export const pods = fc.record({
  metadata: fc.record({
    labels,
    deletionTimestamp: oneOf(undefined, undefined, undefined, null, '2026-01-01T00:00:00Z'),
  }),
  spec: fc.record({ initContainers: containers(2, 'init'), containers: containers(3, 'app') }),
  status: fc
    .tuple(
      oneOf('Running', 'Running', 'Running', 'Pending', 'Failed', 'Succeeded', 'Unknown', ''),
      addresses,
      conditions,
    )
    .map(([phase, ips, list]) => ({ phase, ...ips, conditions: list })),
})
export const services = fc.record({
  spec: fc.record({
    selector: labels.map((some) => ({ ...some, role: 'active' })),
    ports: fc.array(
      fc.record({
        port: fc.integer({ min: 1, max: 65_535 }),
        targetPort: oneOf<string | number | undefined>(undefined, 0, '', 'http', 'http', 'dns', 'a-1', 8_080),
        protocol: protocols,
      }),
      { maxLength: 3 },
    ),
  }),
})
