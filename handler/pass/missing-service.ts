/** Says why a Service that a user has named is not served. Pure. */
import { neighboursOf, whyNotManaged } from '../group/services.js'
import type { Service } from '../kube/port.js'
import { closest } from '../util/closest.js'
import type { Fault } from '../util/errors.js'
import { names, type Scope, type ServiceRef } from './scope.js'

/** The namespace that is meant. `undefined`: it is not known. */
export function namespaceOf(scope: Pick<Scope, 'namespaces'>, ref: ServiceRef, services: readonly Service[]) {
  const [first, ...others] = scope.namespaces === 'all' ? [] : scope.namespaces
  const service = services.find((one) => names(ref, one))
  return ref.namespace ?? service?.namespace ?? (others.length === 0 ? first : undefined)
}

/** Why this Service, which a user has named, is not served. @param services all of the namespaces in scope */
export function missingFault(
  scope: Pick<Scope, 'namespaces' | 'roleLabel' | 'optIn'>,
  ref: ServiceRef,
  services: readonly Service[],
): Fault {
  const service = services.find((one) => names(ref, one))
  const namespace = namespaceOf(scope, ref, services)
  const where = scope.namespaces === 'all' ? 'all namespaces' : `namespace ${scope.namespaces.join(', ')}`
  const object = `service ${namespace === undefined ? '' : `${namespace}/`}${ref.name}`
  const neighbours = neighboursOf(services, scope.roleLabel, scope.optIn)
  const notManaged = service && whyNotManaged(service, scope.roleLabel, neighbours)
  if (notManaged) {
    return { code: 'not-found', object, message: `it is not managed: it ${notManaged.why}`, remedy: notManaged.remedy }
  }
  // Cheap, as hundreds may ask for what is not there: whether it is managed in the end does not matter for a guess.
  const likely = services.filter(({ selector }) => selector[scope.roleLabel] === 'active').map(({ name }) => name)
  const meant = closest(ref.name, likely)
  const remedy = `${meant === undefined ? '' : `Did you mean ${meant}? `}Check the name and the namespace (-n, -A).`
  return { code: 'not-found', object, message: `there is no such Service in ${where}`, remedy }
}
