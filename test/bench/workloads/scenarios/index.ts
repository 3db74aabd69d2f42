// All of them, in the order of the table.
import type { Scenario } from '../scenario.js'
import { crashes } from './crashes.js'
import { deployments } from './deployments.js'
import { flappings } from './flaps.js'
import { planned } from './planned.js'
import { readinesses } from './readiness.js'
import { statefulsets } from './statefulsets.js'
import { viewpoints } from './views.js'

/** The kinds, each with its heading. */
export const kinds: readonly { readonly title: string; readonly scenarios: readonly Scenario[] }[] = [
  { title: 'Rollouts of a Deployment', scenarios: deployments },
  { title: 'Rollouts of a StatefulSet', scenarios: statefulsets },
  { title: 'Deletions, scaling, drains', scenarios: planned },
  { title: 'Failures', scenarios: crashes },
  { title: 'Not Ready', scenarios: readinesses },
  { title: 'Flapping', scenarios: flappings },
  { title: 'Views that differ', scenarios: viewpoints },
]

export const scenarios: readonly Scenario[] = kinds.flatMap(({ scenarios }) => scenarios)
