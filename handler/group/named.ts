/** Pods that `prefer` and `never` name, by their names or by a label of theirs. Pure. */
import { PREFIX } from '../kube/keys.js'
import type { Pod, Service } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import type { Fault } from '../util/errors.js'

type Named = Pick<Pod, 'name' | 'labels'>

/** The first place of each entry. */
interface Places {
  readonly all: ReadonlyMap<string, number>
  readonly hasLabels: boolean
}

/** Kept as long as the setting, because every pod of a group asks. */
const known = new WeakMap<readonly string[], Places>()

/** The place of the first entry that names the pod. All pods that none names share the last place. */
export function placeIn(entries: readonly string[], { name, labels }: Named): number {
  const { all, hasLabels } = placesOf(entries)
  const byName = all.get(name) ?? entries.length
  if (!hasLabels) return byName
  return Object.entries(labels).reduce(
    (first, [key, value]) => Math.min(first, all.get(`${key}=${value}`) ?? entries.length),
    byName,
  )
}

/** The first entry that names the pod, in brackets after a space; empty if that is its name, or if there is none. */
export function labelWords(entries: readonly string[] | undefined, pod: Named): string {
  const entry = entries?.[placeIn(entries, pod)]
  return entry === undefined || entry === pod.name ? '' : ` (${entry})`
}

/** Whether an entry names the pod. */
export function isNamed(entries: readonly string[] | undefined, pod: Named): boolean {
  return entries !== undefined && placeIn(entries, pod) < entries.length
}

/** An entry of the label that this program writes: the decision would rest on what was decided last. */
export function roleAmong(services: readonly Service[], settings: Settings, roleLabel: string): Fault | undefined {
  for (const setting of ['prefer', 'never'] as const) {
    const entry = settings[setting]?.find((one) => one.startsWith(`${roleLabel}=`))
    const service = services.find(({ annotations }) => Object.hasOwn(annotations, PREFIX + setting))
    if (!entry || !service) continue
    return {
      code: 'bad-annotation',
      object: `service ${service.namespace}/${service.name}`,
      message: `annotation ${PREFIX}${setting} names ${entry}, and ${roleLabel} is the label that each handover changes`,
      remedy: 'Name pods, or a label that they keep.',
    }
  }
  return undefined
}

function placesOf(entries: readonly string[]): Places {
  const found = known.get(entries)
  if (found) return found
  const all = new Map(entries.map((entry, n) => [entry, n] as const).reverse()) // the first of two counts
  const made = { all, hasLabels: entries.some((entry) => entry.includes('=')) }
  known.set(entries, made)
  return made
}
