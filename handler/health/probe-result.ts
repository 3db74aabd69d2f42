/** What one probe of one pod found. */
export interface ProbeResult {
  readonly healthy: boolean
  /** For people, in few words: `200`, `500`, `connection refused`, `no answer within 2s`, `body cut short`, … */
  readonly text: string
  /** How long it took, milliseconds, rounded. */
  readonly ms: number
  /** `false`: nothing of the pod or of its node has answered, not even by refusing. Absent: something has. */
  readonly reached?: false
}
