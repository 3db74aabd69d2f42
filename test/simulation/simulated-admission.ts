/**
 * A mutating policy that exists for a while: it gives a field of pods, or of Services, its old value back. It leaves
 * pods that have ended alone: nothing depends on writes to them, so a report has a warning at most.
 */
import { EPOCH, PIN } from '../../handler/kube/keys.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import { hasEnded } from '../support/roles.js'
import type { SimulatedGroup } from './groups.js'
import { oneOf } from './plan.js'

const FIELDS = ['role', 'role', 'pin', 'epoch', 'selector', 'none'] as const

interface Policy {
  readonly field: (typeof FIELDS)[number]
  /** The uid of the one pod that it is about; `undefined`: all. */
  readonly uid: string | undefined
}

type Texts = Readonly<Record<string, string>>

export class Admission {
  private readonly policies = new Map<string, Policy>()
  /** What was stored and is not what was asked for. */
  private readonly altered = new WeakSet<object>()

  /** From now on something else is changed in this group. */
  begin({ app, hasAdmission }: SimulatedGroup, pods: readonly Pod[], random: () => number): void {
    if (!hasAdmission) return
    const uid = pods.length > 0 && random() < 0.5 ? oneOf(random, pods).uid : undefined
    this.policies.set(app, { field: oneOf(random, FIELDS), uid })
  }

  end(): void {
    this.policies.clear()
  }

  isAltered(object: object): boolean {
    return this.altered.has(object)
  }

  /** What is stored in place of `after`. */
  admit<T extends Pod | Service>(before: T, after: T): T {
    const policy = this.policies.get(('selector' in after ? after.selector.app : after.labels.app) ?? '')
    if (!policy) return after
    const object = ('selector' in after ? after : admittedPod(policy, before as Pod, after)) as T
    const claimed =
      policy.field === 'selector' && 'selector' in after && PIN in after.selector
        ? { ...after, selector: (before as Service).selector }
        : object
    if (claimed !== after) this.altered.add(claimed)
    return claimed
  }
}

function admittedPod({ field, uid }: Policy, before: Pod, after: Pod): Pod {
  if ((uid !== undefined && uid !== after.uid) || hasEnded(after)) return after
  const { writers = [] } = before
  switch (field) {
    case 'role':
    case 'pin': {
      const key = field === 'pin' ? PIN : 'role'
      return before.labels[key] === after.labels[key]
        ? after
        : { ...after, labels: as(after.labels, key, before.labels), writers }
    }
    case 'epoch': {
      const { annotations = {} } = after
      return before.annotations?.[EPOCH] === annotations[EPOCH]
        ? after
        : { ...after, annotations: as(annotations, EPOCH, before.annotations), writers }
    }
    default:
      return after
  }
}

/** The same, but for one key, which is as it was. */
function as(map: Texts, key: string, was: Texts = {}): Texts {
  const { [key]: _, ...others } = map
  return key in was ? { ...others, [key]: was[key] as string } : others
}
