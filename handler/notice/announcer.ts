/**
 * Tells people of passes over groups, once all work on a group is done: by Events, and by notifications where they are
 * asked for. Nothing of the work waits for it.
 */
import { keyOf } from '../group/group-key.js'
import type { Group } from '../group/groups.js'
import type { Created, Events, KubeEvent } from '../kube/events.js'
import type { GroupReport } from '../report/report.js'
import type { Clock } from '../util/clock.js'
import { eventsOf } from './events.js'
import { messageOf } from './message.js'
import { type Notice, noticesOf } from './notices.js'
import type { Posts } from './posts.js'
import { Said } from './said.js'
import { inTurns } from './waiting.js'

/** Resolves to warnings. Never rejects for what servers and networks do. */
type Announce = (group: Announced, report: GroupReport, signal: AbortSignal) => Promise<readonly string[]>

type Announced = Pick<Group, 'namespace' | 'services' | 'members' | 'selector'>

interface AnnouncerOptions extends Events {
  readonly clock: Pick<Clock, 'now'>
  /** Absent: nobody wants notifications. */
  readonly posts?: Posts | undefined
  /** Of a process that makes several passes. Absent: of one pass. */
  readonly said?: Said | undefined
}

/** Most of a client's connections are left to the passes. */
const EVENTS_AT_ONCE = 2

export function announcer(options: AnnouncerOptions): Announce {
  const { clock, posts } = options
  const said = options.said ?? new Said()
  const toServer = inTurns(EVENTS_AT_ONCE)

  /** @returns the answer, or the last one if it is too early to ask again */
  const send = async (group: string, event: KubeEvent, signal: AbortSignal): Promise<Sent> => {
    const { namespace, name } = event
    const last = said.last(group, name, clock.now()) ?? said.refusal(namespace, clock.now())
    if (last) return { isNew: false, warning: last.warning }
    if (signal.aborted) return { isNew: false, warning: 'there was no time to write all Events' }
    const created = await options.createEvent(event, signal)
    const sent = sentBy(created, event)
    const attempt = { atMs: clock.now(), warning: sent.warning }
    said.attempted(group, name, attempt)
    if (isForbidden(created)) said.refusedIn(namespace, attempt)
    return sent
  }

  const post = async (notice: Notice, group: Announced, signal: AbortSignal): Promise<readonly string[]> => {
    const { reason, handover } = notice
    const about = { namespace: group.namespace, isHandover: handover !== undefined }
    const warning = await posts?.send({ ...about, reason, message: messageOf(notice, group) }, signal)
    return warning === undefined ? [] : [warning]
  }

  const tell = async (
    notice: Notice,
    group: Announced,
    events: readonly KubeEvent[],
    signal: AbortSignal,
  ): Promise<readonly string[]> => {
    const key = keyOf(group)
    // A handover is the pass's own act, and nobody else's. Its message does not wait for the Event.
    const told = notice.handover ? post(notice, group, signal) : []
    const about = { namespace: group.namespace, isHandover: notice.handover !== undefined }
    const sent = await Promise.all(events.map((event) => toServer(about, () => send(key, event, signal))))
    const warnings = sent.flatMap(({ warning }) => warning ?? [])
    if (notice.handover) return [...(await told), ...warnings]
    if (signal.aborted) return warnings // nobody was told: a later pass says it
    // Where the API server does not say whether the trouble is new, only a process that remembers can know.
    const [first] = sent
    const mayBeNew = first?.isNew || (first?.warning !== undefined && options.said !== undefined)
    return mayBeNew && said.isNews(key, events[0]?.name ?? '', clock.now())
      ? [...warnings, ...(await post(notice, group, signal))]
      : warnings
  }

  return async (group, report, signal) => {
    const told = noticesOf(group, report).map((notice) => ({
      notice,
      events: eventsOf(notice, group, report, clock.now()),
    }))
    said.keep(
      keyOf(group),
      told.flatMap(({ events }) => events.map(({ name }) => name)),
    )
    const warnings = await Promise.all(told.map(({ notice, events }) => tell(notice, group, events, signal)))
    return warnings.flat()
  }
}

interface Sent {
  /** Nobody has said it before. */
  readonly isNew: boolean
  readonly warning?: string | undefined
}

function sentBy(created: Created, { namespace, reason, service }: KubeEvent): Sent {
  if (created.kind !== 'failed') return { isNew: created.kind === 'created' }
  const { code, message, remedy } = created.error
  // A refusal is the same for all Services of a namespace, and is said once.
  const what =
    code === 'denied' ? 'no Events are written' : `no Event ${reason} about service ${namespace}/${service.name}`
  return { isNew: false, warning: `${what}: ${message}. ${remedy}` }
}

function isForbidden(created: Created): boolean {
  return created.kind === 'failed' && created.error.code === 'denied'
}
