import type { Fault } from '../errors.js'
import { KubeError } from './port.js'

/** What the API server refused, or did not answer, as a fault. Anything else is a defect, and thrown on. */
export function faultOf(error: unknown, object: string): Fault {
  if (!(error instanceof KubeError)) throw error
  return { code: error.code, object, message: error.message, remedy: error.remedy }
}
