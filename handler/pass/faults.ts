/** Makes faults and warnings of the troubles that passes meet. */

import { type Group, type GroupServices, groupName } from '../group/groups.js'
import type { Refusal, Stuck } from '../handover/claim.js'
import type { Trouble } from '../handover/trouble.js'
import { faultOf, interrupted } from '../kube/fault.js'
import { CLAIM, PIN } from '../kube/keys.js'
import { KubeError, type Pod } from '../kube/port.js'
import type { Fault } from '../util/errors.js'

/**
 * @param object the group, which troubles without a Service are about
 */
export function faultOfTrouble(trouble: Trouble, object: string, roleLabel: string): Fault {
  switch (trouble.kind) {
    case 'error': {
      const { service, error } = trouble
      return faultOf(error, service ? `service ${service.namespace}/${service.name}` : object)
    }
    case 'unwritable':
      return unwritable(trouble.pod, roleLabel)
    case 'fault':
      return trouble.fault
  }
}

/** The fault of a group that could not be read, or met a defect then. @param stop see `faultOf` */
export function unread(error: unknown, group: GroupServices, stop: AbortSignal | undefined): Fault {
  return faultOf(error, error instanceof KubeError ? `namespace ${group.namespace}` : `group ${groupName(group)}`, stop)
}

export function unwritable({ namespace, name }: Pod, roleLabel: string): Fault {
  return {
    code: 'failed',
    object: `pod ${namespace}/${name}`,
    message: 'it could not be written, twice: the API server says that it has changed, and it is as it was',
    remedy: `Look at its annotations under active-passive/ and its label ${roleLabel}, and at what changes requests on their way; or delete it, to have another one made.`,
  }
}

export function unlatched({ service, error }: Refusal): string {
  return `service ${service.name} was not latched, so that new connections may be refused for up to a second: ${error.message}. ${error.remedy}`
}

/** No fault where no Service is stuck. */
export function leftovers(stuck: readonly Stuck[], roleLabel: string): readonly Fault[] {
  return stuck.length > 0 ? [stillClaimed(stuck, roleLabel)] : []
}

/** The fault of a pass that has to end while Services are claimed, with the command that does what a release does. */
function stillClaimed(stuck: readonly Stuck[], roleLabel: string): Fault {
  const patch = {
    metadata: { annotations: { [CLAIM]: null } },
    spec: { selector: { [PIN]: null, [roleLabel]: 'active' } },
  }
  const commands = stuck.map(
    ({ service: { name, namespace } }) =>
      `kubectl patch service ${name} -n ${namespace} --type=merge -p '${JSON.stringify(patch)}'`,
  )
  const error = stuck.find((one) => one.error)?.error
  return {
    code: error?.code === 'changed-by-admission' ? error.code : 'latched',
    object: stuck.map(({ service }) => `service ${service.namespace}/${service.name}`).join(', '),
    message: `still claimed for a swap, or it may be${error ? `: ${error.message}` : ', at the end of the pass'}`,
    remedy: `${error?.code === 'changed-by-admission' ? `${error.remedy} ` : ''}The next pass releases it; by hand: ${commands.join('; ')}`,
  }
}

/**
 * The fault of a group that the pass had no time to finish.
 * @param stop aborted: the pass was told to stop
 * @param error the last answer of the API server, if that has taken the time
 */
export function tooLate(stop: AbortSignal | undefined, group: Group, error?: KubeError): Fault {
  const object = `group ${groupName(group)}`
  if (stop?.aborted) return interrupted(object)
  if (error) return faultOf(error, object)
  const remedy = 'The next pass will do it. A longer --deadline gives one pass more time.'
  return { code: 'deadline', object, message: 'the deadline came before this was done', remedy }
}
