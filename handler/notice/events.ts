/** Makes the Events of a notice: one for each Service of the group. Pure. */
import { createHash } from 'node:crypto'
import type { KubeEvent } from '../kube/events.js'
import type { GroupReport } from '../report/report.js'
import { printable } from '../util/printable.js'
import type { Notice, Noticed } from './notices.js'

/** The most Services of a group that get an Event. */
const MAX_SERVICES = 10
/** The API's limit. */
const MAX_NOTE_BYTES = 1_024

/** @param nowMs the time of a trouble, in epoch milliseconds. A handover has its own */
export function eventsOf(
  notice: Notice,
  { namespace, services }: Noticed,
  { members }: Pick<GroupReport, 'members'>,
  nowMs: number,
): readonly KubeEvent[] {
  const { type, reason, action, handover } = notice
  const pod = members.find((member) => member.pod.name === handover?.to)?.pod
  return services.slice(0, MAX_SERVICES).map(({ name, uid }) => ({
    ...{ namespace, type, reason, action },
    name: `${name}.${placeOf(notice)}${hashOf(uid, notice)}`,
    note: cutToBytes(printable(notice.text), MAX_NOTE_BYTES),
    timeMs: handover ? Date.parse(handover.at) : nowMs,
    service: { name, uid },
    ...(pod ? { pod: { name: pod.name, uid: pod.uid } } : {}),
  }))
}

/** `kubectl describe` shows our Events in the order of their names: by epoch, and first how the epoch began. */
function placeOf({ epoch, handover }: Notice): string {
  return `${epoch.toString(16).padStart(14, '0')}${handover ? 0 : 1}`
}

/** The same in every pass and every handler, so that the API server takes an Event once. */
function hashOf(uid: string, { reason, cause, epoch }: Notice): string {
  const text = JSON.stringify([uid, reason, cause, epoch])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** The beginning of a text, in UTF-8. */
export function cutToBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text
  const bytes = Buffer.from(text).subarray(0, most - Buffer.byteLength('…'))
  return `${bytes.toString().replace(/\uFFFD+$/, '')}…` // a character that was cut in two
}
