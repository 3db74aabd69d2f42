/** Which groups there are, as watches on Services tell it. */
import { groupKey } from '../../group/group-key.js'
import { groupServices } from '../../group/groups.js'
import { isClaimed } from '../../group/services.js'
import { MANAGED } from '../../kube/keys.js'
import type { Change, Service, Watchable } from '../../kube/port.js'

/** A Service that is managed, if it or another one of its group opts in where that is asked for. */
interface Counted {
  readonly group: string
  readonly isOptingIn: boolean
  readonly isManagedAnyway: boolean
}

/**
 * The same watchable. `changed` is called when a group comes or goes, or a Service enters or leaves one: from the first
 * list on, and for no swap, whatever that does to selectors.
 * @param optIn see `neighboursOf`
 */
export function groupChanges(
  source: Watchable<Service>,
  roleLabel: string,
  changed: () => void,
  optIn = false,
): Watchable<Service> {
  /** By uid. */
  const known = new Map<string, Counted>()
  /** How many Services of a group opt in. */
  const optingIn = new Map<string, number>()

  const groupNow = (one: Counted | undefined) =>
    one && (one.isManagedAnyway || optingIn.has(one.group)) ? one.group : undefined
  const count = ({ group, isOptingIn }: Counted, by: 1 | -1): void => {
    const left = (optingIn.get(group) ?? 0) + (isOptingIn ? by : 0)
    if (left > 0) optingIn.set(group, left)
    else optingIn.delete(group)
  }
  const put = (uid: string, after: Counted | undefined): void => {
    const before = known.get(uid)
    const was = groupNow(before)
    if (before) count(before, -1)
    if (after) count(after, 1)
    if (after) known.set(uid, after)
    else known.delete(uid)
    // A Service that brings others of its group in or out comes or goes itself.
    if (was !== groupNow(after)) changed()
  }
  const read = (service: Service): Counted | undefined => {
    const [group] = groupServices([service], roleLabel)
    return (
      group && {
        group: groupKey(group.namespace, group.selector),
        isOptingIn: optIn && service.annotations[MANAGED] === 'true',
        isManagedAnyway: !optIn || isClaimed(service, roleLabel),
      }
    )
  }
  async function* heard(changes: AsyncIterable<Change<Service>>): AsyncGenerator<Change<Service>> {
    for await (const change of changes) {
      if (change.kind === 'changed') put(change.object.uid, read(change.object))
      if (change.kind === 'deleted') put(change.object.uid, undefined)
      yield change
    }
  }

  return {
    list: async (signal) => {
      const listed = await source.list(signal)
      const there = new Set(listed.objects.map(({ uid }) => uid))
      for (const uid of known.keys()) if (!there.has(uid)) put(uid, undefined)
      for (const service of listed.objects) put(service.uid, read(service))
      return listed
    },
    watch: async (resourceVersion, signal) => heard(await source.watch(resourceVersion, signal)),
  }
}
