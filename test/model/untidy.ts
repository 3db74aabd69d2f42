/** Searches of untidy groups: their pods end, come with roles or marks, lose labels, or are changed by admission. */
import { type Exploration, LABELS, LATCH, TWO } from './bounds.js'
import type { FaultKind } from './model-world.js'

const FEW: readonly FaultKind[] = ['no answer', 'deleted', 'recreated']
const BORN = { coming: 1, comers: ['born active', 'born passive'] } as const
const SELECTED = { coming: 3, comers: ['born active'], comersAreWell: true, selectsRole: 'active' } as const
const COPIED = { coming: 1, comers: ['copy, active', 'copy, passive', 'copy, without a role'] } as const

/** From the smallest to the largest, as far as they come to an end. */
export const untidy: readonly Exploration[] = [
  {
    name: 'labels, 2 passes, 2 pods that end, and another fault',
    bounds: { ...LABELS, ...TWO, faults: 2, faultKinds: ['ended', 'no answer'] },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods that end and may not be written then',
    bounds: { ...LABELS, ...TWO, faults: 2, faultKinds: ['ended'], admission: { refusesEnded: true } },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods that were born with roles, 1 fault',
    bounds: { ...LABELS, ...TWO, faults: 1, start: 'born with roles' },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods and one that is born with a role',
    bounds: { ...LABELS, ...TWO, ...BORN, comersAreWell: true, faults: 1, faultKinds: ['comes'] },
    isSmall: true,
  },
  {
    name: 'labels, 1 pass, 2 pods and those of a controller that selects by role, 2 faults',
    bounds: { ...LABELS, ...SELECTED, passes: 1, pods: 2, faults: 2, faultKinds: ['comes', 'label'] },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods, 1 write that admission changes',
    bounds: { ...LABELS, ...TWO, faults: 1, faultKinds: ['changed'] },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods of which one keeps its role, and a fault',
    bounds: { ...LABELS, ...TWO, faults: 1, faultKinds: FEW, admission: { keeps: { pod: 'a', what: 'role' } } },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods of which one keeps its annotations, and a fault',
    bounds: { ...LABELS, ...TWO, faults: 1, faultKinds: FEW, admission: { keeps: { pod: 'a', what: 'annotations' } } },
    isSmall: true,
  },
  {
    name: 'latch, 1 pass, 2 pods, 3 writes that admission changes',
    bounds: { ...LATCH, passes: 1, pods: 2, faults: 3, faultKinds: ['changed'] },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods of which one loses labels',
    bounds: { ...LABELS, ...TWO, faults: 1, faultKinds: ['stripped'] },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods and a copy of the active one',
    bounds: { ...LABELS, ...TWO, ...COPIED, comersAreWell: true, faults: 1, faultKinds: ['comes'] },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 2 pods that are copies, and a fault',
    bounds: { ...LABELS, ...TWO, start: 'copies', faults: 1, faultKinds: ['label', ...FEW] },
    isSmall: true,
  },
  {
    name: 'latch, 1 pass, 2 pods and a copy of the active one',
    bounds: { ...LATCH, ...COPIED, passes: 1, pods: 2, faults: 2, faultKinds: ['comes', 'deleted'] },
    isSmall: true,
  },
  {
    name: 'labels, 2 passes, 3 pods that end, and another fault',
    bounds: { ...LABELS, passes: 2, pods: 3, faults: 2, faultKinds: ['ended', 'no answer'] },
  },
  {
    name: 'labels, 2 passes, 2 pods and one that is born with a role, and another fault',
    bounds: { ...LABELS, ...TWO, ...BORN, faults: 2, faultKinds: ['comes', 'refused', 'recreated', 'no answer'] },
  },
  {
    name: 'labels, 2 passes, 2 pods and those of a controller that selects by role, 2 faults',
    bounds: { ...LABELS, ...SELECTED, ...TWO, faults: 2, faultKinds: ['comes', 'label'] },
  },
  {
    name: 'labels, 2 passes, 2 pods, 2 writes that admission changes, or another fault',
    bounds: { ...LABELS, ...TWO, faults: 2, faultKinds: ['changed', 'no answer', 'recreated'] },
  },
  {
    name: 'latch, 2 passes, 2 pods of which one loses labels',
    bounds: { ...LATCH, ...TWO, faults: 1, faultKinds: ['stripped'] },
  },
  {
    name: 'labels, 2 passes, 2 pods and a copy of the active one, and another fault',
    bounds: { ...LABELS, ...TWO, ...COPIED, faults: 2, faultKinds: ['comes', 'no answer', 'recreated', 'refused'] },
  },
]
