/** Builds the targets of a plan: what is asked, and at which address of the pod. Pure. */
import type { Container, Pod } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import { authorityOf } from '../util/authority.js'
import type { Address, Unusable } from './address.js'
import { formatUrl, parseUrl, rawPath } from './go-url.js'
import type { HttpCheck } from './http.js'

export type ProbeTarget = ({ readonly kind: 'http' } & HttpCheck) | TcpTarget | GrpcTarget | ExecTarget | Unusable

interface TcpTarget extends Address {
  readonly kind: 'tcp'
  /** Absent: the port only has to accept connections. */
  readonly dialogue?: Dialogue
}

export type DialogueTarget = TcpTarget & { readonly dialogue: Dialogue }

/** Bytes, one per character. */
export interface Dialogue {
  /** Empty: nothing is sent. */
  readonly send: string
  /** All of them must appear in what the server says. */
  readonly expect: readonly string[]
}

export interface GrpcTarget extends Address {
  readonly kind: 'grpc'
  readonly isTls: boolean
  /** Empty: the whole server. */
  readonly service: string
}

export interface ExecTarget {
  readonly kind: 'exec'
  readonly pod: Pod
  /** The name of the container in which the command runs. */
  readonly container: string
  /** The program and its arguments, without a shell. */
  readonly command: readonly string[]
}

type RequestForm = Pick<HttpCheck, 'headers' | 'statuses' | 'redirects'> & {
  readonly scheme: 'http' | 'https'
  readonly path: string
  readonly urlOf: typeof checkUrl
}

/** The URL of an explicit check: its text after the port is not changed. */
export function checkUrl(scheme: string, host: string, path: string): string {
  return `${scheme}://${host}${path}`
}

/**
 * The URL of a readinessProbe, as the kubelet makes it (formatURL in k8s.io/kubernetes/pkg/probe/http): the path is
 * parsed as a URL, whose scheme and host are then replaced. A path that is no URL is used as it is.
 */
export function probeUrl(scheme: string, host: string, path: string): string {
  const bytes = Buffer.from(path).toString('latin1')
  const url = formatUrl({ ...(parseUrl(bytes) ?? rawPath(bytes)), scheme, host })
  return Buffer.from(url, 'latin1').toString()
}

export function httpTarget(address: Address | Unusable, request: RequestForm, settings: Settings): ProbeTarget {
  if ('text' in address) return address
  const { 'health-body': body, 'health-json': json } = settings
  return {
    kind: 'http',
    url: request.urlOf(request.scheme, authorityOf(address), request.path),
    headers: settings['health-headers'] ?? request.headers,
    statuses: settings['health-status'] ?? request.statuses,
    redirects: request.redirects,
    ...(body === undefined ? {} : { body }),
    ...(json === undefined ? {} : { json }),
  }
}

export function tcpTarget(address: Address | Unusable): ProbeTarget {
  return 'text' in address ? address : { kind: 'tcp', ...address }
}

/** The target of an explicit check. If no answer is expected, nothing is said. */
export function dialogueTarget(address: Address | Unusable, settings: Settings): ProbeTarget {
  const { 'health-send': send = '', 'health-expect': expect } = settings
  const target = tcpTarget(address)
  return target.kind === 'tcp' && expect ? { ...target, dialogue: { send, expect } } : target
}

export function grpcTarget(
  address: Address | Unusable,
  { service, isTls }: Pick<GrpcTarget, 'service' | 'isTls'>,
): ProbeTarget {
  return 'text' in address ? address : { kind: 'grpc', ...address, isTls, service }
}

/** @param container `undefined` for a pod that has ended */
export function execTarget(
  pod: Pod,
  container: Pick<Container, 'name'> | undefined,
  command: readonly string[],
): ProbeTarget {
  return container
    ? { kind: 'exec', pod, container: container.name, command }
    : { kind: 'unusable', text: 'no container' }
}
