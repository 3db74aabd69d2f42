/** Each mutant lacks one rule that safety or smoothness depends on. A search has to find each of them. */

import type { Bounds, Views } from './beginnings.js'
import { TO_B } from './bounds.js'
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

const ASKED: Bounds = { ...LABELS, passes: 1, reads: 4, switchover: TO_B }

const BORN: Bounds = { ...LABELS, passes: 1, coming: 1, comers: ['born active'], faultKinds: ['comes'] }

const swap = (find: string, replace: string): Edit => ({ file: 'handler/handover/roles.ts', find, replace })
const steps = (find: string, replace: string): Edit => ({ file: 'handler/handover/steps.ts', find, replace })
const handover = (find: string, replace: string): Edit => ({ file: 'handler/handover/handover.ts', find, replace })
const latch = (find: string, replace: string): Edit => ({ file: 'handler/handover/claim.ts', find, replace })
const leftovers = (find: string, replace: string): Edit => ({ file: 'handler/pass/leftovers.ts', find, replace })
const snapshot = (find: string, replace: string): Edit => ({ file: 'handler/pass/snapshot.ts', find, replace })

const members = (find: string, replace: string): Edit => ({ file: 'handler/group/members.ts', find, replace })
const origin = (find: string, replace: string): Edit => ({ file: 'handler/group/role-origin.ts', find, replace })

const switchover = (find: string, replace: string): Edit => ({ file: 'handler/group/switchover.ts', find, replace })

