/** The bearer tokens that guard the routes that change something, or tell about pods. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { UsageError } from '../../util/errors.js'
import { whyUnreadable } from '../../util/unreadable.js'

/** Resolves with `undefined` when the request may go on; otherwise with the reason, for its sender. */
export type Guard = (request: Request) => Promise<string | undefined>

/** A changed file is noticed after this time. However many requests come, the file is not read more often. */
const REREAD_MS = 1_000

/** Needs no token: the port is on loopback only, or something else guards it. */
export const unguarded: Guard = async () => undefined

/**
 * Requests must carry one of the tokens that the file holds, one a line. The file may hold an old and a new token until
 * all clients send the new one. When the file cannot be read later on, the last tokens stay valid.
 * @throws UsageError when the file holds no token at the start
 */
export async function guardedBy(
  file: string,
  warn: (message: string) => void,
  now = () => performance.now(),
): Promise<Guard> {
  let tokens = await readTokens(file)
  let readAtMs = now()
  let complaint = ''
  const current = async (): Promise<readonly Buffer[]> => {
    if (now() - readAtMs < REREAD_MS) return tokens
    readAtMs = now()
    try {
      tokens = await readTokens(file)
      complaint = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== complaint) warn(`${message}; what was read before is still valid`)
      complaint = message
    }
    return tokens
  }
  return async ({ headers }) => {
    const given = /^Bearer +([^\t ]+) *$/i.exec(headers.get('authorization') ?? '')?.[1]
    if (given === undefined) return 'no bearer token: send the header Authorization: Bearer TOKEN'
    return isOneOf(given, await current()) ? undefined : 'wrong bearer token'
  }
}

/** @returns the digest of each token, which tells neither the token nor its length */
async function readTokens(file: string): Promise<readonly Buffer[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `--token-file ${file}: cannot be read: ${whyUnreadable(error)}. It should hold one token a line`,
    )
  })
  const lines = text.split('\n').map((line) => line.trim())
  const wrong = lines.findIndex((line) => /\s/.test(line))
  if (wrong >= 0) {
    throw new UsageError(
      `--token-file ${file}: line ${wrong + 1} holds more than one word: a line is to hold one token`,
    )
  }
  const tokens = lines.filter((line) => line !== '')
  if (tokens.length === 0) throw new UsageError(`--token-file ${file}: is empty, which should hold a token`)
  const isUnsendable = (line: string) => /[^ -~\x80-\u{10ffff}]/u.test(line)
  if (lines.some(isUnsendable)) {
    throw new UsageError(`--token-file ${file}: holds a control character, which no header can carry: is it UTF-16?`)
  }
  return tokens.map((token) => digest(Buffer.from(token)))
}

/** Takes the same time wherever the texts differ, and whichever token matches. */
function isOneOf(given: string, tokens: readonly Buffer[]): boolean {
  const own = digest(Buffer.from(given, 'latin1'))
  return tokens.map((token) => timingSafeEqual(own, token)).includes(true)
}

/** @param token its bytes as they are sent: the text of a header has a character for each byte */
function digest(token: Buffer): Buffer {
  return createHash('sha256').update(token).digest()
}
