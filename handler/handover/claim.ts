/**
 * Moves traffic in one step: the claim on the Services of a group, and the latch that the claim can carry.
 *
 * Two label writes change the endpoints of a Service twice, and a proxy may apply the second change a second after the
 * first. So while the roles change, the latch pins the Service to the old pod by a label that only this pod carries.
 * The release then changes the endpoints once. The claim is a random token, and is made without a pin too: it stops a
 * slower pass whose decision rests on an older view.
 *
 * Safety does not depend on the claim: roles.ts is safe without it, and no handover makes a Service select two pods.
 *
 * Not promised: anything for established connections; proxies other than those measured; the field ownership of the
 * selector (its content is what it was before).
 */

import { addToHistory, type HistoryEntry } from '../group/history.js'
import { isClaimed, isPinnedByOthers } from '../group/services.js'
import { CLAIM, HEALED, HISTORY, MANAGED, PIN } from '../kube/keys.js'
import { isRefusal, type KubeError, type Service, type ServicePatch, type Written } from '../kube/port.js'
import { backoff } from '../kube/retry.js'
import type { SwapContext } from './context.js'

/** How traffic is moved: in one step, under a claim without a pin, without the right to claim, or as a setting says. */
export type LatchUse = 'latched' | 'claimed' | 'refused' | 'off'

export interface Claim {
  /** The whole annotation: `<random token> <pod>`. */
  readonly token: string
  /** The claimed Services, as last seen. Empty when none could be claimed. */
  readonly services: readonly Service[]
  readonly latch: LatchUse
  /** The Services without a claim, because the API server refused the patch or admission changed it. */
  readonly refused: readonly Refusal[]
  /** Those of `refused` whose changed claim could not be taken off. */
  readonly stuck: readonly Stuck[]
}

export interface Refusal {
  readonly service: Service
  readonly error: KubeError
}

export type Claimed =
  | { readonly kind: 'held'; readonly claim: Claim }
  /** Another pass was faster, or a request was not served. Only the Services in `stuck` may still carry this claim. */
  | {
      readonly kind: 'again'
      readonly delayMs: number
      readonly error?: KubeError
      readonly refused: readonly Refusal[]
      readonly stuck: readonly Stuck[]
    }

/** A Service that is or may be still claimed, and the last error of the API server. */
export interface Stuck {
  readonly kind: 'stuck'
  readonly service: Service
  readonly error?: KubeError
}

/**
 * `service` is the Service as it is now, `undefined` when it is gone. `changed`: admission changed an attempt, or refused
 * what it was to note. `byUs`: this release has taken the claim off, not another pass.
 */
export type Released =
  | {
      readonly kind: 'free'
      readonly service: Service | undefined
      readonly changed?: KubeError
      readonly byUs?: true
    }
  | Stuck

/** Stands for the claim where a setting turns the latch off: there is no Service to check or to release. */
export const LATCH_OFF: Claim = { token: '', services: [], latch: 'off', refused: [], stuck: [] }

