/** Mistakes of users as data: which object is wrong, what is wrong with it, and what to do. */
import type { FaultCode } from './error-codes.js'

export type { FaultCode } from './error-codes.js'

/** Why a group or a namespace could not be served. `remedy` is an instruction in a full sentence. */
export interface Fault {
  readonly code: FaultCode
  readonly object: string
  readonly message: string
  readonly remedy: string
  /** Where in the program a defect is. */
  readonly stack?: string
}

/** A fault as one text: its object, its message and its remedy. */
export function describeFault({ object, message, remedy }: Fault): string {
  return `${object}: ${message}. ${remedy}`
}

/** Wrong flags, environment or kubeconfig. Nothing has been read from a cluster. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
