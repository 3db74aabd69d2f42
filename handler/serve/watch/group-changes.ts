/** Notices when groups come or go, from a watch on Services. */
import { groupKey } from '../../group/group-key.js'
import { groupServices } from '../../group/groups.js'
import { isClaimed } from '../../group/services.js'
import { MANAGED } from '../../kube/keys.js'
import type { Change, Service, Watchable } from '../../kube/port.js'

/** A Service of a group. Where groups have to opt in, it is managed if it or another Service of its group does. */
interface GroupService {
  readonly group: string
  readonly isOptingIn: boolean
  readonly isManagedAnyway: boolean
}

/**
 * The same watchable. It also calls `changed` when a group comes or goes, or a Service enters or leaves a group, from
 * the first list on. A swap changes selectors too, and does not count.
 * @param optIn see `neighboursOf`
 */
export function groupChanges(
  source: Watchable<Service>,
  roleLabel: string,
  changed: () => void,
  optIn = false,
): Watchable<Service> {
  /** By uid. */
  const known = new Map<string, GroupService>()
  /** The number of Services that opt in, by group. */
  const optingIn = new Map<string, number>()

  const groupNow = (one: GroupService | undefined) =>
    one && (one.isManagedAnyway || optingIn.has(one.group)) ? one.group : undefined
  const count = ({ group, isOptingIn }: GroupService, by: 1 | -1): void => {
    const left = (optingIn.get(group) ?? 0) + (isOptingIn ? by : 0)
    if (left > 0) optingIn.set(group, left)
    else optingIn.delete(group)
  }
  const put = (uid: string, after: GroupService | undefined): void => {
    const before = known.get(uid)
    const was = groupNow(before)
    if (before) count(before, -1)
    if (after) count(after, 1)
    if (after) known.set(uid, after)
    else known.delete(uid)
    // A Service that brings the others of its group in or out enters or leaves it itself, so looking at it is enough.
    if (was !== groupNow(after)) changed()
  }
  const read = (service: Service): GroupService | undefined => {
    const [group] = groupServices([service], roleLabel)
    return (
      group && {
        group: groupKey(group.namespace, group.selector),
        isOptingIn: optIn && service.annotations[MANAGED] === 'true',
        isManagedAnyway: !optIn || isClaimed(service, roleLabel),
      }
    )
  }
  async function* noticed(changes: AsyncIterable<Change<Service>>): AsyncGenerator<Change<Service>> {
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
    watch: async (resourceVersion, signal) => noticed(await source.watch(resourceVersion, signal)),
  }
}
