/** Every rule that safety or smoothness rests on, taken out of the program: a search has to find each. */

import type { Bounds, Views } from './beginnings.js'
import type { Edit } from './mutate.js'

export interface Mutant {
  readonly name: string
  readonly edits: readonly Edit[]
  /** What is broken by it. */
  readonly finds: RegExp
  /** Where it is looked for. */
  readonly bounds: Bounds
  readonly views: readonly Views[]
}

const LABELS: Bounds = {
  pods: 2,
  passes: 2,
  faults: 1,
  reads: 2,
  faultKinds: ['death', 'no answer', 'deleted', 'recreated'],
  latch: false,
  services: 1,
  start: 'one active',
}
const LATCH: Bounds = { ...LABELS, latch: true, faultKinds: ['death', 'no answer', 'recreated', 'selector'] }

const swap = (find: string, replace: string): Edit => ({ file: 'handler/swap.ts', find, replace })
const handover = (find: string, replace: string): Edit => ({ file: 'handler/handover.ts', find, replace })
const latch = (find: string, replace: string): Edit => ({ file: 'handler/latch.ts', find, replace })
const snapshot = (find: string, replace: string): Edit => ({ file: 'handler/snapshot.ts', find, replace })

/** Both passes see the active pod fail; or only one does; or the other sees another fail. */
const FAILING: readonly Views[] = [
  [['a'], ['a']],
  [['a'], ['b']],
  [['a'], []],
]

export const mutants: readonly Mutant[] = [
  {
    name: 'the epoch is not tested',
    finds: /epoch of b goes down|active at the same time/,
    edits: [
      swap(
        `    pod.annotations
      ? { op: 'test', path: annotationPath(EPOCH), value: pod.annotations[EPOCH] ?? null }
      : { op: 'test', path: '/metadata/annotations', value: null },
`,
        '',
      ),
    ],
    bounds: LABELS,
    views: FAILING,
  },
  {
    name: 'the uid is not tested',
    finds: /active at the same time/,
    edits: [
      swap(
        `    { op: 'test', path: '/metadata/uid', value: pod.uid },
    { op: 'test', path: labelPath(roleLabel), value: pod.labels`,
        `    { op: 'test', path: labelPath(roleLabel), value: pod.labels`,
      ),
    ],
    bounds: { ...LABELS, start: 'new' },
    views: FAILING,
  },
  {
    name: 'the deletion of a pod is not tested',
    finds: /promoted while it is being deleted/,
    edits: [swap(`    { op: 'test', path: '/metadata/deletionTimestamp', value: null },\n`, '')],
    bounds: { ...LABELS, faultKinds: ['terminating'] },
    views: FAILING,
  },
  {
    name: 'the winner is promoted before the others are sealed',
    finds: /active at the same time/,
    edits: [
      handover(
        `      for (const role of ['passive', 'active'] as const) {`,
        `      await promote(context, winner, epoch, roleLabel, swapping)
      for (const role of ['passive', 'active'] as const) {`,
      ),
    ],
    bounds: LABELS,
    views: FAILING,
  },
  {
    name: 'a lost seal does not end a swap',
    finds: /active at the same time/,
    edits: [swap(`'rejected', 'lost', 'throttled'`, `'rejected', 'throttled'`)],
    bounds: LABELS,
    views: FAILING,
  },
  {
    name: 'a retry does not read again',
    finds: /writes again without reading/,
    edits: [
      {
        file: 'handler/tend.ts',
        find: `      view = again.group
        ? await consider(context, again.group, verdicts)
        : { ...view, decision: UNMANAGED, members: [] }`,
        replace: `      if (!again.group) view = { ...view, decision: UNMANAGED, members: [] }`,
      },
    ],
    bounds: LATCH,
    views: FAILING,
  },
  {
    name: 'the pods are read before the Services',
    finds: /a slow pass moves the traffic/,
    edits: [
      snapshot(
        `  const { services, stuck } = await readServices(context, scope, waitForLeftovers)`,
        `  const early = await kube.listPods({ namespace: scope.namespace }, deadline.observing)
  const { services, stuck } = await readServices(context, scope, waitForLeftovers)`,
      ),
      snapshot(`const pods = await kube.listPods({ namespace, labels }, deadline.observing)`, `const pods = early`),
      snapshot(`const labels = more.length === 0 ? only.selector : undefined`, ''),
      snapshot(`  const namespace = scope.namespace ?? (labels && only.namespace)\n`, ''),
    ],
    bounds: LATCH,
    views: FAILING,
  },
  {
    name: 'the pin is the same for every pod',
    finds: /Service app selects a and b/,
    edits: [
      swap(`value: winner.pod.uid }`, `value: 'pinned' }`),
      handover(`? active.pod.uid : undefined`, `? 'pinned' : undefined`),
      { file: 'handler/observe.ts', find: `pod.labels[PIN] === pod.uid`, replace: `pod.labels[PIN] === 'pinned'` },
    ],
    bounds: { ...LATCH, start: 'new', faults: 0 },
    views: [[[], ['a']]],
  },
  {
    name: 'the claim is not checked before the promotion',
    finds: /a slow pass moves the traffic/,
    edits: [
      handover(
        `    if (!(await persistShortly(context, (signal) => check(context, held, signal)))) return { kind: 'superseded' }\n`,
        '',
      ),
    ],
    bounds: LATCH,
    views: FAILING,
  },
  {
    name: 'a leftover is released after the pods were read',
    finds: /a slow pass moves the traffic/,
    edits: [
      snapshot(
        `  const before = claimed(services)
`,
        `  const before = claimed(services)
  context.early = await kube.listPods({ namespace: scope.namespace }, deadline.observing)
`,
      ),
      snapshot(
        `const pods = await kube.listPods({ namespace, labels }, deadline.observing)`,
        `const pods = context.early`,
      ),
    ],
    bounds: LATCH,
    views: FAILING,
  },
  {
    name: 'nothing is claimed where there is nothing to latch',
    finds: /a slow pass moves the traffic/,
    edits: [
      handover(
        `    group.services,
    swap.winner.pod.name,`,
        `    pinFor(members, swap) === undefined ? [] : group.services,
    swap.winner.pod.name,`,
      ),
    ],
    bounds: LATCH,
    views: FAILING,
  },
  {
    name: 'the pin label is written again and again',
    finds: /writes though nothing has changed/,
    edits: [{ file: 'handler/upkeep.ts', find: `role === 'active' && !pinned ?`, replace: `role === 'active' ?` }],
    bounds: { ...LABELS, passes: 1 },
    views: [[[]]],
  },
  {
    name: 'the Service is not written after a claim without an answer',
    finds: /may still be made/,
    edits: [
      latch(
        `    if (isClaimed(seen)) return release(context, seen, deadline.releasing)
    const result`,
        `    if (!isClaimed(seen)) return { kind: 'free', service: seen }
    if (isClaimed(seen)) return release(context, seen, deadline.releasing)
    const result`,
      ),
    ],
    bounds: LATCH,
    views: FAILING,
  },
  {
    name: 'a release is not tried again',
    finds: /leaves app claimed/,
    edits: [
      latch(
        `    await pause(context, attempt, until, result.kind === 'throttled' ? result.retryAfterMs : 0)
    const seen = await readAgain(context, current, until)
    if (seen === 'out of time') return stuck`,
        `    if (attempt >= 0) return stuck
    const seen = await readAgain(context, current, until)
    if (seen === 'out of time') return stuck`,
      ),
    ],
    bounds: LATCH,
    views: FAILING,
  },
]
