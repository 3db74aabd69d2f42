import type { V1Pod, V1Probe, V1Service } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { CLAIM, PIN } from '../../../handler/kube/keys.js'
import { readPod, readService } from '../../../handler/kube/read.js'

/** What the API sends: JSON, with times as texts. */
const pod = (json: object) => readPod(json as V1Pod)
const service = (json: object) => readService(json as V1Service)

/** Of the names that other objects inherit, those that are found in this one, with what is found. */
const namesIn = (map: Readonly<Record<string, string>> = {}) =>
  ['constructor', 'toString', '__proto__'].flatMap((name) =>
    name in map || map[name] !== undefined ? [`${name} ${map[name]}`] : [],
  )

describe('a pod', () => {
  it('is read as it stands', () => {
    expect(
      pod({
        metadata: {
          namespace: 'shop',
          name: 'db-0',
          uid: 'u',
          labels: { role: 'leader' },
          annotations: { 'active-passive/epoch': 'seven' },
          creationTimestamp: '2026-01-01T00:00:00Z',
        },
        spec: { containers: [{ name: 'db', ports: [{ containerPort: 5432 }] }] },
        status: {
          phase: 'Running',
          podIP: '10.0.0.1',
          podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
          conditions: [
            { type: 'Initialized', status: 'True' },
            { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:05Z' },
          ],
        },
      }),
    ).toEqual({
      namespace: 'shop',
      name: 'db-0',
      uid: 'u',
      labels: { role: 'leader' },
      annotations: { 'active-passive/epoch': 'seven' },
      createdAtMs: Date.UTC(2026, 0, 1),
      phase: 'Running',
      terminating: false,
      ready: true,
      readySinceMs: Date.UTC(2026, 0, 1, 0, 0, 5),
      ip: '10.0.0.1',
      containers: [{ name: 'db', ports: [{ number: 5432 }] }],
    })
  })

  it('of which next to nothing is known is not ready, has no address, and no annotations map', () => {
    const nothing = {
      namespace: '',
      name: '',
      uid: '',
      labels: {},
      annotations: undefined,
      createdAtMs: 0,
      phase: '',
      terminating: false,
      ready: false,
      readySinceMs: 0,
      containers: [],
    }
    expect(pod({})).toEqual(nothing)
    expect(pod({ metadata: {}, spec: {}, status: {} })).toEqual(nothing)
    expect(pod({ metadata: { creationTimestamp: null, deletionTimestamp: null }, spec: { containers: [] } })).toEqual(
      nothing,
    )
  })

  it('tells no annotations map from an empty one', () => {
    expect(pod({ metadata: { annotations: {} } }).annotations).toEqual({})
  })

  it('has the labels and annotations that it has, whatever they are called', () => {
    const bare = pod({ metadata: { annotations: {} } })
    const named = pod(
      JSON.parse('{"metadata": {"labels": {"constructor": "a", "__proto__": "b"}, "annotations": {"toString": "c"}}}'),
    )
    expect(namesIn(bare.labels)).toEqual([])
    expect(namesIn(bare.annotations)).toEqual([])
    expect(namesIn(named.labels)).toEqual(['constructor a', '__proto__ b'])
    expect(namesIn(named.annotations)).toEqual(['toString c'])
  })

  it('is terminating from the moment that its deletion is asked for', () => {
    expect(pod({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }).terminating).toBe(true)
  })

  it.each(['False', 'Unknown'])('whose Ready condition is %s is not ready', (status) => {
    expect(pod({ status: { conditions: [{ type: 'Ready', status }] } }).ready).toBe(false)
  })

  it('has the IPv6 address of a cluster that has no other', () => {
    expect(pod({ status: { podIP: 'fd00::1', podIPs: [{ ip: 'fd00::1' }] } }).ip).toBe('fd00::1')
    expect(pod({ status: { podIPs: [{ ip: 'fd00::1' }] } }).ip).toBe('fd00::1')
    expect(pod({ status: { podIP: '', podIPs: [{ ip: 'fd00::1' }] } }).ip).toBe('fd00::1')
    expect(pod({ status: { podIP: '' } })).not.toHaveProperty('ip')
  })

  it('has its sidecars after its containers, where Kubernetes looks for ports too, and no other init container', () => {
    const { containers } = pod({
      spec: {
        initContainers: [{ name: 'setup' }, { name: 'proxy', restartPolicy: 'Always' }],
        containers: [{ name: 'app' }, { name: 'log' }],
      },
    })
    expect(containers.map(({ name }) => name)).toEqual(['app', 'log', 'proxy'])
  })

  it('has the primary one of two addresses, which is the one that the kubelet probes', () => {
    expect(pod({ status: { podIP: 'fd00::1', podIPs: [{ ip: 'fd00::1' }, { ip: '10.0.0.1' }] } }).ip).toBe('fd00::1')
  })

  it('has ports with and without names, and says which are not for TCP', () => {
    const ports = [
      { name: 'http', containerPort: 8080, protocol: 'TCP' },
      { containerPort: 9000 },
      { name: 'dns', containerPort: 53, protocol: 'UDP' },
    ]
    expect(pod({ spec: { containers: [{ name: 'app', ports }] } }).containers[0]?.ports).toEqual([
      { name: 'http', number: 8080 },
      { number: 9000 },
      { name: 'dns', number: 53, protocol: 'UDP' },
    ])
  })
})

describe('a readinessProbe', () => {
  const probe = (readinessProbe: object) =>
    pod({ spec: { containers: [{ name: 'app', readinessProbe: readinessProbe as V1Probe }] } }).containers[0]
      ?.readinessProbe

  it.each<[string, object, object]>([
    [
      'by HTTP, with all that may be said',
      {
        timeoutSeconds: 3,
        httpGet: {
          scheme: 'HTTPS',
          host: 'example.com',
          port: 'web',
          path: '/health?full',
          httpHeaders: [
            { name: 'X-A', value: '1' },
            { name: 'X-A', value: '2' },
          ],
        },
      },
      {
        kind: 'http',
        timeoutMs: 3_000,
        scheme: 'https',
        host: 'example.com',
        port: 'web',
        path: '/health?full',
        headers: [
          ['X-A', '1'],
          ['X-A', '2'],
        ],
      },
    ],
    [
      'by HTTP, with as little as may be said',
      { httpGet: { port: 8080 } },
      { kind: 'http', timeoutMs: 1_000, scheme: 'http', port: 8080, path: '/', headers: [] },
    ],
    [
      'by HTTP, of a path without a slash, which is not ours to mend',
      { httpGet: { port: 8080, path: 'health', scheme: 'HTTP', host: '' } },
      { kind: 'http', timeoutMs: 1_000, scheme: 'http', port: 8080, path: 'health', headers: [] },
    ],
    ['by TCP, of a number', { tcpSocket: { port: 5432 } }, { kind: 'tcp', timeoutMs: 1_000, port: 5432 }],
    [
      'by TCP, of a name',
      { timeoutSeconds: 2, tcpSocket: { port: 'sql', host: 'db' } },
      { kind: 'tcp', timeoutMs: 2_000, host: 'db', port: 'sql' },
    ],
    ['by gRPC', { grpc: { port: 9000, service: '' } }, { kind: 'grpc', timeoutMs: 1_000, port: 9000, service: '' }],
    ['by a command', { exec: { command: ['true'] } }, { kind: 'exec', timeoutMs: 1_000, command: ['true'] }],
    [
      'by a command in which the kubelet replaces a dollar',
      { exec: { command: ['sh', '-c', 'kill -0 $$'] } },
      { kind: 'exec', timeoutMs: 1_000, command: ['sh', '-c', 'kill -0 $$'], isExpanded: true },
    ],
    [
      'by a command, should there be another handler too',
      { exec: { command: ['true'] }, httpGet: { port: 80 }, tcpSocket: { port: 80 }, grpc: { port: 80 } },
      { kind: 'exec', timeoutMs: 1_000, command: ['true'] },
    ],
    [
      'that is patient',
      { tcpSocket: { port: 80 }, failureThreshold: 40, timeoutSeconds: 0 },
      { kind: 'tcp', timeoutMs: 1_000, failureThreshold: 40, port: 80 },
    ],
  ])('%s', (_name, declared, expected) => {
    expect(probe(declared)).toEqual(expected)
  })

  it.each([
    [['ping', '$(HOST)'], true],
    [['sh', '-c', 'test $(cat /x) = "$HOST" -a -n "$(OTHER)" -a $(HOST'], undefined],
  ])('by the command %j, with a variable HOST', (command, isExpanded) => {
    const app = { name: 'app', env: [{ name: 'HOST', value: 'db' }], readinessProbe: { exec: { command } } }
    const [container] = pod({ spec: { containers: [app] } }).containers
    expect(container?.readinessProbe).toEqual({
      kind: 'exec',
      timeoutMs: 1_000,
      command,
      ...(isExpanded && { isExpanded }),
    })
  })

  it('is absent where there is none', () => {
    expect(pod({ spec: { containers: [{ name: 'app' }] } }).containers[0]).toEqual({ name: 'app', ports: [] })
  })
})

describe('a Service', () => {
  it('is read as it stands', () => {
    expect(
      service({
        metadata: { namespace: 'shop', name: 'db', uid: 'u', resourceVersion: '7', annotations: { a: '1' } },
        spec: {
          selector: { app: 'db', role: 'active' },
          publishNotReadyAddresses: true,
          clusterIP: 'None',
          ports: [
            { name: 'sql', port: 5432, targetPort: 'sql', protocol: 'TCP' },
            { port: 53, protocol: 'UDP' },
          ],
        },
      }),
    ).toEqual({
      namespace: 'shop',
      name: 'db',
      uid: 'u',
      resourceVersion: '7',
      annotations: { a: '1' },
      selector: { app: 'db', role: 'active' },
      publishNotReadyAddresses: true,
      headless: true,
      ports: [
        { name: 'sql', targetPort: 'sql', protocol: 'TCP' },
        { targetPort: 53, protocol: 'UDP' },
      ],
    })
  })

  it.each([
    [
      'the last that is not ourselves, of those who have the selector',
      { selector: { [PIN]: 'u' } },
      'argocd-controller',
    ],
    ['of a claim without a pin: of those who have the annotation', { annotations: { [CLAIM]: 't' } }, 'active-passive'],
    ['nobody where it is not claimed', {}, undefined],
  ] as const)('knows who has claimed it: %s', (_what, claimed, manager) => {
    const { selector = {}, annotations = {} } = claimed as Readonly<Record<string, object>>
    const entry = (name: string, second: number, fieldsV1: object) => {
      return { manager: name, operation: 'Update', time: `2026-01-01T00:00:0${second}Z`, fieldsV1 }
    }
    const ofSelector = { 'f:spec': { 'f:selector': {} } }
    const ofClaim = { 'f:metadata': { 'f:annotations': { [`f:${CLAIM}`]: {} } } }
    const managedFields = [
      entry('argocd-controller', 2, ofSelector),
      entry('before-first-apply', 1, ofSelector),
      entry('active-passive', 3, { ...ofSelector, ...ofClaim }),
      entry('kube-controller-manager', 4, { 'f:status': {} }),
    ]
    const { claimedBy } = service({ metadata: { name: 'web', annotations, managedFields }, spec: { selector } })
    expect(claimedBy?.manager).toBe(manager)
  })

  it('has the annotations and the selector that it has, whatever they are called', () => {
    const bare = service({})
    const named = service(
      JSON.parse('{"metadata": {"annotations": {"__proto__": "a"}}, "spec": {"selector": {"constructor": "active"}}}'),
    )
    expect([...namesIn(bare.annotations), ...namesIn(bare.selector)]).toEqual([])
    expect(namesIn(named.annotations)).toEqual(['__proto__ a'])
    expect(namesIn(named.selector)).toEqual(['constructor active'])
  })

  it.each([{}, { metadata: {}, spec: {} }, { spec: { type: 'ExternalName', externalName: 'db.example' } }])(
    'without a selector selects nothing: %j',
    (json) => {
      expect(service(json)).toMatchObject({ annotations: {}, selector: {}, publishNotReadyAddresses: false, ports: [] })
    },
  )
})

describe('an object that cannot be read', () => {
  const metadata = { namespace: 'shop', name: 'db-0', uid: 'u', labels: { app: 'db', n: 5 }, annotations: { a: 'b' } }

  it.each([
    ['labels that are no texts', { metadata }],
    ['labels that are no map', { metadata: { ...metadata, labels: ['x'] } }],
    ['containers that are no list', { metadata: { ...metadata, labels: {} }, spec: { containers: 5 } }],
    [
      'a path that is no text',
      {
        metadata: { ...metadata, labels: {} },
        spec: { containers: [{ name: 'db', readinessProbe: { httpGet: { path: 5, port: 80 } } }] },
      },
    ],
  ])('keeps its name, and says why: %s', (_what, json) => {
    const read = pod({ ...json, status: { phase: 'Running' } })
    expect(read).toMatchObject({ namespace: 'shop', name: 'db-0', uid: 'u', phase: 'Running', ready: false })
    expect(read.unread).toBeInstanceOf(TypeError)
  })

  it('keeps the labels and the part of the selector that are texts, so that its group is known', () => {
    expect(pod({ metadata }).labels).toEqual({ app: 'db' })
    expect(service({ metadata, spec: { selector: { app: 'db', role: 'active', n: null } } })).toMatchObject({
      selector: { app: 'db', role: 'active' },
      annotations: { a: 'b' },
      labels: { app: 'db' },
      unread: expect.any(TypeError),
    })
  })
})
