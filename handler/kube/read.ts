/** The API's models -> ours. Whatever may be absent is given a value here. */
import type { V1Container, V1Pod, V1Probe, V1Service } from '@kubernetes/client-node'
import type { Container, Pod, ReadinessProbe, Service } from './port.js'

/** What the API sends as JSON: the models, with times as texts. */
export function readPod(pod: V1Pod): Pod {
  const { metadata = {}, spec, status = {} } = pod
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  const ip = status.podIP ?? status.podIPs?.[0]?.ip
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    labels: alone(metadata.labels ?? {}),
    annotations: metadata.annotations && alone(metadata.annotations),
    createdAtMs: readTime(metadata.creationTimestamp),
    phase: status.phase ?? '',
    terminating: metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null,
    ready: ready?.status === 'True',
    readySinceMs: readTime(ready?.lastTransitionTime),
    ...(ip ? { ip } : {}),
    containers: [...(spec?.initContainers ?? []).filter(isSidecar), ...(spec?.containers ?? [])].map(readContainer),
  }
}

export function readService({ metadata = {}, spec = {} }: V1Service): Service {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    annotations: alone(metadata.annotations ?? {}),
    selector: alone(spec.selector ?? {}),
    publishNotReadyAddresses: spec.publishNotReadyAddresses === true,
  }
}

/**
 * A map that inherits nothing: a label may be called `constructor`, and one that is not there must not be found. The map
 * itself and no copy: one that is built without a prototype takes three times the memory.
 */
function alone(map: Record<string, string>): Record<string, string> {
  return Object.setPrototypeOf(map, null)
}

function isSidecar({ restartPolicy }: V1Container): boolean {
  return restartPolicy === 'Always'
}

function readContainer({ name, ports = [], readinessProbe }: V1Container): Container {
  return {
    name,
    ports: ports.map((port) => ({ number: port.containerPort, ...(port.name ? { name: port.name } : {}) })),
    ...(readinessProbe ? { readinessProbe: readProbe(readinessProbe) } : {}),
  }
}

function readProbe({ httpGet, tcpSocket, grpc, timeoutSeconds = 1 }: V1Probe): ReadinessProbe {
  const timeoutMs = timeoutSeconds * 1_000
  const host = (declared: { host?: string }) => (declared.host ? { host: declared.host } : {})
  if (httpGet) {
    const path = httpGet.path || '/'
    return {
      kind: 'http',
      timeoutMs,
      scheme: httpGet.scheme === 'HTTPS' ? 'https' : 'http',
      ...host(httpGet),
      port: httpGet.port,
      path: path.startsWith('/') ? path : `/${path}`,
      headers: (httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value] as const),
    }
  }
  if (tcpSocket) return { kind: 'tcp', timeoutMs, ...host(tcpSocket), port: tcpSocket.port }
  return grpc ? { kind: 'grpc', timeoutMs } : { kind: 'exec', timeoutMs }
}

function readTime(time: Date | string | undefined): number {
  const ms = time === undefined ? Number.NaN : new Date(time).getTime()
  return Number.isNaN(ms) ? 0 : ms
}
