/** Opens what sends notifications, where they are asked for. Only then its code is loaded: a pass starts faster. */
import { systemClock } from '../util/clock.js'
import type { NotifySource } from './notify-url.js'
import type { Notify } from './posts.js'

/**
 * A URL that cannot be had is no reason to move no role: it is a warning now, and with each notification.
 * @param source absent: there are no notifications
 * @param env for the proxy
 */
export async function openNotifier(
  source: NotifySource | undefined,
  env: Readonly<Record<string, string | undefined>>,
  warn: (text: string) => void,
): Promise<Notify | undefined> {
  if (!source) return undefined
  const { notifier, problemOf } = await import('./notification.js')
  const problem = await problemOf(source)
  if (problem !== undefined) warn(problem)
  return notifier(source, env, systemClock)
}
