/** The troubles of a handover, as data. A pass makes faults of them (pass/faults.ts). */
import type { KubeError, Pod, Service } from '../kube/port.js'
import type { Fault } from '../util/errors.js'

export type Trouble =
  /** The API server refused or changed a write, or did not answer. Without a Service it concerns the pods of the group. */
  | { readonly kind: 'error'; readonly service?: Service; readonly error: unknown }
  /** The API server says again that this pod has changed, and it has not. */
  | { readonly kind: 'unwritable'; readonly pod: Pod }
  /** Pods came during the handover that make the group faulty. */
  | { readonly kind: 'fault'; readonly fault: Fault }

export function troubleOf(error: unknown): Trouble {
  return { kind: 'error', error }
}

/** Admission changed this write. */
export function isChanged({ error }: { readonly error: KubeError }): boolean {
  return error.code === 'changed-by-admission'
}
