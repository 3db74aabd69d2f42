import type { Fault } from '../util/errors.js'
import { KubeError } from './port.js'

/**
 * What the API server refused, or did not answer, as a fault. Anything else is a defect, and thrown on.
 * @param stop what was cut short by it was told to stop, whatever the API server would have answered
 */
export function faultOf(error: unknown, object: string, stop?: AbortSignal): Fault {
  if (!(error instanceof KubeError)) throw error
  if (stop?.aborted && error.code === 'unreachable') return interrupted(object)
  return { code: error.code, object, message: error.message, remedy: error.remedy }
}

export function interrupted(object: string): Fault {
  return {
    code: 'interrupted',
    object,
    message: 'the pass was told to stop before this was done',
    remedy: 'The next pass will do it.',
  }
}
