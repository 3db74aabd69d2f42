/** New pods that come with labels and annotations which no pass has written. */
import { ACTIVE_SINCE, EPOCH, PIN } from '../../handler/kube/keys.js'
import type { Pod, Writer } from '../../handler/kube/port.js'
import { aPod } from '../support/builders.js'
import type { Comer } from './model-world.js'

export type ComerKind = 'born active' | 'born passive' | 'copy, active' | 'copy, passive' | 'copy, without a role'

const REPLICA_SET = { kind: 'ReplicaSet', name: 'other-1', uid: 'rs' }

/** From a template that holds the role. */
export function bornPod(name: string, role: string): Pod {
  const controller = { manager: 'kube-controller-manager', created: true, owns: true }
  return aPod(name, {
    uid: name,
    labels: { role },
    annotations: undefined,
    owner: REPLICA_SET,
    writers: [{ ...controller, labels: ['app', 'role'], annotations: [] }],
  })
}

interface Copied {
  readonly role?: string
  /** The uid whose pin it carries. */
  readonly of: string
  readonly epoch: number
}

/** Somebody has taken a manifest out of a cluster, marks and all, and created a pod from it. */
export function copiedPod(name: string, { role, of, epoch }: Copied): Pod {
  const writer: Writer = {
    manager: 'kubectl-create',
    created: true,
    owns: false,
    labels: [PIN, 'app', ...(role ? ['role'] : [])],
    annotations: [EPOCH, ACTIVE_SINCE],
  }
  return aPod(name, {
    uid: name,
    labels: { [PIN]: of, ...(role ? { role } : {}) },
    annotations: { [EPOCH]: `${epoch}`, [ACTIVE_SINCE]: '2026-01-01T06:00:00.000Z' },
    writers: [writer],
  })
}

/** Of the first pod. */
const copyOf = (role?: string): Comer => ({
  text: `a copy of a${role ? `, ${role}` : ' without its role'}`,
  make: (name) => copiedPod(name, { of: 'a', epoch: 7, ...(role ? { role } : {}) }),
})

const born = (role: string): Comer => ({ text: `born ${role} by its template`, make: (name) => bornPod(name, role) })

export const COMERS: Readonly<Record<ComerKind, Comer>> = {
  'born active': born('active'),
  'born passive': born('passive'),
  'copy, active': copyOf('active'),
  'copy, passive': copyOf('passive'),
  'copy, without a role': copyOf(),
}
