/** Counts the watches that are connected, writes once to the log why one does not work, and notes that they are at work. */

import type { WatchName, WatchOptions } from '../watch/watch.js'
import type { Metrics } from './metrics.js'

/**
 * Of each watch, until it works again. Without this limit, reasons that differ in a number or an address have no end.
 */
const MAX_REASONS = 5

/** Is told whether the API server serves the watches. */
interface ApiServer {
  served(): void
  refused(why: string): void
}

export function trackWatches(
  { watchConnected, watchRestarts }: Pick<Metrics, 'watchConnected' | 'watchRestarts'>,
  warn: (message: string) => void,
  apiServer: ApiServer,
  heartbeats: { beat(worker: string, withinMs: number): void },
): Pick<WatchOptions, 'connected' | 'steady' | 'begins'> {
  const connected = new Set<string>()
  /** The reasons that were written to the log, of each watch. */
  const reasons = new Map<string, Set<string>>()
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
      const reason = `${why.error.message}. ${why.error.remedy}`
      // Where other watches are connected, the API server serves, and the trouble is that of one namespace.
      if (connected.size === 0) apiServer.refused(`watch: ${reason}`)
      const said = reasons.get(key) ?? new Set()
      if (said.has(reason) || said.size === MAX_REASONS) return
      reasons.set(key, said.add(reason))
      warn(`watch: ${reason}`)
    },
    // A watch that is connected does not work yet: it may be connected again and again, and break each time.
    steady: (watch) => void reasons.delete(keyOf(watch)),
    begins: ({ resource, namespace }, withinMs) => {
      const where = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`
      heartbeats.beat(`the watch of ${resource} in ${where}`, withinMs)
    },
  }
}

function keyOf({ resource, namespace = '' }: WatchName): string {
  return `${resource} ${namespace}`
}