const UNAUTHENTICATED_IS_DENIED: readonly Edit[] = [
  {
    file: 'handler/kube/port.ts',
    find: `result.kind === 'denied' ||`,
    replace: `/denied|unauth/.test(result.kind) ||`,
  },
  steps(`(result.kind === 'throttled' || result.kind === 'unauthenticated')`, `result.kind === 'throttled'`),
  steps(`  if (result.kind === 'unauthenticated') return endWith`, `  if (result.kind === 'none') return endWith`),
]

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
      steps(`{ kind: 'seal', members: others`, `{ kind: 'seal', winner: state.winner, members: others`),
      handover(
        `      case 'seal':\n`,
        `      case 'seal':
        if (step.winner) await promote(context, step.winner, step.ballot, roleLabel, swapping)\n`,
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
    name: 'a 401 counts as a refusal of the pod',
    finds: /a is promoted, which fails, though b is healthy/,
    edits: UNAUTHENTICATED_IS_DENIED,
    bounds: { ...LATCH, passes: 1, faultKinds: ['unauthenticated'] },
    views: [[['a']]],
  },
  {
    name: 'a seal that was answered 401 does not end a swap',
    finds: /active at the same time/,
    edits: [swap(`'throttled', 'unauthenticated', 'unknown'`, `'throttled', 'unknown'`)],
    bounds: { ...LABELS, passes: 1, faultKinds: ['unauthenticated'] },
    views: [[['a']]],
  },
  {
    name: 'a retry does not read again',
    finds: /writes again without reading/,
    edits: [
      {
        file: 'handler/pass/reconcile.ts',
        find: `      view = again.group
        ? await evaluate(context, again.group, findings)
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
        `  const { services, stuck, healed } = await readServices(context, scope, waitForLeftovers)`,
        `  const early = await kube.listPods({ namespace: scope.namespace }, deadline.observing)
  const { services, stuck, healed } = await readServices(context, scope, waitForLeftovers)`,
      ),
      snapshot(`const pods = await kube.listPods({ namespace, labels }, deadline.observing)`, `const pods = early`),
      snapshot(`const labels = more.length === 0 ? only.selector : undefined`, ''),
      snapshot(`  const namespace = scope.namespace ?? (labels && only.namespace)\n`, ''),
    ],
    bounds: LATCH,
    views: FAILING,
  },
  {
    name: 'a claimed Service is pinned to nobody',
    finds: /Service app selects a and b/,
    edits: [latch(`{ [roleLabel]: null, [PIN]: pin }`, `{ [roleLabel]: null }`)],
    bounds: { ...LATCH, faults: 0 },
    views: [[[], ['a']]],
  },
  {
    name: 'the claim is not checked before the promotion',
    finds: /a slow pass moves the traffic/,
    edits: [
      steps(
        `{ kind: 'check', held: heldBy(state), told: state.told }`,
        `{ kind: 'promote', winner: state.winner, ballot: state.ballot }`,
      ),
    ],
    bounds: LATCH,
    views: FAILING,
  },
  {
    name: 'a leftover is released after the pods were read',
    finds: /a slow pass moves the traffic/,
    edits: [
      leftovers(
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
        `claim(context, plan.group.services,`,
        `claim(context, step.pin === undefined ? [] : plan.group.services,`,
      ),
    ],
    bounds: LATCH,
    views: FAILING,
  },
  {
    name: 'the pin label is written again and again',
    finds: /writes though nothing has changed/,
    edits: [
      { file: 'handler/pass/marks.ts', find: `role === 'active' && pin === 'none'`, replace: `role === 'active'` },
    ],
    bounds: { ...LABELS, passes: 1 },
    views: [[[]]],
  },
  {
    name: 'the Service is not written after a claim without an answer',
    finds: /may still be made/,
    edits: [
      latch(
        `    if (carriesOurs(seen, roleLabel)) return release(context, seen, deadline.releasing)
    const result`,
        `    if (!carriesOurs(seen, roleLabel)) return { kind: 'free', service: seen }
    if (carriesOurs(seen, roleLabel)) return release(context, seen, deadline.releasing)
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
        `    await backoff(context, attempt, until, result.kind === 'throttled' ? result.retryAfterMs : 0)
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
  {
    name: 'the phase of a pod is not tested',
    finds: /promoted though it has ended/,
    edits: [swap(`    { op: 'test', path: '/status/phase', value: winner.pod.phase },\n`, '')],
    bounds: { ...LABELS, passes: 1, faultKinds: ['ended'] },
    views: [[['a']]],
  },
  {
    name: 'pods that have ended are members',
    finds: /a is active and fails, though b is healthy|no pod is active/,
    edits: [
      members(`isLive(pod) && (role === undefined`, `(role === undefined`),
      {
        file: 'handler/group/groups.ts',
        find: `new LabelIndex(pods.filter(isLive)`,
        replace: `new LabelIndex([...pods]`,
      },
    ],
    bounds: { ...LABELS, passes: 1, faultKinds: ['ended'], admission: { refusesEnded: true } },
    views: [[[]]],
  },
  {
    name: 'a pod that has ended keeps its role',
    finds: /has ended, and is still labelled active/,
    edits: [
      {
        file: 'handler/pass/marks.ts',
        find: `labels[roleLabel] === 'active').slice(0, RETIRED_AT_ONCE)`,
        replace: `labels[roleLabel] === 'retired').slice(0, RETIRED_AT_ONCE)`,
      },
    ],
    bounds: { ...LABELS, passes: 1, faultKinds: ['ended'] },
    views: [[[]]],
  },
  {
    name: 'the answers to writes are not compared with what was asked',
    finds: /active at the same time/,
    edits: [
      { file: 'handler/pass/pass.ts', find: `: verified(effects.kube, options.roleLabel)`, replace: `: effects.kube` },
    ],
    bounds: { ...LABELS, passes: 1, faults: 0, admission: { keeps: { pod: 'a', what: 'role' } } },
    views: [[['a']]],
  },
  {
    name: 'a seal that admission has changed counts as done',
    finds: /active at the same time/,
    edits: [swap(`: written\n}`, `: { kind: 'done', changed: [written.error] }\n}`)],
    bounds: { ...LABELS, faultKinds: ['changed'] },
    views: FAILING,
  },
  {
    name: 'what admission has made of a write is not said',
    finds: /says that all is well, though admission/,
    edits: [{ file: 'handler/pass/reconcile.ts', find: `    noted.push(...told.noted)\n`, replace: '' }],
    bounds: { ...LABELS, faultKinds: ['changed'] },
    views: FAILING,
  },
  {
    name: 'pods that were born with a role are written',
    finds: /is written, though a was born with its role/,
    edits: [origin(`if (templated.length > 0 && (`, `if (false && (`)],
    bounds: { ...LABELS, passes: 1, faults: 0, start: 'born with roles' },
    views: [[['a']]],
  },
  {
    name: 'a pod that was born with a role, and comes while a swap reads again, is not looked at',
    finds: /is written, though c was born with its role/,
    edits: [
      steps(
        `  if (now.fault) return endWith(state, { kind: 'failed', trouble: { kind: 'fault', fault: now.fault } })\n`,
        '',
      ),
    ],
    bounds: { ...BORN, comers: ['born passive'], faults: 2, faultKinds: ['comes', 'refused'] },
    views: [[['a']]],
  },
  {
    name: 'a pod that was born active is taken back again and again',
    finds: /was taken back, which did not hold/,
    edits: [origin(`const resisted = takingBackFailed(members, roleLabel)`, `const resisted = undefined`)],
    bounds: { ...BORN, faults: 2, faultKinds: ['comes', 'label'] },
    views: [[[]]],
  },
  {
    name: 'several pods that were born active are taken back at once',
    finds: /made a controller create 2 pods/,
    edits: [origin(`const several = severalToTakeBack(members, templated, roleLabel)`, `const several = undefined`)],
    bounds: { ...BORN, coming: 3, faults: 2, selectsRole: 'active' },
    views: [[[]]],
  },
  {
    name: 'the label that a healthy active pod has lost goes to another',
    finds: /[ab] is promoted, though [ab] has lost no more than its label/,
    edits: [
      {
        file: 'handler/group/decide.ts',
        find: `if (bereft && mayHaveItBack(bereft, settings))`,
        replace: `if (false && bereft && mayHaveItBack(bereft, settings))`,
      },
    ],
    bounds: { ...LABELS, faultKinds: ['stripped'] },
    views: [[['a'], []]],
  },
  {
    name: 'marks are believed on a copy',
    finds: /c is kept, which is a copy, and not a/,
    edits: [
      members(`  if (isCopy(pod)) return {}\n`, ''),
      members(`const born = creatorOf(pod)?.annotations ?? []`, `const born: readonly string[] = []`),
    ],
    bounds: { ...BORN, comers: ['copy, active'] },
    views: [[[]]],
  },
  {
    name: 'an epoch that counts for nothing is written again',
    finds: /active at the same time/,
    edits: [
      swap(
        `(highest, { storedEpoch }) => Math.max(highest, storedEpoch)`,
        `(highest, { epoch }) => Math.max(highest, epoch)`,
      ),
    ],
    bounds: { ...LABELS, start: 'copies', faultKinds: ['label'] },
    views: [[['a'], ['b']], ...FAILING],
  },
  {
    name: 'a Service is pinned by what a copy carries as well',
    finds: /pinned to what a and c carry/,
    edits: [steps(`pods.every((pod) => pod.uid === uid || pod.labels[PIN] !== uid) ? uid : undefined`, `pods && uid`)],
    bounds: { ...BORN, latch: true, comers: ['copy, passive'] },
    views: [[['a']]],
  },
  {
    name: 'a switchover that has begun asks again from which pod the role is to go',
    finds: /has sealed a, and ends without an active pod/,
    edits: [
      switchover(
        `if (request.begun && request.tried && !active) return onward(situation, request, request.tried)\n`,
        '\n',
      ),
    ],
    bounds: { ...ASKED, faultKinds: ['no answer'] },
    views: [[[]]],
  },
  {
    name: 'a switchover does not look at the health of its pod',
    finds: /b is promoted, which fails, though a is healthy/,
    edits: [switchover(`  if (!why) return member\n`, `  if (why !== undefined) return member\n`)],
    bounds: ASKED,
    views: [[['b']]],
  },
  {
    name: 'a release takes off the claim of another pass',
    finds: /a slow pass moves the traffic of app from a, which is healthy, to nowhere/,
    edits: [latch(` || isClaimOfOthers(seen, service)) {`, `) {`)],
    bounds: { ...LATCH, faultKinds: ['recreated'], switchover: { to: 'b', force: false } },
    views: [[[], []]],
  },
]
