/** Reports Services and namespaces that a user has named, but that are not there or not managed. */

import { MANAGED } from '../kube/keys.js'
import type { Service } from '../kube/port.js'
import type { GroupReport } from '../report/report.js'
import { faultReport } from '../report/report.js'
import { describeFault, type Fault } from '../util/errors.js'
import { missingFault, namespaceOf } from './missing-service.js'
import type { NamespaceResult } from './namespace.js'
import { names, type Scope, type ServiceRef, type Target } from './scope.js'

/** One report for each `--service` that is not a managed Service, however often it is named. */
export function missingServices(scope: Scope, results: readonly NamespaceResult[]): readonly GroupReport[] {
  if (results.some(({ services }) => services === undefined)) return [] // it may well be where we could not look
  const groups = results.flatMap((one) => one.found)
  const all = results.flatMap((one) => one.services ?? [])
  const reports = scope.services.flatMap((ref) => {
    const isServed = groups.some(
      (group) =>
        group.services.some(({ name }) => name === ref.name) &&
        (ref.namespace === undefined ||
          all.some((service) => names(ref, service) && service.namespace === ref.namespace)),
    )
    return isServed ? [] : [notFound(scope, ref, all)]
  })
  return [...new Map(reports.map((one) => [`${one.namespace}/${one.services[0]}`, one])).values()]
}

function notFound(scope: Scope, ref: ServiceRef, services: readonly Service[]): GroupReport {
  const fault = missingFault(scope, ref, services)
  const namespace = namespaceOf(scope, ref, services)
  return faultReport({ defaults: scope.settings }, namespace, [ref.name], [fault])
}

/**
 * Reports namespaces without a managed Service: as errors if the user has named the namespaces and none of them has
 * one, else as warnings. If the user has named Services, it reports nothing (see `missingServices`).
 */
export function emptyScope(
  scope: Scope & { readonly isNamed?: boolean },
  results: readonly NamespaceResult[],
): { readonly groups: readonly GroupReport[]; readonly warnings: readonly string[] } {
  const empty = results.filter(({ services, keys }) => services !== undefined && keys.length === 0)
  if (scope.services.length > 0 || empty.length === 0) return { groups: [], warnings: [] }
  const faults = empty.map(({ namespace, services = [] }) => nothingIn(scope, namespace, services))
  if (!scope.isNamed || empty.length < results.length) return { groups: [], warnings: faults.map(describeFault) }
  const groups = faults.map((fault, n) => faultReport({ defaults: scope.settings }, empty[n]?.namespace, [], [fault]))
  return { groups, warnings: [] }
}

function nothingIn(
  { roleLabel, optIn, selector }: Scope,
  namespace: string | undefined,
  services: readonly Service[],
): Fault {
  const labelled = selector && services.filter(({ labels }) => selector.matches(labels ?? {}))
  const what =
    services.length === 0
      ? 'there is no Service at all'
      : labelled
        ? `of its Services (${services.length}) ${labelled.length} match ${JSON.stringify(selector?.text)} (--selector), and none of these is managed`
        : `none of its Services (${services.length}) is managed`
  return {
    code: 'nothing-in-scope',
    object: namespace === undefined ? 'all namespaces' : `namespace ${namespace}`,
    message: `${what}, so that nothing is kept active`,
    remedy: `${services.length === 0 && namespace !== undefined ? 'Is the name of the namespace right? ' : ''}A Service is managed when its spec.selector holds ${roleLabel}: active${optIn ? ` and it is annotated with ${MANAGED}: "true" (--opt-in)` : ''}.`,
  }
}

/** The report of a target that names no managed Service. @param services all that were read */
export function missingTarget(
  scope: Scope,
  { namespace, service = '' }: Target,
  services: readonly Service[],
): readonly GroupReport[] {
  const ref = { namespace, name: service }
  return [notFound(scope, ref, services)]
}
