/**
 * Sends notifications: one POST each. The URL is a secret, as those of chat webhooks are: nothing here prints any part
 * of it, and errors are told by their codes, because the messages of Node may hold its host.
 */
import { readFile } from 'node:fs/promises'
import { type Agent as HttpAgent, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { agentFor } from '../kube/auth/agent-for.js'
import type { Clock } from '../util/clock.js'
import { UsageError } from '../util/errors.js'
import { whyUnreadable } from '../util/unreadable.js'
import { version } from '../util/version.js'
import { type NotifySource, parseNotifyUrl } from './notify-url.js'
import type { Notify } from './posts.js'

/** The limit of one POST, in all. */
const LIMIT_MS = 3_000
const MAX_FILE_BYTES = 16_384

type Environment = Readonly<Record<string, string | undefined>>

/** @param env for the proxy */
export function notifier(source: NotifySource, env: Environment, { sleep }: Pick<Clock, 'sleep'>): Notify {
  return async (message, signal) => {
    const over = new AbortController()
    const late = AbortSignal.any([signal, over.signal])
    void sleep(LIMIT_MS, late).then(() => over.abort())
    try {
      const url = await urlOf(source)
      const status = await post(url, await agentFor(url, env, late), JSON.stringify(message), late)
      return status >= 200 && status < 300 ? undefined : `${FAILED} it was answered with ${describeStatus(status)}`
    } catch (error) {
      return `${FAILED} ${late.aborted ? `no answer within ${LIMIT_MS / 1_000} s` : describe(error)}`
    } finally {
      over.abort()
    }
  }
}

const FAILED = 'the notification failed:'

/** What is wrong with the URL as it is now. `undefined`: nothing. */
export function problemOf(source: NotifySource): Promise<string | undefined> {
  return urlOf(source).then(
    () => undefined,
    (error: unknown) => `there are no notifications: ${describe(error)}`,
  )
}

/** Reads it each time: a Secret that is mounted changes. @throws UsageError */
async function urlOf(source: NotifySource): Promise<URL> {
  if ('url' in source) return source.url
  const { file, flag } = source
  const where = `the file of ${flag}, ${JSON.stringify(file)},`
  const text = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${where} cannot be read: ${whyUnreadable(error)}. It should hold the URL to send to`)
  })
  const url = text.length > MAX_FILE_BYTES ? undefined : parseNotifyUrl(text.toString())
  if (!url) throw new UsageError(`${where} should hold one http:// or https:// URL, and nothing else`)
  return url
}

/** Resolves to the status as soon as that is known. Redirects are not followed: they may lead anywhere. */
function post(url: URL, agent: HttpAgent, body: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': `active-passive/${version}`,
    }
    const request = send(url, { method: 'POST', headers, agent, signal }, ({ statusCode = 0 }) => {
      resolve(statusCode)
      request.destroy() // whatever the body is, and however long
    })
    request.once('error', reject)
    request.on('error', () => {}) // of a connection that breaks later
    request.end(body)
  })
}

function describeStatus(status: number): string {
  const isRedirect = status >= 300 && status < 400
  return `status ${status}${isRedirect ? ', a redirect, which is not followed: name the address that it leads to' : ''}`
}

function describe(error: unknown): string {
  if (error instanceof UsageError) return error.message
  const { code } = error as NodeJS.ErrnoException
  return `no connection (${code ?? 'no HTTP'})`
}
