/**
 * Mutants that a simulation finds: each lacks a rule of safety, of choice, or of coming to rest. Those that it finds late,
 * and the search of test/model soon, are left to that one.
 */
import { mutants } from '../model/mutants.js'
import type { Edit } from '../model/mutate.js'
import type { Plan } from './plan.js'

export interface Mutant {
  readonly name: string
  readonly edits: readonly Edit[]
  readonly broken: RegExp
  /** What it takes to see it. */
  readonly plan?: Partial<Plan>
}

const known = (name: string, broken: RegExp): Mutant => ({
  name,
  edits: mutants.find((mutant) => mutant.name === name)?.edits ?? [],
  broken,
})
const mutant = (name: string, file: string, find: string, replace: string, broken: RegExp): Mutant => ({
  name,
  edits: [{ file: `handler/${file}`, find, replace }],
  broken,
})

const MESS = { mess: 100 }
/** Passes that overlap while pods fail, and few requests that are lost: each of them gets far. */
const RACES = { overlaps: 100, pods: 40, api: 20 }
const TEMPLATES = { mess: 0, selectsByRole: true, rounds: 30, deaths: 10 } as const
const inMess = (...rest: Parameters<typeof mutant>): Mutant => ({ ...mutant(...rest), plan: MESS })
const inRaces = (one: Mutant): Mutant => ({ ...one, plan: { ...one.plan, ...RACES } })
const inTemplates = (...rest: Parameters<typeof mutant>): Mutant => ({ ...mutant(...rest), plan: TEMPLATES })

const HANGING = { hanging: 60, mess: 0, rounds: 1, api: 0, deaths: 0 } as const
const UNSERVED =
  /has a healthy candidate|is at least running, and no pod is active|a pass writes though nothing has changed/
const amongHanging = (
  name: string,
  ...edits: readonly (readonly [file: string, find: string, replace: string])[]
): Mutant => ({
  name,
  edits: edits.map(([file, find, replace]) => ({ file: `handler/${file}`, find, replace })),
  broken: UNSERVED,
  plan: HANGING,
})

const SLOW = /a slow pass moves the traffic/
const LEFT_CLAIMED = /a pass ends and leaves \S+ claimed|a pass has ended, and its claim of \S+ is made after that/

