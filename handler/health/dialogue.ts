/** Runs `tcp://` checks that say something and wait for an answer. */
import type { Socket } from 'node:net'
import { redacted } from '../util/printable.js'
import { openConnection } from './connection.js'
import { type Limit, limited } from './limit.js'
import type { ProbeResult } from './probe-result.js'
import type { Dialogue, DialogueTarget } from './targets.js'

/** How much of what the server says is searched. */
const MAX_HEARD_BYTES = 64 << 10
/** How much of it is looked at for an excerpt, and how much of that is shown. */
const MAX_EXCERPT_BYTES = 8 << 10
const MAX_EXCERPT_LENGTH = 80
/** Shorter parts of what is sent are no secret. */
const MIN_SECRET_LENGTH = 3

/**
 * Connects, sends the text if there is one, and reads until all that is expected has come. What the server says before
 * it is asked counts too. Ends within `timeoutMs` milliseconds or as soon as `signal` is aborted. Leaves no socket open.
 * Never throws.
 */
export function probeDialogue(target: DialogueTarget, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return limited(timeoutMs, signal, async (limit) => {
    const { host, port } = target
    const socket = await openConnection({ host, port }, limit.signal, () => {
      limit.isReached = true
    })
    try {
      return await talk(socket, target.dialogue, limit)
    } finally {
      socket.destroy()
    }
  })
}

async function talk(socket: Socket, dialogue: Dialogue, limit: Limit): Promise<Omit<ProbeResult, 'ms'>> {
  const heard = new Heard(dialogue.expect)
  const excerpt = () => `: ${excerptOf(heard.bytes, dialogue.send)}`
  if (dialogue.send) socket.write(dialogue.send, 'latin1')
  try {
    for await (const chunk of socket) {
      heard.add(chunk)
      if (heard.isComplete) return { healthy: true, text: 'open, with the expected answer' }
      if (heard.isFull) return { healthy: false, text: `open, but not the expected answer in 64 KiB${excerpt()}` }
      limit.late = 'open, but not the expected answer within'
      limit.detail = excerpt
    }
  } catch (error) {
    if (heard.bytes.length === 0) throw error
  }
  if (heard.bytes.length === 0) return { healthy: false, text: 'closed before the expected answer' }
  return { healthy: false, text: `open, but not the expected answer${excerpt()}` }
}

/** What a server has said so far. A text is looked for once in each place, however small the pieces are. */
class Heard {
  private readonly buffer = Buffer.alloc(MAX_HEARD_BYTES)
  private length = 0
  private missing: readonly string[]

  constructor(expected: readonly string[]) {
    this.missing = expected
  }

  add(chunk: Buffer): void {
    const before = this.length
    this.length += chunk.copy(this.buffer, before)
    const { bytes } = this
    this.missing = this.missing.filter(
      (text) => bytes.indexOf(text, Math.max(0, before - text.length + 1), 'latin1') < 0,
    )
  }

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  get isComplete(): boolean {
    return this.missing.length === 0
  }

  get isFull(): boolean {
    return this.length === MAX_HEARD_BYTES
  }
}

/**
 * The beginning of an answer, in quotes. It holds no word of what was sent: servers repeat that in their errors, and it
 * may be a password.
 */
function excerptOf(heard: Buffer, sent: string): string {
  const text = heard.toString('latin1', 0, MAX_EXCERPT_BYTES)
  const words = [sent, ...sent.split(/\s+/), ...sent.split(/[^0-9A-Za-z_\x80-\xff]+/)]
  const secrets = words.filter((word) => word.length >= MIN_SECRET_LENGTH).sort((a, b) => b.length - a.length)
  const hidden = secrets.reduce((rest, word) => withoutBeginning(rest.replaceAll(word, '*'), word), text)
  const shown = redacted(Buffer.from(hidden, 'latin1').toString()).trim()
  const isLong = shown.length > MAX_EXCERPT_LENGTH
  return JSON.stringify(isLong ? `${shown.slice(0, MAX_EXCERPT_LENGTH)}…` : shown)
}

/** The text without the beginning of a word at its end: the rest may still be on its way. */
function withoutBeginning(text: string, word: string): string {
  for (let length = Math.min(word.length, text.length); length >= MIN_SECRET_LENGTH; length--) {
    if (text.endsWith(word.slice(0, length))) return `${text.slice(0, -length)}*`
  }
  return text
}
