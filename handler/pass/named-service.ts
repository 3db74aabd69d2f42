/** Finds the group of one Service that a user has named, within the scope, in one LIST a namespace. */
import { type GroupServices, groupServices } from '../group/groups.js'
import type { Kube, Service } from '../kube/port.js'
import type { Fault } from '../util/errors.js'
import { missingFault } from './missing-service.js'
import { isInScope, names, type Scope, type ServiceRef } from './scope.js'

export type NamedScope = Pick<Scope, 'namespaces' | 'services' | 'selector' | 'roleLabel' | 'optIn' | 'settings'>

interface NamedService {
  readonly service: Service
  readonly group: GroupServices
}

/** @returns the fault if it is not there, not managed, not in scope, or in several namespaces @throws KubeError */
export async function findNamed(
  kube: Pick<Kube, 'listServices'>,
  scope: NamedScope,
  ref: ServiceRef,
  signal: AbortSignal,
): Promise<NamedService | Fault> {
  const { namespaces, roleLabel, optIn = false } = scope
  const inScope = (namespace: string) => namespaces === 'all' || namespaces.includes(namespace)
  if (ref.namespace !== undefined && !inScope(ref.namespace)) return missingFault(scope, ref, [])
  const toRead = ref.namespace !== undefined ? [ref.namespace] : namespaces
  const services = await listIn(kube, toRead, signal)
  const found = groupServices(services, roleLabel, optIn)
    .filter((group) => isInScope(scope, group))
    .flatMap((group) => group.services.filter((one) => names(ref, one)).map((service) => ({ service, group })))
  const [first, second] = found
  if (first && second) {
    return ambiguous(
      ref.name,
      found.map(({ group }) => group.namespace),
    )
  }
  return first ?? missingFault(scope, ref, services)
}

/** The Services of these namespaces, in one LIST each; of all in one. @throws KubeError */
export async function listIn(
  kube: Pick<Kube, 'listServices'>,
  namespaces: Scope['namespaces'],
  signal: AbortSignal,
): Promise<readonly Service[]> {
  const toRead = namespaces === 'all' ? [undefined] : [...new Set(namespaces)]
  return (await Promise.all(toRead.map((namespace) => kube.listServices({ namespace }, signal)))).flat()
}

export function isFault(found: NamedService | Fault): found is Fault {
  return 'code' in found
}

/** The most namespaces that are named. */
const NAMED = 5

/** The fault of a name without a namespace that fits several Services. @param all the namespaces, two at least */
export function ambiguous(name: string, all: readonly string[]): Fault {
  const more = all.length > NAMED ? ` and ${all.length - NAMED} more` : ''
  const message = `several namespaces have one: ${all.slice(0, NAMED).join(', ')}${more}`
  return { code: 'ambiguous', object: `service ${name}`, message, remedy: `Say which: ${all[0]}/${name}.` }
}
