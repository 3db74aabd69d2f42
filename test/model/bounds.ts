/** The common bounds of most searches. */
import type { SwitchoverRequest } from '../../handler/group/switchover.js'
import type { Bounds } from './beginnings.js'
import type { FaultKind } from './model-world.js'

export interface Exploration {
  readonly name: string
  readonly bounds: Bounds
  /** It comes to its end in seconds. */
  readonly isSmall?: true
}

const FAULTS: readonly FaultKind[] = [
  'death',
  'no answer',
  'refused',
  'throttled',
  'delay',
  'deleted',
  'terminating',
  'recreated',
  'label',
]

export const LABELS = { latch: false, services: 1, reads: 2, faultKinds: FAULTS, start: 'one active' } as const
export const LATCH = { ...LABELS, latch: true, faultKinds: [...FAULTS, 'selector', 'Service deleted'] } as const
export const TWO = { passes: 2, pods: 2 } as const

/** As it was shown to whoever has asked for it: from the active pod. */
export const TO_B: SwitchoverRequest = { to: 'b', from: 'a', force: false }
