/**
 * Finds checks that no pod of a group can pass, whatever it answers, and checks that say less than they seem to. Pure.
 *
 * A check that can pass once the pods are others is no reason to leave a group alone: its faults are reported beside the
 * decision.
 */

import { PREFIX } from '../kube/keys.js'
import { hasReadinessProbe } from '../kube/pods.js'
import type { Pod, Service } from '../kube/port.js'
import type { Check } from '../settings/check.js'
import type { Settings } from '../settings/settings.js'
import { closest } from '../util/closest.js'
import type { Fault } from '../util/errors.js'
import { findPort } from './service-ports.js'

const KEY = `${PREFIX}health-check`

/** The most names that are listed. */
const MOST_NAMED = 10

type Checks = Pick<Settings, 'health-check'>

/**
 * A fault for each name of a port that no pod has. One pod that has it is enough, as in the middle of a rollout.
 * @param services those of the group; never empty
 */
export function impossibleChecks(
  services: readonly Service[],
  pods: readonly Pod[],
  { 'health-check': checks }: Checks,
): readonly Fault[] {
  const [service] = [...services.filter(({ annotations }) => KEY in annotations), ...services]
  const known = pods.filter(({ containers }) => containers.length > 0)
  if (!service || known.length === 0) return []
  const names = new Set(checks.flatMap((check) => portIn(check) ?? []))
  return [...names].flatMap((port) =>
    typeof port === 'number' || known.some((pod) => findPort(pod, port, 'TCP') !== undefined)
      ? []
      : missingPort(service, known, port),
  )
}

function missingPort({ namespace, name, annotations }: Service, pods: readonly Pod[], port: string): Fault {
  const ports = pods.flatMap(({ containers }) => containers.flatMap((container) => container.ports))
  const names = [...new Set(ports.flatMap((one) => (one.name && isTcp(one) ? [one.name] : [])))]
  const other = ports.find((one) => one.name === port)?.protocol
  const meant = closest(port, names)
  const rest = names.length > MOST_NAMED ? ', …' : ''
  const have = names.length > 0 ? `has ${names.slice(0, MOST_NAMED).join(', ')}${rest}` : 'has no port with a name'
  const correct = `kubectl annotate service ${name} -n ${namespace} --overwrite ${KEY}=VALUE`
  return {
    code: 'check-cannot-pass',
    object: `service ${namespace}/${name}`,
    message: `${KEY in annotations ? `annotation ${KEY}` : '--health-check'} names the port ${JSON.stringify(port)}, and no pod of the group has a container port of that name${other ? ` for TCP, but for ${other}` : ''}: none can pass (the group ${have})`,
    remedy: `${meant ? `Did you mean ${meant}? ` : ''}Name the port in the pod template, or correct the check: ${correct}`,
  }
}

/** Warnings about checks that are probably not meant as they are. */
export function doubtfulChecks(pods: readonly Pod[], { 'health-check': checks }: Checks): readonly string[] {
  const known = pods.filter(({ containers }) => containers.length > 0)
  if (known.length === 0) return []
  const isReadyOnly = checks.every(({ kind }) => kind === 'ready')
  const numbers = new Set(checks.flatMap((check) => portIn(check) ?? []))
  return [
    ...(isReadyOnly && !known.some(hasReadinessProbe)
      ? ['health-check is ready, and no pod has a readinessProbe: each is Ready as soon as its containers run']
      : []),
    ...[...numbers].flatMap((port) => {
      if (typeof port === 'string') return []
      const declared = known
        .flatMap(({ containers }) => containers.flatMap(({ ports }) => ports))
        .filter(({ number }) => number === port)
      const [first] = declared
      return first && !declared.some(isTcp)
        ? [`health-check asks port ${port} by TCP, and the pods declare it for ${first.protocol} alone`]
        : []
    }),
  ]
}

function portIn(check: Check): number | string | undefined {
  return 'port' in check ? check.port : undefined
}

function isTcp({ protocol = 'TCP' }: { readonly protocol?: string }): boolean {
  return protocol === 'TCP'
}
