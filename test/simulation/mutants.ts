/** Rules of the program of which a simulation tells when they are missing: of safety, of choice, of coming to rest. */
import { mutants } from '../model/mutants.js'
import type { Edit } from '../model/mutate.js'

export interface Mutant {
  readonly name: string
  readonly edits: readonly Edit[]
  readonly broken: RegExp
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

const TWO_ACTIVE = /are active at the same time/
const SLOW = /a slow pass moves the traffic/
const LEFT_CLAIMED = /a pass ends and leaves \S+ claimed|a pass has ended, and its claim of \S+ is made after that/

export const simulatedMutants: readonly Mutant[] = [
  known('the epoch is not tested', /are active at the same time|the epoch of .* goes down/),
  known('a lost seal does not end a swap', TWO_ACTIVE),
  known('the winner is promoted before the others are sealed', TWO_ACTIVE),
  mutant(
    'a claim takes the role out and puts nothing in its place',
    'latch.ts',
    '{ [roleLabel]: null, [PIN]: pin }',
    '{ [roleLabel]: null }',
    /Service \S+ selects \S+ and /,
  ),
  mutant(
    'an active pod that no pass has made active is not sealed',
    'handover.ts',
    'others.filter((member) => member.role === role)',
    `others.filter((member) => member.role === role && (role === 'passive' || member.pinned))`,
    /a pass raises the number of active pods/,
  ),
  mutant(
    'two active pods are left as they are',
    'decide.ts',
    'if (more.length > 0 || actives.length > 1) return repair(situation, [active, ...more])',
    '',
    /has a healthy candidate, and active is \S+ and /,
  ),
  known('the pods are read before the Services', SLOW),
  known('nothing is claimed where there is nothing to latch', SLOW),
  known('the Service is not written after a claim without an answer', LEFT_CLAIMED),
  known('a release is not tried again', LEFT_CLAIMED),
  mutant(
    'a pod that fails may be promoted',
    'candidates.ts',
    `return verdict.health === 'healthy' ? null : verdict.check.result`,
    'return null',
    /is promoted, which fails/,
  ),
  mutant(
    'a pod in never may be promoted',
    'candidates.ts',
    `if (settings.never?.includes(pod.name)) return 'named in never'`,
    '',
    /is promoted, which fails or is in never/,
  ),
  mutant(
    'what a dead pass has claimed stays claimed',
    'snapshot.ts',
    '.filter((now) => before.some((then) => isSameClaim(then, now)))',
    '.filter(() => false)',
    /is not as its user left it/,
  ),
  mutant(
    'an active pod that has failed is left as it is',
    'decide.ts',
    `      return failover(situation, active)`,
    `      return rest('keep', 'healthy', '')`,
    /has a healthy candidate/,
  ),
  mutant(
    'where none is healthy none is promoted',
    'decide.ts',
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
]
