/**
 * Makes a second attempt if a credential is refused. After a 401 nothing was done, so any request may be sent again:
 * with another credential at once, with the same one after a while. The API server may have been unable to check it for
 * a moment, because its authenticators ask other servers, or another one of several servers may accept it.
 */
import { systemClock } from '../../util/clock.js'
import { dropIdle } from '../agents.js'
import type { Identity, Presented } from './identity.js'

/**
 * @param delayMs the wait before the same credential is shown again
 * @param attempt resolves to an answer; a `status` of 401 in it is a refusal
 * @returns the last answer
 */
export async function retriedOnce<A extends object>(
  identity: Identity,
  delayMs: number,
  signal: AbortSignal,
  attempt: (shown: Presented) => Promise<A>,
): Promise<A> {
  const first = await identity.present(signal)
  const answer = await attempt(first)
  if (!isRefused(answer)) return answer
  identity.refused(first)
  let second = await identity.present(signal)
  if (isSame(first, second)) {
    dropIdle(second.agent) // another connection may lead to another API server
    await systemClock.sleep(delayMs, signal)
    if (signal.aborted) return answer
    second = await identity.present(signal)
  }
  const again = await attempt(second)
  if (isRefused(again)) identity.refused(second)
  return again
}

function isRefused(answer: object): boolean {
  return 'status' in answer && answer.status === 401
}

function isSame(one: Presented, other: Presented): boolean {
  return one.agent === other.agent && JSON.stringify(one.headers) === JSON.stringify(other.headers)
}
