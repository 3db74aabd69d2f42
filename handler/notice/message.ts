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

const MAX_BYTES = 2_048

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

/** In a chat, `<!channel>` and `@all` call everybody, and `<https://…|here>` is a link: tenants may have written it. */
function unaddressed(text: string): string {
  return text.replaceAll('<', '‹').replaceAll('>', '›').replaceAll('@', '＠')
}
