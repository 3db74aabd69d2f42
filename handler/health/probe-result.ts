/** The result of one probe of one pod. */
export interface ProbeResult {
  readonly healthy: boolean
  /** For people, in few words: `200`, `500`, `connection refused`, `no answer within 2s`, `body cut short`, … */
  readonly text: string
  /** Its duration, rounded to milliseconds. */
  readonly ms: number
  /** `false`: neither the pod nor its node has answered, not even by a refusal. Absent: one of them has. */
  readonly reached?: false
}
