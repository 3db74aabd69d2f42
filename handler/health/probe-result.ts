import type { Fault } from '../util/errors.js'

/** The result of one probe of one pod. */
export interface ProbeResult {
  readonly healthy: boolean
  /** For people, in few words: `200`, `500`, `connection refused`, `no answer within 2s`, `body cut short`, … */
  readonly text: string
  /** Its duration, rounded to milliseconds. */
  readonly ms: number
  /** `false`: neither the pod nor its node has answered, not even by a refusal. Absent: one of them has. */
  readonly reached?: false
  /** The check could not be made, by no fault of the pod: it says nothing about it, and is not counted. */
  readonly unmade?: Pick<Fault, 'code' | 'message' | 'remedy'>
}