/** Claims all Services of a group at the versions of the pass's list. `pin` is the uid of the one old active pod. */
export async function claim(
  context: SwapContext,
  services: readonly Service[],
  winner: string,
  pin: string | undefined,
): Promise<Claimed> {
  const token = `${randomToken(context.random)} ${winner}`
  const patch = (service: Service) => claimPatch(service, token, pin, context.roleLabel)
  const written = await inOrder(services, (service) =>
    context.kube.patchService(service, patch(service), context.deadline.swapping),
  )
  const claimed: Service[] = []
  const refused: Refusal[] = []
  const changed: Service[] = []
  const unanswered: Service[] = []
  let error: KubeError | undefined
  let delayMs: number | undefined
  for (const { service, result } of written) {
    if (result.kind === 'applied') claimed.push(result.object)
    else if (isRefusal(result)) {
      refused.push({ service, error: result.error })
      if (result.kind === 'changed') changed.push(result.object)
    } else {
      if (result.kind === 'unknown') unanswered.push(service)
      if (result.kind === 'unknown' || result.kind === 'unauthenticated') error = result.error
      delayMs = Math.max(delayMs ?? 0, result.kind === 'throttled' ? result.retryAfterMs : 0)
    }
  }
  const undone = await Promise.all(changed.map((service) => release(context, service, context.deadline.releasing)))
  const stuck = undone.filter(isStuck)
  if (delayMs === undefined) {
    const latch = claimed.length === 0 ? 'refused' : pin === undefined ? 'claimed' : 'latched'
    return { kind: 'held', claim: { token, services: claimed, latch, refused, stuck } }
  }
  const released = await Promise.all([
    ...claimed.map((service) => release(context, service, context.deadline.releasing)),
    ...unanswered.map((service) => outrun(context, service, token)),
  ])
  return {
    kind: 'again',
    delayMs,
    ...(error ? { error } : {}),
    refused: [...refused, ...alteredIn(released)],
    stuck: [...stuck, ...released.filter(isStuck)],
  }
}

/** The releases that succeeded, and of which admission changed or refused a part. */
export function alteredIn(released: readonly Released[]): readonly Refusal[] {
  return released.flatMap((one) =>
    one.kind === 'free' && one.changed && one.service ? [{ service: one.service, error: one.changed }] : [],
  )
}

type Answered = { readonly service: Service; readonly result: Written<Service> }

/**
 * Writes to one Service after the other until a write is applied, then to the rest at once; a lost write ends it. All
 * passes use the order of the list, so that the pass which gets the first Service gets all of them. In another order
 * each of several passes might get one, and all would have to begin again.
 */
async function inOrder(
  services: readonly Service[],
  write: (service: Service) => Promise<Written<Service>>,
): Promise<readonly Answered[]> {
  const answered: Answered[] = []
  for (const [n, service] of services.entries()) {
    const result = await write(service)
    answered.push({ service, result })
    if (isRefusal(result)) continue
    if (result.kind !== 'applied') break
    const rest = services.slice(n + 1).map(async (other) => ({ service: other, result: await write(other) }))
    return [...answered, ...(await Promise.all(rest))]
  }
  return answered
}

/** Looks at the Services again. @returns the claim if all of them still carry it, else `undefined` @throws KubeError */
export async function check(context: SwapContext, held: Claim, signal: AbortSignal): Promise<Claim | undefined> {
  const [first] = held.services
  if (!first) return held
  if (context.quickCheck) {
    const { kube } = context
    const tests = await Promise.all(
      held.services.map((service) => kube.testService(service, CLAIM, held.token, signal)),
    )
    if (tests.some(({ kind }) => kind === 'lost' || kind === 'gone')) return undefined
    if (tests.every(({ kind }) => kind === 'applied')) return held
    // Any other outcome of a test patch decides nothing: the list below does.
  }
  const current = await context.kube.listServices({ namespace: first.namespace }, signal)
  const services = held.services.map(({ uid }) => current.find((service) => service.uid === uid))
  const stands = (service: Service | undefined): service is Service => service?.annotations[CLAIM] === held.token
  return services.every(stands) ? { ...held, services } : undefined
}

/** What a release notes beside taking the claim off. */
interface ReleaseNote {
  readonly isLeft?: boolean
  /** Nothing is to be noted. */
  readonly isBare?: boolean
  readonly entry?: HistoryEntry | undefined
}

/** A refusal may pass, as when a webhook restarts. After this many refusals the pass gives up. */
const REFUSALS = 3

/**
 * Takes claim and pin off the Service and puts the role back. Retries until that is done, refused or out of time.
 * @param note.isLeft this pass did not claim it: a Service that another writer has pinned is marked when it is healed
 * @param note.entry the handover that has ended, for the history
 */
