/** What stands between a request and the store: somebody who may change what is written, or refuse it. */
import type { KubeObject } from './objects.js'
import type { ResourceName } from './resources.js'

/** A write as admission sees it. DELETE and the doors of the store are not shown to it. */
export interface Review {
  readonly operation: 'CREATE' | 'UPDATE'
  readonly resource: ResourceName
  readonly subresource: '' | 'status'
  /** As it would be stored. Frozen as far as it is what was stored before; what changes it returns a copy. */
  readonly object: KubeObject
  /** As it is stored; absent for a new object. */
  readonly oldObject?: KubeObject
}

/** A refusal, answered as one of a ValidatingAdmissionPolicy is. */
export interface Denial {
  readonly denied: string
  /** The name of the policy and of its binding; `in-process` unless told. */
  readonly policy?: string
  /** `Invalid`, with status 422, unless told; `Forbidden` has 403. */
  readonly reason?: 'Invalid' | 'Forbidden'
}

/**
 * Decides about one write, dry runs too: the object to be stored in the place of the given one, a denial, or
 * `undefined` to leave it alone. It is asked once the patch is applied; a patch whose `test` fails never gets there.
 */
export type Admission = (review: Review) => KubeObject | Denial | undefined

export interface Admitted {
  readonly object: KubeObject
  readonly denial?: Denial
}

/** What all of them make of a write, one after the other. The first denial counts. */
export function admitted(admissions: Iterable<Admission>, review: Review): Admitted {
  let { object } = review
  for (const admission of admissions) {
    const said = admission({ ...review, object })
    if (said === undefined) continue
    if ('denied' in said) return { object, denial: said as Denial }
    object = said as KubeObject
  }
  return { object }
}
