/** Turns errors into faults. */
import { defectOf } from '../util/defect.js'
import type { Fault } from '../util/errors.js'
import { KubeError } from './port.js'

/**
 * Makes a fault of an error of the API server. Any other error is a defect.
 * @param stop aborted if the pass was told to stop. A request without an answer counts as interrupted then
 */
export function faultOf(error: unknown, object: string, stop?: AbortSignal): Fault {
  if (!(error instanceof KubeError)) return { ...defectOf(error), object }
  if (stop?.aborted && error.code === 'unreachable') return interrupted(object)
  return { code: error.code, object, message: error.message, remedy: error.remedy }
}

/** The fault of work on `object` that was cut short because the pass was told to stop. */
export function interrupted(object: string): Fault {
  return {
    code: 'interrupted',
    object,
    message: 'the pass was told to stop before this was done',
    remedy: 'The next pass will do it.',
  }
}
