/** Watches: the changes after a resourceVersion, as one client with its selectors sees them. */
import type { JsonObject } from './json.js'
import type { KubeObject } from './objects.js'
import type { Target } from './resources.js'
import { type Answer, expired, internalError } from './status.js'
import type { Change, Store } from './store.js'
import { matcher, type Query } from './verbs.js'

export interface WatchEvent extends JsonObject {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR'
  object: JsonObject
}

/**
 * Emits what has happened since the query's resourceVersion (without one: what there is, as ADDED), then each change as
 * it happens. An object that a change takes out of the selection is DELETED, one that it brings in is ADDED.
 * @returns a function that ends it, or an answer where no watch can begin.
 */
export function watch(
  store: Store,
  { resource, namespace }: Target,
  query: Query,
  emit: (event: WatchEvent) => void,
): (() => void) | Answer {
  const matches = matcher(resource, query)
  if ('status' in matches) return matches
  const { resourceVersion = '' } = query
  if (!/^\d*$/.test(resourceVersion)) {
    const problem = `strconv.ParseUint: parsing "${resourceVersion}": invalid syntax`
    return internalError(`resourceVersion: Invalid value: "${resourceVersion}": ${problem}`)
  }
  const since = Number(resourceVersion)
  const seen = (object: KubeObject | undefined) => object !== undefined && matches.holds(object)
  const pass = (change: Change) => {
    const { object, before } = change
    if (change.resource !== resource || change.revision <= since) return
    if (namespace !== undefined && object.metadata.namespace !== namespace) return
    const was = seen(before)
    const is = change.type !== 'DELETED' && seen(object)
    if (is) emit({ type: was ? 'MODIFIED' : 'ADDED', object })
    else if (was) emit({ type: 'DELETED', object: lastSeen(change) })
  }
  const past = since === 0 ? [] : store.changesAfter(since)
  if (past === undefined) {
    const message = `too old resource version: ${since} (${store.oldest})`
    emit({ type: 'ERROR', object: expired(message).body as JsonObject })
    return () => {}
  }
  if (since === 0) {
    for (const object of store.list(resource, namespace).filter(seen)) emit({ type: 'ADDED', object })
  }
  for (const change of past) pass(change)
  return store.on(pass)
}

/** How the watcher knew an object, with the resourceVersion of the change that took it away. */
function lastSeen({ before, object }: Change): KubeObject {
  const known = before ?? object
  return { ...known, metadata: { ...known.metadata, resourceVersion: object.metadata.resourceVersion } }
}
