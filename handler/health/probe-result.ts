/** What came of probes. */
import type { Fault } from '../util/errors.js'

/** One of several probes of a pod. */
interface SingleProbe {
  /** What was probed: `http :8080/health`, without a query. */
  readonly target: string
  readonly result: string
  readonly ms: number
}

/** How a probe gets to a pod: to its own address, or as a command that the API server passes on to the kubelet. */
export type Way = 'address' | 'api-server'

/** The result of one probe of one pod. */
export interface ProbeResult {
  readonly healthy: boolean
  /** For people, in few words: `200`, `500`, `connection refused`, `no answer within 2s`, `body cut short`, … */
  readonly text: string
  /** Its duration, rounded to milliseconds. */
  readonly ms: number
  /** Each of several, in their order, as far as they were made. Absent: there is one. */
  readonly probes?: readonly SingleProbe[]
  /** `false`: neither the pod nor its node has answered, not even by a refusal. Absent: one of them has. */
  readonly reached?: false
  /** Whether anything has come back, by each way that was tried. Absent: only the pod's address was, as `reached` says. */
  readonly heard?: Readonly<Partial<Record<Way, boolean>>>
  /** The check could not be made, by no fault of the pod: it says nothing about it, and is not counted. */
  readonly unmade?: Omit<Fault, 'object'>
}
