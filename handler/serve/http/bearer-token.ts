/** The bearer tokens that guard what changes something, or tells about pods. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { UsageError } from '../../util/errors.js'

/** `undefined` when the request may go on; otherwise why not, for whoever sent it. */
export type Guard = (request: Request) => Promise<string | undefined>

/** A changed file is noticed within that time, however many requests come. */
const REREAD_MS = 1_000

/** Nobody has to show anything: the port is on loopback only, or somebody else guards it. */
export const unguarded: Guard = async () => undefined

/**
 * Requests must carry one of the tokens that the file holds, one a line: of two, one may be the old one, until those who
 * send it have the other. A file that cannot be read later on leaves the last tokens valid.
 * @throws UsageError when there is none to begin with
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

/** @returns what is left of each when nobody may read it, or tell its length */
async function readTokens(file: string): Promise<readonly Buffer[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--token-file ${file}: cannot be read (${error.code ?? error.message})`)
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

/** In a time that tells nothing of where they differ, nor which of them it is. */
function isOneOf(given: string, tokens: readonly Buffer[]): boolean {
  const own = digest(Buffer.from(given, 'latin1'))
  return tokens.map((token) => timingSafeEqual(own, token)).includes(true)
}

/** @param token as it is sent: the text of a header has a character for each byte */
function digest(token: Buffer): Buffer {
  return createHash('sha256').update(token).digest()
}
