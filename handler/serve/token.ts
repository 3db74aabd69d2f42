/** The bearer token that guards what changes something, or tells about pods. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { UsageError } from '../errors.js'

/** `undefined` when the request may go on; otherwise why not, for whoever sent it. */
export type Guard = (request: Request) => Promise<string | undefined>

/** A changed file is noticed within that time, however many requests come. */
const REREAD_MS = 1_000

/** Nobody has to show anything: the port is on loopback only, or somebody else guards it. */
export const unguarded: Guard = async () => undefined

/**
 * Requests must carry the token that the file holds. A file that cannot be read later on leaves the last token valid.
 * @throws UsageError when there is none to begin with
 */
export async function guardedBy(
  file: string,
  warn: (message: string) => void,
  now = () => performance.now(),
): Promise<Guard> {
  let token = await readToken(file)
  let readAtMs = now()
  let complaint = ''
  const current = async (): Promise<string> => {
    if (now() - readAtMs < REREAD_MS) return token
    readAtMs = now()
    try {
      token = await readToken(file)
      complaint = ''
    } catch (error) {
      const { message } = error as Error
      if (message !== complaint) warn(`${message}; the token read before is still valid`)
      complaint = message
    }
    return token
  }
  return async ({ headers }) => {
    const given = /^Bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1]
    if (given === undefined) return 'no bearer token: send the header Authorization: Bearer TOKEN'
    return isSame(given, await current()) ? undefined : 'wrong bearer token'
  }
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--token-file ${file}: cannot be read (${error.code ?? error.message})`)
  })
  const token = text.trim()
  if (token === '') throw new UsageError(`--token-file ${file}: is empty, which should hold a token`)
  if (/\s/.test(token)) throw new UsageError(`--token-file ${file}: should hold one word, the token`)
  return token
}

/** In a time that tells nothing of where they differ, nor of the token's length. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer]
  return timingSafeEqual(a, b)
}