export async function release(
  context: SwapContext,
  service: Service,
  until: AbortSignal,
  note: ReleaseNote = {},
): Promise<Released> {
  let current = service
  let error: KubeError | undefined
  let altered: { readonly changed?: KubeError } = {}
  let refusals = 0
  for (let attempt = 0; ; attempt++) {
    const { result, refused } = await writeRelease(context, current, until, note)
    if (refused && note.entry) altered = { changed: refused }
    if (result.kind === 'applied') return { kind: 'free', service: result.object, ...altered, byUs: true }
    if (result.kind === 'gone') return { kind: 'free', service: undefined, ...altered }
    if (result.kind === 'changed') altered = { changed: result.error }
    // The claim is off all the same: nothing rests on what was noted.
    if (result.kind === 'changed' && isReleased(result.object, current, context.roleLabel, note))
      return { kind: 'free', service: result.object, ...altered, byUs: true }
    error = tellingMore(error, result, until)
    const stuck: Stuck = { kind: 'stuck', service: current, ...(error ? { error } : {}) }
    if (isRefusal(result) && ++refusals >= REFUSALS) return stuck
    await backoff(context, attempt, until, result.kind === 'throttled' ? result.retryAfterMs : 0)
    const seen = await readAgain(context, current, until)
    if (seen === 'out of time') return stuck
    if (!seen || !carriesOurs(seen, context.roleLabel) || isClaimOfOthers(seen, service)) {
      // Admission, not a user, has changed this Service, and no later pass would look at it: it is reported as stuck.
      return seen && result.kind === 'changed'
        ? { ...stuck, service: seen }
        : { kind: 'free', service: seen, ...altered }
    }
    current = seen
  }
}

/**
 * Writes a release. A policy may refuse what is noted, as one of an older version that does not know it. Then the write
 * is made once more without the note, and at once: until then traffic is pinned to the old pod.
 * @returns `refused`: why the note is missing
 */
async function writeRelease(
  { kube, roleLabel }: SwapContext,
  service: Service,
  until: AbortSignal,
  note: ReleaseNote,
): Promise<{ readonly result: Written<Service>; readonly refused?: KubeError }> {
  const isDenied = ({ kind }: Written<Service>) => kind === 'denied' || kind === 'rejected'
  const patch = releasePatch(service, roleLabel, note)
  const bare = releasePatch(service, roleLabel, { ...note, isBare: true })
  const result = await kube.patchService(service, patch, until)
  if (!isDenied(result) || JSON.stringify(bare) === JSON.stringify(patch)) return { result }
  const again = await kube.patchService(service, bare, until)
  return isDenied(again) || !('error' in result) ? { result } : { result: again, refused: result.error }
}

/** Whether claim and pin are off and the role is back, whatever else admission has made of it. */
function isReleased(now: Service, before: Service, roleLabel: string, note: ReleaseNote): boolean {
  const wanted = releasePatch(before, roleLabel, note).selector
  return (
    !(CLAIM in now.annotations) && Object.entries(wanted).every(([key, value]) => (now.selector[key] ?? null) === value)
  )
}

export function isStuck(released: Released): released is Stuck {
  return released.kind === 'stuck'
}

/** A request that was cut off because time was up does not replace an earlier answer of the API server. */
function tellingMore(
  known: KubeError | undefined,
  result: Written<Service>,
  until: AbortSignal,
): KubeError | undefined {
  if (!('error' in result)) return known
  return until.aborted ? (known ?? result.error) : result.error
}

