/** Faults of the commands of a person: what is told, and the exit code. */
import type { CommandOptions } from '../cli/options.js'
import { faultOf } from '../kube/fault.js'
import { KubeError } from '../kube/port.js'
import { isUnserved } from '../report/exit-code.js'
import { pageOf, seePage } from '../util/error-page.js'
import { describeFault, type Fault } from '../util/errors.js'
import type { Io } from './io.js'

/** Turns an error of the API server into its fault. Any other error is a defect, and is thrown on. */
export function failedWith({ namespaces }: Pick<CommandOptions, 'namespaces'>): (error: unknown) => Fault {
  const scope = namespaces === undefined || namespaces === 'all' ? 'the Services' : `namespace ${namespaces.join(', ')}`
  return (error) => {
    if (!(error instanceof KubeError)) throw error
    return faultOf(error, scope)
  }
}

/** Tells the fault, and where its page is. @returns the exit code: 3 if the API server refused or did not answer, else 1 */
export function tell(io: Pick<Io, 'warn'>, fault: Fault): 1 | 3 {
  io.warn(describeFault(fault))
  io.warn(seePage(pageOf(fault)))
  return isUnserved(fault) ? 3 : 1
}
