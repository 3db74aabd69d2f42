/** The message of a notification. Pure. */
import type { HistoryEntry } from '../group/history.js'
import { printable } from '../util/printable.js'
import { cutToBytes } from './events.js'
import type { Notice, Noticed } from './notices.js'

/** The body of the POST, as JSON. */
export interface Message {
  /** All of it in one sentence. Chat webhooks show this field. */
  readonly text: string
  readonly namespace: string
  /** The first Service of the group. */
  readonly service: string
  readonly handover: HistoryEntry | null
  readonly trouble: { readonly reason: string; readonly text: string } | null
  /** Always false: a dry run tells nobody. */
  readonly dryRun: false
}

/** The body of a POST about several handovers that were to be told of at once. */
export interface Digest extends Readonly<Record<'namespace' | 'service' | 'handover' | 'trouble', null>> {
  readonly text: string
  readonly handovers: readonly (Pick<Message, 'namespace' | 'service'> & HistoryEntry)[]
  readonly dryRun: false
}

const MAX_BYTES = 2_048
/** The most groups of one reason that the text of a digest names. */
const MAX_NAMED = 20

export function messageOf(
  { reason, text, handover }: Notice,
  { namespace, services }: Pick<Noticed, 'namespace' | 'services'>,
): Message {
  const names = services.map(({ name }) => name)
  const said = cutToBytes(unaddressed(printable(text)), MAX_BYTES)
  return {
    text: `${namespace}/${names.slice(0, 3).join(',')}${names.length > 3 ? ',…' : ''}: ${reason}: ${said}`,
    namespace,
    service: names[0] ?? '',
    handover: handover ?? null,
    trouble: handover ? null : { reason, text: said },
    dryRun: false,
  }
}

/** @param posts each about a handover */
export function digestOf(posts: readonly { readonly reason: string; readonly message: Message }[]): Digest {
  const reasons = [...new Set(posts.map(({ reason }) => reason))]
  const parts = reasons.map((wanted) => {
    const names = posts.flatMap(({ reason, message: { namespace, service } }) =>
      reason === wanted ? [`${namespace}/${service}`] : [],
    )
    const more = names.length - MAX_NAMED
    return `${wanted}: ${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  })
  return {
    text: `${posts.length} groups: ${parts.join('; ')}`,
    ...{ namespace: null, service: null, handover: null, trouble: null },
    handovers: posts.flatMap(({ message: { namespace, service, handover } }) =>
      handover ? [{ namespace, service, ...handover }] : [],
    ),
    dryRun: false,
  }
}

/** In a chat, `<!channel>` and `@all` call everybody, and `<https://…|here>` is a link: tenants may have written it. */
function unaddressed(text: string): string {
  return text.replaceAll('<', '‹').replaceAll('>', '›').replaceAll('@', '＠')
}