/** Moves the version of a Service on, so that a claim that was not answered cannot be applied later. */
async function outrun(context: SwapContext, service: Service, token: string): Promise<Released> {
  const { kube, deadline, roleLabel } = context
  let error: KubeError | undefined
  let refusals = 0
  for (let attempt = 0; ; attempt++) {
    const seen = await readAgain(context, service, deadline.releasing)
    if (seen === 'out of time') return { kind: 'stuck', service, ...(error ? { error } : {}) }
    if (!seen) return { kind: 'free', service: seen }
    if (carriesOurs(seen, roleLabel)) return release(context, seen, deadline.releasing)
    const result = await kube.patchService(seen, claimPatch(seen, token, undefined, roleLabel), deadline.releasing)
    if (result.kind === 'applied') return release(context, result.object, deadline.releasing)
    // The version has moved on, which was the aim, and admission has taken the claim off.
    if (result.kind === 'changed' && !carriesOurs(result.object, roleLabel)) {
      return { kind: 'free', service: result.object, changed: result.error }
    }
    error = tellingMore(error, result, deadline.releasing)
    if (isRefusal(result) && ++refusals >= REFUSALS) return { kind: 'stuck', service: seen, error: result.error }
    await backoff(context, attempt, deadline.releasing, result.kind === 'throttled' ? result.retryAfterMs : 0)
  }
}

/** Reads the Service again, `undefined` when it is gone. Retries until it is answered or `until` aborts. */
async function readAgain(
  context: SwapContext,
  { namespace, uid }: Service,
  until: AbortSignal,
): Promise<Service | undefined | 'out of time'> {
  for (let attempt = 0; !until.aborted; attempt++) {
    try {
      const services = await context.kube.listServices({ namespace }, until)
      return services.find((service) => service.uid === uid)
    } catch {
      await backoff(context, attempt, until) // that it fails is not news here: the release reports what it could not do
    }
  }
  return 'out of time'
}

function claimPatch(
  { resourceVersion }: Service,
  token: string,
  pin: string | undefined,
  roleLabel: string,
): ServicePatch {
  return {
    resourceVersion,
    annotations: { [CLAIM]: token },
    selector: pin === undefined ? {} : { [roleLabel]: null, [PIN]: pin },
  }
}

/** Whether the Service is to be released. A claim counts even if a user has changed the Service's role meanwhile. */
function carriesOurs(service: Service, roleLabel: string): boolean {
  return CLAIM in service.annotations || isClaimed(service, roleLabel)
}

/** Whether another pass has claimed the Service since: what was to be released is off then, and this claim is not. */
function isClaimOfOthers(seen: Service, released: Service): boolean {
  const claim = seen.annotations[CLAIM]
  return claim !== undefined && CLAIM in released.annotations && claim !== released.annotations[CLAIM]
}

/**
 * Puts the role back, except where a user has taken the Service out of our hands while it was not pinned, or has given
 * it another role, or where the selector holds nothing else: the role alone would select the active pods of the whole
 * namespace. No pass leaves a claim without pin and role: such a claim was copied with the annotations of another
 * Service, or a user has taken the role out.
 */
function releasePatch(
  service: Service,
  roleLabel: string,
  { isLeft = false, isBare = false, entry }: ReleaseNote,
): ServicePatch {
  const { resourceVersion, annotations, selector } = service
  const isTakenOut = isLeft && !(roleLabel in selector)
  const isGivenUp = !(PIN in selector) && (isTakenOut || annotations[MANAGED] === 'false')
  const isEmptied = Object.keys(selector).every((key) => key === PIN || key === roleLabel)
  const needsMark = isLeft && !isBare && !isEmptied && isPinnedByOthers(service) && !(HEALED in annotations)
  const isOther = (selector[roleLabel] ?? 'active') !== 'active'
  return {
    resourceVersion,
    annotations: {
      [CLAIM]: null,
      ...(needsMark ? { [HEALED]: 'claim' } : {}),
      ...(entry && !isBare ? { [HISTORY]: addToHistory(annotations[HISTORY], entry) } : {}),
    },
    selector: isGivenUp ? {} : { [PIN]: null, ...(!isEmptied && !isOther && { [roleLabel]: 'active' }) },
  }
}

function randomToken(random: () => number): string {
  return Array.from({ length: 4 }, () =>
    Math.floor(random() * 0x10000)
      .toString(16)
      .padStart(4, '0'),
  ).join('')
}
