/** Mistakes of users as data: which object is wrong, what is wrong with it, and what to do. */

/** Why a group or a namespace could not be served. `remedy` is an instruction in a full sentence. */
export interface Fault {
  readonly code: FaultCode
  readonly object: string
  readonly message: string
  readonly remedy: string
}

export type FaultCode =
  | 'selector-too-wide'
  | 'overlap'
  | 'role-in-template'
  | 'foreign-role'
  | 'all-ended'
  | 'port-not-found'
  | 'bad-annotation'
  | 'conflicting-annotations'
  | 'not-found'
  | 'ambiguous'
  | 'nothing-in-scope'
  | 'unauthenticated'
  | 'denied'
  | 'changed-by-admission'
  | 'unreachable'
  | 'failed'
  | 'deadline'
  | 'interrupted'
  | 'latched'
  | 'healed-again'
  | 'blind'

/** A fault as one text: its object, its message and its remedy. */
export function describeFault({ object, message, remedy }: Fault): string {
  return `${object}: ${message}. ${remedy}`
}

/** Wrong flags, environment or kubeconfig. Nothing has been read from a cluster. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
