/** The interface by which checks run commands in containers of pods. `exec.ts` implements it. */
import type { KubeError, Pod } from './port.js'

export interface Commands {
  /** The number of requests sent so far. */
  readonly requests: number
  /**
   * Runs a command once. Rejects only when the signal aborts. The command may run on after that: nobody can end it from
   * here. The pod is found by its name: one that has taken its place is not told apart.
   * @param begun is called once the API server has agreed to run it
   */
  run(order: Order, begun: () => void, signal: AbortSignal): Promise<Ran>
}

export interface Order {
  readonly pod: Pick<Pod, 'namespace' | 'name'>
  readonly container: string
  /** The program and its arguments, without a shell. */
  readonly command: readonly string[]
}

export type Ran =
  /** `output`: the end of what it has written to stdout and stderr. */
  | { readonly kind: 'exited'; readonly code: number; readonly output: string }
  /** It did not run to its end, by no fault of ours. `reached`: as in `ProbeResult`. */
  | { readonly kind: 'failed'; readonly text: string; readonly reached?: false }
  /** The API server refused it or did not answer, which says nothing about the pod. */
  | { readonly kind: 'refused'; readonly error: KubeError }
