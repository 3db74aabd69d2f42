/** Keeps count of the watches, says once why one does not work, and tells `apiServer` where none does. */

import type { WatchName, WatchOptions } from '../watch/watch.js'
import type { Metrics } from './metrics.js'

/** Of each watch, until it works again: what differs in a number or an address alone would go on for ever. */
const MOST_COMPLAINTS = 5

/** Where it is told whether the API server serves the watches. */
interface ApiServer {
  served(): void
  refused(why: string): void
}

export function trackWatches(
  { watchConnected, watchRestarts }: Pick<Metrics, 'watchConnected' | 'watchRestarts'>,
  warn: (message: string) => void,
  apiServer: ApiServer,
): Pick<WatchOptions, 'connected' | 'steady'> {
  const connected = new Set<string>()
  const complaints = new Map<string, Set<string>>()
  return {
    connected: (watch, is, why) => {
      const { resource } = watch
      const key = keyOf(watch)
      if (is) connected.add(key)
      else connected.delete(key)
      if (is) apiServer.served()
      watchConnected.set({ resource }, [...connected].filter((one) => one.startsWith(resource)).length)
      if (!why) return
      watchRestarts.inc({ reason: why.reason })
      if (why.reason !== 'failed') return
      const complaint = `${why.error.message}. ${why.error.remedy}`
      // One that is refused beside others that stand is the trouble of its namespace.
      if (connected.size === 0) apiServer.refused(`watch: ${complaint}`)
      const said = complaints.get(key) ?? new Set()
      if (said.has(complaint) || said.size === MOST_COMPLAINTS) return
      complaints.set(key, said.add(complaint))
      warn(`watch: ${complaint}`)
    },
    // Not when it is answered: one may be answered for ever, and break each time.
    steady: (watch) => void complaints.delete(keyOf(watch)),
  }
}

function keyOf({ resource, namespace = '' }: WatchName): string {
  return `${resource} ${namespace}`
}
