/** What the API server writes into a new object where its author left it open. */
import { isObject, type Json, type JsonObject } from './json.js'
import { at, itemsAt } from './objects.js'
import type { ResourceName } from './resources.js'

/** The spec and the status of a new object. `serial` makes addresses that differ. */
export function defaulted(resource: ResourceName, object: JsonObject, serial: number): JsonObject {
  const spec = isObject(object.spec) ? object.spec : {}
  const status = isObject(object.status) ? object.status : {}
  switch (resource) {
    case 'pods':
      return { spec: podSpec(spec), status: { phase: 'Pending', qosClass: 'BestEffort', ...status } }
    case 'services':
      return { spec: serviceSpec(spec, serial), status: { loadBalancer: {}, ...status } }
    case 'events':
      return {}
  }
}

function podSpec(spec: JsonObject): JsonObject {
  const containers = (list: string) => itemsAt(spec, list).map((item) => (isObject(item) ? container(item) : item))
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    securityContext: {},
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
    ...spec,
    containers: containers('containers'),
    ...(spec.initContainers === undefined ? {} : { initContainers: containers('initContainers') }),
  }
}

function container(given: JsonObject): JsonObject {
  const [, tag = 'latest'] = /:([^/:]+)$/.exec(typeof given.image === 'string' ? given.image : '') ?? []
  const probes = ['readinessProbe', 'livenessProbe', 'startupProbe'].flatMap((field): [string, Json][] => {
    const probe = given[field]
    return isObject(probe) ? [[field, probeOf(probe)]] : []
  })
  const ports = itemsAt(given, 'ports').map((port) => (isObject(port) ? { protocol: 'TCP', ...port } : port))
  return {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: tag === 'latest' ? 'Always' : 'IfNotPresent',
    ...given,
    ...(given.ports === undefined ? {} : { ports }),
    ...Object.fromEntries(probes),
  }
}

function probeOf(probe: JsonObject): JsonObject {
  const { httpGet, grpc } = probe
  return {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
    ...probe,
    ...(isObject(httpGet) ? { httpGet: { path: '/', scheme: 'HTTP', ...httpGet } } : {}),
    ...(isObject(grpc) ? { grpc: { service: '', ...grpc } } : {}),
  }
}

function serviceSpec(spec: JsonObject, serial: number): JsonObject {
  const external = spec.type === 'ExternalName'
  const clusterIP = at(spec, 'clusterIP') ?? `10.96.${(serial >> 8) % 256}.${serial % 256}`
  const ports = itemsAt(spec, 'ports').map((port) =>
    isObject(port) ? { protocol: 'TCP', ...(port.port === undefined ? {} : { targetPort: port.port }), ...port } : port,
  )
  return {
    type: 'ClusterIP',
    sessionAffinity: 'None',
    ...(external
      ? {}
      : {
          clusterIP,
          clusterIPs: [clusterIP],
          ipFamilies: ['IPv4'],
          ipFamilyPolicy: 'SingleStack',
          internalTrafficPolicy: 'Cluster',
        }),
    ...spec,
    ...(ports.length === 0 ? {} : { ports }),
  }
}