export const simulatedMutants: readonly Mutant[] = [
  known('the epoch is not tested', /are active at the same time|the epoch of .* goes down/),
  known(
    'the winner is promoted before the others are sealed',
    /are active at the same time|a pass raises the number of active pods/,
  ),
  mutant(
    'a claim takes the role out and puts nothing in its place',
    'handover/claim.ts',
    '{ [roleLabel]: null, [PIN]: pin }',
    '{ [roleLabel]: null }',
    /Service \S+ selects \S+ and /,
  ),
  mutant(
    'an active pod that no pass has made active is not sealed',
    'handover/steps.ts',
    'winner.pod.uid && member.role === role)',
    `winner.pod.uid && member.role === role && (role === 'passive' || member.activeSinceMs !== undefined))`,
    /a pass raises the number of active pods|a healthy candidate, and active is \S+ and/,
  ),
  mutant(
    'two active pods are left as they are',
    'group/decide.ts',
    'if (more.length > 0 || actives.length > 1) return repair(situation, [active, ...more])',
    '',
    /has a healthy candidate, and active is \S+ and /,
  ),
  inRaces(known('nothing is claimed where there is nothing to latch', SLOW)),
  known('the Service is not written after a claim without an answer', LEFT_CLAIMED),
  known('a release is not tried again', LEFT_CLAIMED),
  mutant(
    'a pod that fails may be promoted',
    'group/candidates.ts',
    `  if (health === 'healthy') return null
`,
    '  return null\n',
    /is promoted, which fails|writes though nothing has changed/,
  ),
  mutant(
    'a pod in never may be promoted',
    'group/candidates.ts',
    'if (isNamed(never, pod)) return',
    'if (isNamed(never, pod) && !never) return',
    /is promoted, which fails or is in never/,
  ),
  mutant(
    'what a dead pass has claimed stays claimed',
    'pass/leftovers.ts',
    '.filter((now) => before.some((then) => isSameClaim(then, now)))',
    '.filter(() => false)',
    /is not as its user left it/,
  ),
  mutant(
    'an active pod that has failed is left as it is',
    'group/decide.ts',
    `      return failover(situation, active)`,
    `      return rest('keep', 'healthy', '')`,
    /has a healthy candidate/,
  ),
  mutant(
    'where none is healthy none is promoted',
    'group/decide.ts',
    'const doubtful = healthiest(running)',
    'const doubtful = undefined',
    /is at least running, and no pod is active/,
  ),
  mutant(
    'every success is noted',
    'health/count.ts',
    'const recovered = before.failures >= threshold',
    'const recovered = true',
    /writes though nothing has changed/,
  ),
  inMess(
    'a pod may be promoted that has ended since it was read',
    'handover/roles.ts',
    `{ op: 'test', path: '/status/phase', value: winner.pod.phase },`,
    '',
    /has ended, and is promoted/,
  ),
  inMess(
    'what has ended is a member',
    'kube/pods.ts',
    `return phase !== 'Failed' && phase !== 'Succeeded'`,
    `return phase !== 'gone'`,
    /a pass writes to \S+, which has ended/,
  ),
  inMess(
    'what has ended keeps the role',
    'pass/marks.ts',
    'const RETIRED_AT_ONCE = 10',
    'const RETIRED_AT_ONCE = 0',
    /has ended, and is active still/,
  ),
  inMess(
    'a role that comes from a template is moved',
    'group/role-origin.ts',
    'if (templated.length > 0 && (orphan || seconds.length === 0)) {',
    'if (false) {',
    /whose roles come from a template|loses its owner by our hand/,
  ),
  inTemplates(
    'several pods are taken back at once',
    'group/role-origin.ts',
    'if (actives.length === 0 || actives.length + taken.length < 2) return undefined',
    'if (actives.length >= 0) return undefined',
    /whose roles come from a template|loses its owner by our hand/,
  ),
  {
    name: 'a pod is taken back though another one has lost its owner by that',
    edits: [
      {
        file: 'handler/group/role-origin.ts',
        find: 'if (resisted) return',
        replace: 'if (resisted && !resisted) return',
      },
      {
        file: 'handler/group/role-origin.ts',
        find: '(orphan || seconds.length === 0)',
        replace: '(seconds.length === 0)',
      },
      {
        file: 'handler/group/role-origin.ts',
        find: 'actives.length + taken.length < 2',
        replace: 'actives.length < 2',
      },
    ],
    broken: /loses its owner by our hand, and/,
    plan: TEMPLATES,
  },
  inTemplates(
    'a second active pod of a template is not reported',
    'group/role-origin.ts',
    'alarms: seconds.length > 0 ?',
    'alarms: seconds.length > 99 ?',
    /comes from a template, and the report says nothing of it/,
  ),
  inMess(
    'an answer is not compared with what was asked',
    'pass/pass.ts',
    'verified(effects.kube, options.roleLabel)',
    'effects.kube',
    /are active at the same time|an answer was not what a pass had asked for/,
  ),
  inRaces(
    inMess(
      'a seal counts whose role was given back',
      'handover/roles.ts',
      'labels[roleLabel] === role && ',
      '',
      /are active at the same time|a pass raises the number of active pods|of which nobody knows that it is well/,
    ),
  ),
  inRaces(
    inMess(
      'a lost label does not go back',
      'group/decide.ts',
      'if (bereft && mayHaveItBack(bereft, settings))',
      'if (bereft && !bereft && mayHaveItBack(bereft, settings))',
      /is promoted, though \S+ has lost its label|of which nobody knows that it is well/,
    ),
  ),
  inMess(
    'marks count wherever they stand',
    'group/members.ts',
    'const annotations = ownMarks(pod)',
    'const annotations: ReturnType<typeof ownMarks> = pod.annotations ?? {}',
    /of which nobody knows that it is well|though \S+ has lost its label|whose roles come from a template/,
  ),
  inMess(
    'a pod of a Job may be promoted',
    'group/candidates.ts',
    'if (isOfJob(pod)) return',
    'if (isOfJob(pod) && !isOfJob(pod)) return',
    /is promoted, which is of a Job/,
  ),
  inMess(
    'a pod that nothing is known of comes before one that has passed its check',
    'group/candidates.ts',
    'evidenceRank(a) - evidenceRank(b) ||',
    '',
    /of which nobody knows that it is well/,
  ),
  amongHanging('a probe that hangs keeps its place', [
    'pass/fair-share.ts',
    'isSlow = true\n      giveUpPlace()',
    'isSlow = false',
  ]),
  amongHanging(
    'all probes stand in one queue',
    ['pass/fair-share.ts', 'isSlow = true\n      giveUpPlace()', 'isSlow = false'],
    ['pass/fair-share.ts', '{ ofGroup: 8, ofNamespace: 512,', '{ ofGroup: 512, ofNamespace: 512,'],
    ['pass/fair-share.ts', 'const KEPT = 1 / 4', 'const KEPT = 0'],
    ['pass/fair-share.ts', '  return order < 0', '  return (a?.place ?? 0) < (b?.place ?? 0)'],
  ),
  amongHanging(
    'a pass waits for its slowest group before it decides on any',
    [
      'pass/reconcile.ts',
      '    const handover = await context.swaps.take(',
      `    while (context.probes.queues.size > 0) await context.clock.sleep(1_000)
    const handover = await context.swaps.take(`,
    ],
    ['pass/verdicts.ts', 'eitherOf(context.deadline.probing,', 'eitherOf(context.deadline.observing,'],
  ),
  amongHanging('pods are probed until no swap fits into the pass', [
    'pass/verdicts.ts',
    'eitherOf(context.deadline.probing,',
    'eitherOf(context.deadline.observing,',
  ]),
  amongHanging('a limit that is longer than the pass is not cut', [
    'pass/verdicts.ts',
    'Math.min(plan.timeoutMs, deadline.longestProbeMs, maxHealthTimeoutMs)',
    'plan.timeoutMs',
  ]),
]

/**
 * The number of the first plan that shows a mutant, by its name, unless it is 0: the search begins there. As the program
 * changes, another one may be the first: that costs time, no more.
 */
export const FIRST_PLANS: Readonly<Record<string, number>> = {
  'two active pods are left as they are': 2,
  'nothing is claimed where there is nothing to latch': 7,
  'the Service is not written after a claim without an answer': 9,
  'a release is not tried again': 7,
  'what a dead pass has claimed stays claimed': 1,
  'an active pod that has failed is left as it is': 2,
  'where none is healthy none is promoted': 3,
  'a pod is taken back though another one has lost its owner by that': 2,
  'a second active pod of a template is not reported': 1,
  'a seal counts whose role was given back': 6,
  'marks count wherever they stand': 2,
  'a pod of a Job may be promoted': 9,
  'a limit that is longer than the pass is not cut': 2,
}
