/** The actions of third parties on pods and Services. Pure. */

import { isClaimed } from '../../handler/group/services.js'
import { PIN } from '../../handler/kube/keys.js'
import { FIELD_MANAGER, type Pod, type Service } from '../../handler/kube/port.js'
import { hasEnded, isActive } from '../support/roles.js'
import { changed, ownedBy } from '../support/stored.js'
import { NONE } from './model-cluster.js'
import type { World } from './model-world.js'
import { blinded, type State } from './state.js'

export interface Fault {
  readonly text: string
  readonly state: State
}

/** What may go wrong with the pod of this place. */
export function podFaults(world: World, state: State, place: number): Fault[] {
  const { faults, objects, podNames, freshPod, comers } = world
  const name = podNames[place] as string
  const id = state.cluster.pods[place] ?? NONE
  const pod = id === NONE ? undefined : objects.pods.value(id)
  const become = (next: Pod | undefined, text: string, isForeign = false): Fault => ({
    text,
    state: withPod(world, state, place, next, isForeign),
  })
  const found: Fault[] = []
  if (faults.has('recreated')) {
    const text = pod ? `pod ${name} is made again, with another uid` : `pod ${name} comes`
    found.push(become(freshPod(name, state.faultsLeft + 1), text))
  }
  if (!pod) {
    if (faults.has('comes')) found.push(...comers.map(({ text, make }) => comes(world, state, place, text, make(name))))
    return found
  }
  if (faults.has('deleted')) found.push(become(undefined, `pod ${name} is gone`))
  const isForeign = state.foreign[place] ?? false
  if (faults.has('terminating') && !pod.terminating) {
    found.push(become({ ...pod, terminating: true }, `pod ${name} is being deleted`, isForeign))
  }
  if (faults.has('ended') && !hasEnded(pod)) found.push(become(ended(pod), `pod ${name} has Failed`, isForeign))
  if (faults.has('label')) {
    const role = isActive(pod) ? 'passive' : 'active'
    const labelled = withLabels(pod, { ...pod.labels, role })
    const { text, state: after } = become(labelled, `a third party labels ${name} ${role}`, role === 'active')
    found.push({ text, state: blinded(after) })
  }
  if (faults.has('stripped')) {
    for (const keys of [['role'], [PIN], ['role', PIN]]) {
      if (!keys.every((key) => key in pod.labels)) continue
      const labels = Object.fromEntries(Object.entries(pod.labels).filter(([key]) => !keys.includes(key)))
      const what = keys.map((key) => (key === PIN ? 'pin' : key)).join(' and ')
      found.push(become(withLabels(pod, labels), `a third party takes the ${what} from ${name}`))
    }
  }
  return found
}

function withPod({ objects }: World, state: State, place: number, next: Pod | undefined, isForeign: boolean): State {
  return {
    ...state,
    foreign: state.foreign.with(place, isForeign),
    cluster: { ...state.cluster, pods: state.cluster.pods.with(place, next ? objects.pods.idOf(next) : NONE) },
  }
}

/** A pod that comes with a role, and whatever else somebody has put on it, is a third party's. */
function comes(world: World, state: State, place: number, text: string, pod: Pod): Fault {
  const after = withPod(world, state, place, pod, true)
  return { text: `pod ${pod.name} comes, ${text}`, state: isActive(pod) ? blinded(after) : after }
}

function withLabels(pod: Pod, labels: Pod['labels']): Pod {
  return ownedBy('kubectl-label', pod, { ...pod, labels })
}

/** As it is read then. */
function ended({ writers: _, ...pod }: Pod): Pod {
  return { ...pod, phase: 'Failed', ready: false, containers: [] }
}

/**
 * What the controller of the pods that were born with a role does once one of them has another: it lets go of it, and
 * makes one more. `undefined`: there is nothing to do.
 */
export function reaction(world: World, state: State): Fault | undefined {
  const { selectsRole, objects, podNames, comers } = world
  if (selectsRole === undefined) return undefined
  const isLost = ({ owner, labels }: Pod) => owner !== undefined && labels.role !== selectsRole
  const place = state.cluster.pods.findIndex((id) => id !== NONE && isLost(objects.pods.value(id)))
  if (place < 0) return undefined
  const { owner: _, ...orphan } = objects.pods.value(state.cluster.pods[place] as number)
  const isOurDoing = orphan.writers?.some(({ manager, labels }) => manager === FIELD_MANAGER && labels.includes('role'))
  const isForeign = state.foreign[place] ?? false
  const letGo = { ...withPod(world, state, place, orphan, isForeign), letGo: state.letGo + (isOurDoing ? 1 : 0) }
  const free = state.cluster.pods.indexOf(NONE)
  const [comer] = comers
  if (free < 0 || !comer)
    return { text: `the controller lets go of ${orphan.name}, and makes another pod`, state: letGo }
  const { text, state: after } = comes(world, letGo, free, comer.text, comer.make(podNames[free] as string))
  return { text: `the controller lets go of ${orphan.name}, and ${text}`, state: after }
}

/** What may go wrong with each of the Services. */
export function serviceFaults({ faults, objects, home }: World, state: State): Fault[] {
  return home.flatMap((written, place) => {
    const id = state.cluster.services[place] ?? NONE
    const become = (text: string, next: Service | undefined): Fault => ({
      text,
      state: {
        ...state,
        cluster: {
          ...state.cluster,
          services: state.cluster.services.with(place, next ? objects.services.idOf(next) : NONE),
        },
      },
    })
    const { name } = written
    const found: Fault[] = []
    if (faults.has('Service deleted')) {
      const generation = state.faultsLeft + 1
      // Versions are never given twice.
      const again = { ...written, uid: `${name}${generation}`, resourceVersion: `${generation * 1_000}` }
      found.push(become(`Service ${name} is ${id === NONE ? '' : 'deleted and '}made again`, again))
    }
    if (id === NONE) return found
    if (faults.has('Service deleted')) found.push(become(`Service ${name} is deleted`, undefined))
    if (!faults.has('selector')) return found
    const service = objects.services.value(id)
    const change = (text: string, next: Partial<Service>) => become(text, changed({ ...service, ...next }))
    found.push(change(`a third party writes Service ${name}, and changes nothing of ours`, {}))
    if (!isClaimed(service, 'role')) return found
    return [
      ...found,
      change(`a third party puts the selector of ${name} back`, { selector: written.selector }),
      change(`a third party applies Service ${name}: role and pin are both in its selector`, {
        selector: { ...service.selector, ...written.selector },
      }),
      change(`a third party replaces Service ${name}`, {
        selector: written.selector,
        annotations: written.annotations,
      }),
    ]
  })
}
