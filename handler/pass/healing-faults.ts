/** Describes repairs in words: the object, its error, the writer of the error, and what to do about it. Pure. */

import type { Member } from '../group/members.js'
import { CLAIM, PIN } from '../kube/keys.js'
import { FIELD_MANAGER, type Service } from '../kube/port.js'
import type { Fault } from '../util/errors.js'
import { type Incident, KEPT, writerOf } from './healing.js'

export interface Told {
  readonly namespace: string
  readonly roleLabel: string
  /** All pods of the group. Absent: they are not known, because the group has a fault. */
  readonly members: readonly Member[] | undefined
  readonly isDryRun: boolean
}

/** @param times how often it was healed within the hour, this time included */
export function faultOfHealing(incident: Incident, times: number, told: Told): Fault {
  const often =
    times > 1 ? `, again (${times >= KEPT ? `${KEPT} times or more` : `${times} times`} within an hour)` : ''
  return {
    code: 'healed-again',
    object: objectOf(incident, told),
    message: `${messageOf(incident, told)}${often}`,
    remedy: remedyFor(incident, told),
  }
}

function objectOf({ services, pods }: Incident, { namespace }: Told): string {
  const [kind, names] =
    services.length > 0
      ? ['service', services.map(({ name }) => `${namespace}/${name}`)]
      : ['pod', pods.map(({ pod }) => `${namespace}/${pod.name}`)]
  return `${kind}${names.length > 1 ? 's' : ''} ${listed(names)}`
}

/** At most this many names are listed. */
const LISTED = 5

function listed(names: readonly string[]): string {
  return `${names.slice(0, LISTED).join(', ')}${names.length > LISTED ? ` and ${names.length - LISTED} more` : ''}`
}

function messageOf({ what, services, pods }: Incident, told: Told): string {
  const { roleLabel, isDryRun } = told
  const [service] = services
  switch (what) {
    case 'claim':
    case 'interrupted': {
      const done = `${services.length > 1 ? 'they were' : 'it was'} ${isDryRun ? 'to be released' : 'released'}`
      const by = `by ${whoClaimed(service)}`
      return what === 'claim'
        ? `${service ? stateOf(service, told) : 'claimed'} ${by}; ${done}`
        : `claimed ${by}, in a pass that had ended, or gone on for long, without taking it off; ${done}`
    }
    case 'role': {
      const done = isDryRun ? 'to be put right' : 'put right'
      const by = writersOf(pods, roleLabel)
      if (pods.some(({ role }) => role === 'active')) {
        return `labelled ${roleLabel}=active by ${by} beside an active pod; ${done}`
      }
      return pods.some(({ labelled }) => labelled)
        ? `the active pod was labelled ${roleLabel}=passive by ${by}, so that none was active; ${done}`
        : `the active pod had lost its label ${roleLabel}, taken by ${NOBODY}; ${done}`
    }
    case 'marks':
      return `the labels that this program had written (${roleLabel}, ${PIN}) were gone, taken by ${NOBODY}; ${isDryRun ? 'to be written again' : 'written again'}`
  }
}

/** A field that was removed has no field manager. */
const NOBODY = 'somebody (no field manager tells who)'

function whoClaimed(service: Service | undefined): string {
  const { manager, time } = service?.claimedBy ?? {}
  return manager ? `${manager}${time ? ` at ${time}` : ''}` : NOBODY
}

function stateOf({ selector, annotations }: Service, { members }: Told): string {
  const pin = selector[PIN]
  if (pin === undefined) return `claimed (${CLAIM}: ${JSON.stringify(annotations[CLAIM]?.slice(0, 60))})`
  if (members === undefined) return `its selector was pinned to a pod (${PIN}: ${pin})`
  const pinned = members.find(({ pod }) => pod.uid === pin)?.pod
  return `its selector was pinned to ${pinned ? `pod ${pinned.name}` : `a pod that is not there (${PIN}: ${pin})`}`
}

function writersOf(pods: readonly Member[], roleLabel: string): string {
  const managers = pods.flatMap((member) => writerOf(member, roleLabel) ?? [])
  return managers.length > 0 ? listed([...new Set(managers)]) : NOBODY
}

function remedyFor(incident: Incident, told: Told): string {
  const { what, services, pods } = incident
  if (what === 'interrupted') {
    return 'See why passes end early or take long (out of memory, evicted, deadline): kubectl describe pods -l app.kubernetes.io/name=active-passive, in the namespace where they run.'
  }
  const [kind, fields, pointers] = services.length > 0 ? serviceFields() : podFields(told.roleLabel)
  const managers = [
    ...services.flatMap(({ claimedBy }) => claimedBy?.manager ?? []),
    ...pods.flatMap((member) => writerOf(member, told.roleLabel) ?? []),
  ].filter((manager) => manager !== FIELD_MANAGER)
  const where = sourceOf(managers)
  return `Take ${fields} out of ${where}, and have GitOps leave them alone: Argo CD by ignoreDifferences (kind: ${kind}, jsonPointers: [${pointers}]) with the sync option RespectIgnoreDifferences=true, Flux by spec.ignore of the Kustomization (the same paths).`
}

type Fields = readonly [kind: string, names: string, pointers: string]

function serviceFields(): Fields {
  return ['Service', `${PIN} and ${CLAIM}`, `/spec/selector, /metadata/annotations/${CLAIM.replace('/', '~1')}`]
}

function podFields(roleLabel: string): Fields {
  const labels = [roleLabel, PIN].map((key) => `/metadata/labels/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  return ['Pod', `the labels ${roleLabel} and ${PIN}`, labels.join(', ')]
}

/** The source of the fields that these field managers write. */
function sourceOf(managers: readonly string[]): string {
  const manager = managers[0] ?? ''
  const names = listed([...new Set(managers)])
  if (/^(helm|argocd|kustomize-controller|flux|Terraform|pulumi)/.test(manager)) {
    return `the ${/^helm/.test(manager) ? 'chart or its values' : 'manifests'} that ${names} applies`
  }
  if (/^(kubectl-(client-side-apply|create|replace)|kubectl$|before-first-apply)/.test(manager)) {
    return `the manifest that is applied or replaced with kubectl (${names})`
  }
  return names ? `what ${names} writes` : 'what writes these objects (the audit log of the API server tells who)'
}
