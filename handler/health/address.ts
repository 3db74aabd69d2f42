/** The address and the port at which a pod is probed. Pure. */
import { isIP } from 'node:net'
import type { Container, Pod } from '../kube/port.js'
import type { PortRef } from '../settings/check.js'
import { findPort } from './service-ports.js'

export interface Address {
  readonly host: string
  readonly port: number
}

/** There is nothing to connect to; the text says why. */
export interface Unusable {
  readonly kind: 'unusable'
  readonly text: string
}

/** The pod's primary address, which the kubelet probes too, with this port. */
export function addressOf(pod: Pod, port: number | Unusable): Address | Unusable {
  if (typeof port !== 'number') return port
  return whyNoAddress(pod) ?? { host: pod.ip ?? '', port }
}

/**
 * Why there is no address. Anything but an address in its usual form would be a name to resolve, or another address
 * (`010.0.0.1`).
 */
export function whyNoAddress({ ip }: Pod): Unusable | undefined {
  if (!ip) return unusable('no IP address')
  return isIP(ip) === 0 ? unusable(`no IP address: ${JSON.stringify(ip)}`) : undefined
}

/** Ready, with an address: an endpoint of any Service that selects it. */
export function isReadyEndpoint(pod: Pod): boolean {
  return pod.ready && whyNoAddress(pod) === undefined
}

/** The port of an explicit check. A name means the port to which a Service with that targetPort sends traffic. */
export function servicePort(pod: Pod, port: PortRef): number | Unusable {
  return (typeof port === 'number' ? port : findPort(pod, port, 'TCP')) ?? unnamed(port)
}

/**
 * The port of a readinessProbe, as the kubelet resolves it (ResolveContainerPort in k8s.io/kubernetes/pkg/probe): a
 * name is looked up in the probe's own container only, whatever the protocol, and may be a number in digits.
 */
export function probePort({ ports }: Container, port: PortRef): number | Unusable {
  const named = typeof port === 'number' ? port : ports.find(({ name }) => name === port)?.number
  const number = named ?? (/^[+-]?\d+$/.test(`${port}`) ? Number(port) : undefined)
  if (number === undefined) return unnamed(port)
  return number > 0 && number < 65_536 ? number : unusable(`invalid port ${number}`)
}

function unnamed(port: PortRef): Unusable {
  return unusable(`no container port named ${JSON.stringify(port)}`)
}

function unusable(text: string): Unusable {
  return { kind: 'unusable', text }
}
