/** What third parties do: to pods, and to Services. Pure. */
import type { Pod, Service } from '../../handler/kube/port.js'
import { isClaimed } from '../../handler/latch.js'
import { changed } from '../support/stored.js'
import { NONE } from './cluster.js'
import { meddledWith, type State } from './state.js'
import type { World } from './world.js'

export interface Fault {
  readonly text: string
  readonly state: State
}

/** What may go wrong with the pod of this place. */
export function podFaults({ faults, objects, podNames, freshPod }: World, state: State, place: number): Fault[] {
  const name = podNames[place] as string
  const id = state.cluster.pods[place] ?? NONE
  const pod = id === NONE ? undefined : objects.pods.value(id)
  const become = (next: Pod | undefined, text: string, isForeign: boolean): Fault => ({
    text,
    state: {
      ...state,
      foreign: state.foreign.with(place, isForeign),
      cluster: { ...state.cluster, pods: state.cluster.pods.with(place, next ? objects.pods.idOf(next) : NONE) },
    },
  })
  const found: Fault[] = []
  if (faults.has('recreated')) {
    const text = pod ? `pod ${name} is made again, with another uid` : `pod ${name} comes`
    found.push(become(freshPod(name, state.faultsLeft + 1), text, false))
  }
  if (!pod) return found
  if (faults.has('deleted')) found.push(become(undefined, `pod ${name} is gone`, false))
  if (faults.has('terminating') && !pod.terminating) {
    found.push(become({ ...pod, terminating: true }, `pod ${name} is being deleted`, state.foreign[place] ?? false))
  }
  if (faults.has('label')) {
    const role = pod.labels.role === 'active' ? 'passive' : 'active'
    const labelled = { ...pod, labels: { ...pod.labels, role } }
    const { text, state: labelling } = become(labelled, `a third party labels ${name} ${role}`, role === 'active')
    const after = meddledWith(labelling)
    found.push({
      text,
      state: {
        ...after,
        blind: after.passes.map((point) => point !== undefined),
        flying: after.flying.map((one) => ({ ...one, blind: true })),
      },
    })
  }
  return found
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
    if (!isClaimed(service)) return found
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
