import { HISTORY } from '../../handler/kube/keys.js'

/** Annotations of a Service but for its history: every handover adds to it, and no decision rests on it. */
export function withoutHistory<T>(annotations: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  const { [HISTORY]: _, ...rest } = annotations
  return rest
}
