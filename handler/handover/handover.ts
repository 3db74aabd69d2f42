/** Carries out a handover from one pod to another, step by step (steps.ts). */
import type { HistoryEntry } from '../group/history.js'
import type { KubeError } from '../kube/port.js'
import { backoff, persist } from '../kube/retry.js'
import {
  alteredIn,
  type Claim,
  check,
  claim,
  isStuck,
  LATCH_OFF,
  type LatchUse,
  type Refusal,
  type Released,
  release,
  type Stuck,
} from './claim.js'
import type { SwapContext } from './context.js'
import { promote, seal } from './roles.js'
import {
  begin,
  type Ending,
  type Next,
  next,
  type Outcome,
  type Plan,
  type Redecision,
  type State,
  type Step,
  type StepResult,
} from './steps.js'
import { isChanged, type Trouble, troubleOf } from './trouble.js'

export interface Handover {
  readonly outcome: Outcome
  readonly latch: LatchUse | null
  /** Services that were not latched, for want of a right. */
  readonly unlatched: readonly Refusal[]
  /** Claims that could not be taken off. */
  readonly stuck: readonly Stuck[]
  /** Troubles to be reported whatever the outcome. */
  readonly noted: readonly Trouble[]
  /** The active pod was sealed, or may have been: the swap has to be finished. */
  readonly begun: boolean
  /** The handover as it is in the history. Absent: no pod was made active. */
  readonly entry?: HistoryEntry | undefined
}

/**
 * Reads the pods of the group again and decides anew, with the verdicts of this pass. No pod of `never` may win.
 * @throws KubeError
 */
export type Redecide = (never: readonly string[], signal: AbortSignal) => Promise<Redecision>

/**
 * Never throws. Everything that was claimed is released, or named in `stuck`. A defect ends the handover as an error of
 * the API server does.
 */
export async function handOver(context: SwapContext, plan: Plan, redecide: Redecide): Promise<Handover> {
  const { deadline } = context
  let [state, step] = begin(plan)
  try {
    while (step.kind !== 'end') {
      const result = await carryOut(context, plan, step, redecide)
      const time = {
        allowsSeal: deadline.allowsSeal(),
        allowsPromotion: deadline.allowsPromotion(),
        isOver: deadline.swapping.aborted,
      }
      const following: Next = next(state, result, time)
      ;[state, step] = following
    }
    return handoverOf(step.ending)
  } catch (error) {
    return handoverOf(await endingOf(context, state, step, error))
  }
}

/** The end of a handover that a defect has stopped at this step. */
async function endingOf(context: SwapContext, state: State, step: Step, error: unknown): Promise<Ending> {
  const { held, begun, noted } = state
  const { releasing } = context.deadline
  const entry = step.kind === 'release' ? entryOf(context, step) : undefined
  const freed = held?.services.map((service) =>
    release(context, service, releasing, { entry }).catch((): Stuck => ({ kind: 'stuck', service })),
  )
  const released = await Promise.all(freed ?? [])
  const trouble = troubleOf(error)
  const rest = { begun, released, entry, ...(held ? { held } : {}) }
  return state.outcome?.kind === 'done'
    ? { ...rest, outcome: state.outcome, noted: [...noted, trouble] }
    : { ...rest, outcome: { kind: 'failed', trouble }, noted }
}

function entryOf({ clock }: SwapContext, { entry }: Extract<Step, { kind: 'release' }>): HistoryEntry | undefined {
  return entry && { at: new Date(clock.now()).toISOString(), ...entry }
}

type Work = Exclude<Step, { kind: 'end' }>

async function carryOut(context: SwapContext, plan: Plan, step: Work, redecide: Redecide): Promise<StepResult> {
  const { clock, deadline, roleLabel } = context
  const { swapping, releasing } = deadline
  switch (step.kind) {
    case 'claim':
      // Without the latch nothing is written to Services: not everybody may.
      if (!plan.settings.latch) return { kind: 'claimed', claimed: { kind: 'held', claim: LATCH_OFF } }
      return { kind: 'claimed', claimed: await claim(context, plan.group.services, step.winner, step.pin) }
    case 'release': {
      const entry = entryOf(context, step)
      return { kind: 'released', released: await releaseAll(context, step.held, entry), entry }
    }
    case 'settle':
      await clock.sleep(step.ms, releasing)
      return { kind: 'waited' }
    case 'back-off':
      await backoff(context, step.attempt, swapping, step.atLeastMs)
      return { kind: 'waited' }
  }
  try {
    switch (step.kind) {
      case 'seal':
        return { kind: 'sealed', result: await seal(context, step.members, step.ballot, roleLabel, swapping) }
      case 'check': {
        const claimNow = await persistShortly(context, (signal) => check(context, step.held, signal), step.told)
        return { kind: 'checked', stands: claimNow !== undefined }
      }
      case 'promote':
        return { kind: 'promoted', result: await promote(context, step.winner, step.ballot, roleLabel, swapping) }
      case 'redecide':
        return {
          kind: 'redecided',
          now: await persistShortly(context, (signal) => redecide(step.never, signal)),
        }
    }
  } catch (error) {
    return { kind: 'failed', error }
  }
}

function releaseAll(
  context: SwapContext,
  { services }: Claim,
  entry?: HistoryEntry | undefined,
): Promise<readonly Released[]> {
  const { releasing } = context.deadline
  return Promise.all(services.map((service) => release(context, service, releasing, { entry })))
}

/** One attempt of a read while no pod is active: a request that hangs must leave time for another. */
const READ_LIMIT_MS = 2_000

function persistShortly<T>(
  context: SwapContext,
  read: (signal: AbortSignal) => Promise<T>,
  told?: KubeError,
): Promise<T> {
  const { swapping, within } = context.deadline
  return persist(context, swapping, () => read(AbortSignal.any([swapping, within(READ_LIMIT_MS)])), told)
}

function handoverOf({ outcome, begun, noted, held, released, entry, unclaimed }: Ending): Handover {
  if (unclaimed || !held) {
    const { refused = [], stuck = [] } = unclaimed ?? {}
    return { outcome, latch: null, unlatched: [], stuck, noted: refused.filter(isChanged).map(changed), begun }
  }
  return {
    outcome,
    begun,
    entry,
    latch: held.latch,
    unlatched: held.refused.filter((refusal) => !isChanged(refusal)),
    stuck: [...held.stuck, ...released.filter(isStuck)],
    noted: [...held.refused.filter(isChanged).map(changed), ...alteredIn(released).map(changed), ...noted],
  }
}

function changed({ service, error }: Refusal): Trouble {
  return { kind: 'error', service, error }
}
