/** Which groups there are, as watches on Services tell it. */
import type { Change, Service, Watchable } from '../kube/port.js'
import { groupKey, groupServices } from '../observe.js'

/**
 * The same watchable. `changed` is called when a group comes or goes, or a Service enters or leaves one: from the first
 * list on, and for no swap, whatever that does to selectors.
 */
export function counted(source: Watchable<Service>, roleLabel: string, changed: () => void): Watchable<Service> {
  /** The group of each managed Service, by uid. */
  const known = new Map<string, string>()

  const put = (uid: string, group: string | undefined): void => {
    if (known.get(uid) === group) return
    if (group === undefined) known.delete(uid)
    else known.set(uid, group)
    changed()
  }
  const groupOf = (service: Service): string | undefined => {
    const [group] = groupServices([service], roleLabel)
    return group && groupKey(group.namespace, group.selector)
  }
  async function* heard(changes: AsyncIterable<Change<Service>>): AsyncGenerator<Change<Service>> {
    for await (const change of changes) {
      if (change.kind === 'changed') put(change.object.uid, groupOf(change.object))
      if (change.kind === 'deleted') put(change.object.uid, undefined)
      yield change
    }
  }

  return {
    list: async (signal) => {
      const listed = await source.list(signal)
      const there = new Set(listed.objects.map(({ uid }) => uid))
      for (const uid of known.keys()) if (!there.has(uid)) put(uid, undefined)
      for (const service of listed.objects) put(service.uid, groupOf(service))
      return listed
    },
    watch: async (resourceVersion, signal) => heard(await source.watch(resourceVersion, signal)),
  }
}
