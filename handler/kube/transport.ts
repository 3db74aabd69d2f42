/**
 * Sends HTTP requests to the API server, with got: connections that are kept, time limits, and retries of reads and of
 * any request whose credential was refused.
 *
 * client-node's own transport opens a TLS connection for each request and has no timeout. Its generated API would add
 * 900 modules to every start. Only its hard part is used: credentials and trust.
 */
import { once } from 'node:events'
import type { Agent as HttpsAgent } from 'node:https'
import type { Readable } from 'node:stream'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import got, { HTTPError, type RequestError, type Response } from 'got'
import { version } from '../util/version.js'
import { dropIdle, type Pool } from './agents.js'
import { openIdentity, type Presented } from './auth/identity.js'
import { retriedOnce } from './auth/retried-once.js'
import { toGoJson } from './go-json.js'
import type { Opened, Receive } from './web-socket.js'

/** Limits of a request. */
export interface Limits extends Pool {
  readonly readTimeoutMs: number
  /**
   * The first attempt of a read waits this long for the answer to begin: its connection may be dead. The next one waits
   * longer.
   */
  readonly firstSilenceMs: number
  readonly writeTimeoutMs: number
  /**
   * The wait before a read is tried again, unless the server says otherwise, and before a refused credential is shown
   * again.
   */
  readonly retryDelayMs: number
  /** How long a credential plugin may run. */
  readonly pluginTimeoutMs: number
}

export const LIMITS: Limits = {
  readTimeoutMs: 15_000,
  firstSilenceMs: 5_000,
  writeTimeoutMs: 5_000,
  retryDelayMs: 200,
  pluginTimeoutMs: 20_000,
  maxSockets: 16,
  idleMs: 30_000,
}

/** The longest that a timer of Node's holds. */
const NO_LIMIT_MS = 2 ** 31 - 1

/** The limits of single requests that kubectl's --request-timeout means. 0: none; `undefined`: our own. */
export function requestLimits(requestTimeoutMs: number | undefined): Partial<Limits> {
  if (requestTimeoutMs === undefined) return {}
  const limit = requestTimeoutMs === 0 ? NO_LIMIT_MS : requestTimeoutMs
  // The first attempt of a read is given up early all the same: the next one waits for as long as it may.
  return { readTimeoutMs: limit, writeTimeoutMs: limit, firstSilenceMs: Math.min(limit, LIMITS.firstSilenceMs) }
}

const USER_AGENT = `active-passive/${version}`
const READ_RETRIES = 2
/** If a 429 asks for a longer wait, the 429 is the answer. */
const LONGEST_READ_DELAY_MS = 5_000

export interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfterMs: number | undefined
}

export interface Transport {
  /** The number of attempts sent so far. */
  readonly requests: number
  /** Any status is an answer. @throws Unanswered if there is none */
  get(path: string, signal: AbortSignal): Promise<Answer>
  /** Is carried out once at most: it is sent again only after a 401. @throws Unanswered */
  patch(path: string, contentType: string, body: unknown, signal: AbortSignal): Promise<Answer>
  /** Creates an object, and is sent again only after a 401. @throws Unanswered */
  post(path: string, body: unknown, signal: AbortSignal): Promise<Answer>
  /**
   * Resolves when a 200 begins; the caller then reads its lines, however long they take. Resolves to any other answer
   * as a whole. It is sent again only after a 401. @throws Unanswered
   */
  stream(path: string, signal: AbortSignal): Promise<Stream | Answer>
  /**
   * Resolves when a WebSocket is open. Resolves to any other answer as a whole. It is sent again only after a 401.
   * @throws Unanswered
   */
  webSocket(path: string, protocols: readonly string[], receive: Receive, signal: AbortSignal): Promise<Opened | Answer>
}

export interface Stream {
  /** The lines of the body, until its end. @throws Unanswered */
  readonly lines: AsyncIterable<string>
}

/**
 * `no-credentials`: nothing was sent. `no-answer`: no connection, a time limit, or an answer that is not HTTP. There is
 * no `cause`: got's errors hold the request's headers with the token, and might be printed.
 */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
  constructor(
    readonly kind: 'no-credentials' | 'no-answer',
    message: string,
    /** Node's error code, for instance ECONNREFUSED. */
    readonly code?: string,
  ) {
    super(message)
  }
}

/** Sends nothing before the first call. */
export function openTransport(config: KubeConfig, limits: Limits = LIMITS): Transport {
  const identity = openIdentity(config, limits)
  let requests = 0
  const way: Way = {
    server: config.getCurrentCluster()?.server.replace(/\/$/, '') ?? '',
    limits,
    count: () => {
      requests++
    },
  }

  const present = (signal: AbortSignal): Promise<Presented> =>
    identity.present(signal).catch((error: unknown) => {
      throw new Unanswered('no-credentials', error instanceof Error ? error.message : String(error))
    })

  const authenticated = async <A extends object>(
    signal: AbortSignal,
    attempt: (shown: Presented) => Promise<A>,
  ): Promise<A> => {
    if (signal.aborted) throw new Unanswered('no-answer', NO_TIME)
    return retriedOnce({ ...identity, present }, limits.retryDelayMs, signal, attempt)
  }

  return {
    get requests() {
      return requests
    },
    stream: (path, signal) => authenticated(signal, (shown) => streamOnce(way, shown, path, signal)),
    webSocket: (path, protocols, receive, signal) =>
      authenticated(signal, (shown) => upgradeOnce(way, shown, path, protocols, receive, signal)),
    get: (path, signal) => authenticated(signal, (shown) => sendOnce(way, shown, 'GET', path, signal)),
    patch: (path, contentType, body, signal) => {
      const sent = { headers: { 'content-type': contentType }, text: toGoJson(body) }
      return authenticated(signal, (shown) => sendOnce(way, shown, 'PATCH', path, signal, sent))
    },
    post: (path, body, signal) => {
      const sent = { headers: { 'content-type': 'application/json' }, text: toGoJson(body) }
      return authenticated(signal, (shown) => sendOnce(way, shown, 'POST', path, signal, sent))
    },
  }
}

/** Where and how requests are sent. */
interface Way {
  readonly server: string
  readonly limits: Limits
  /** Called for each attempt. */
  readonly count: () => void
}

async function sendOnce(
  { server, limits, count }: Way,
  { headers, agent }: Presented,
  method: 'GET' | 'PATCH' | 'POST',
  path: string,
  signal: AbortSignal,
  body?: Body,
): Promise<Answer> {
  let earlier: string | undefined
  const request = got(server + path, {
    method,
    headers: { accept: 'application/json', 'user-agent': USER_AGENT, ...headers, ...body?.headers },
    // As bytes: Node would send headers together with a text as UTF-8 a second time, and so change the user to act as.
    ...(body ? { body: Buffer.from(body.text) } : {}),
    agent: { http: agent, https: agent as HttpsAgent },
    timeout:
      method === 'GET'
        ? { request: limits.readTimeoutMs, response: limits.firstSilenceMs }
        : { request: limits.writeTimeoutMs },
    retry: {
      limit: method === 'GET' ? READ_RETRIES : 0,
      backoffLimit: limits.retryDelayMs,
      noise: 100,
      maxRetryAfter: LONGEST_READ_DELAY_MS,
    },
    followRedirect: false,
    hooks: {
      beforeRequest: [count],
      beforeRetry: [
        (error) => {
          earlier = error.message
          error.options.timeout = { request: limits.readTimeoutMs }
          if (!(error instanceof HTTPError)) dropIdle(agent)
        },
      ],
    },
    signal,
  })
  return request.then(answerOf, (error: unknown) => {
    if (error instanceof HTTPError) return answerOf(error.response as Response<string>)
    dropIdle(agent)
    throw noAnswer(error, earlier)
  })
}

async function streamOnce(
  { server, limits, count }: Way,
  { headers, agent }: Presented,
  path: string,
  signal: AbortSignal,
): Promise<Stream | Answer> {
  const request = got.stream(server + path, {
    headers: { accept: 'application/json', 'user-agent': USER_AGENT, ...headers },
    agent: { http: agent, https: agent as HttpsAgent },
    retry: { limit: 0 },
    throwHttpErrors: false,
    followRedirect: false,
    signal,
  })
  count()
  // got's own limits would apply to the whole stream, or only after the connection is made.
  const { readTimeoutMs } = limits
  const giveUp = () => request.destroy(new Error(`no answer within ${readTimeoutMs / 1_000} s`))
  const late = setTimeout(giveUp, readTimeoutMs)
  try {
    const [response] = (await once(request, 'response')) as [Response<string>]
    const lines = linesOf(request)
    if (response.statusCode === 200) return { lines }
    const body: string[] = []
    for await (const line of lines) body.push(line)
    return { ...answerOf(response), body: body.join('\n') }
  } catch (error) {
    throw noAnswer(error, undefined)
  } finally {
    clearTimeout(late)
  }
}

async function upgradeOnce(
  { server, count }: Way,
  { headers, agent }: Presented,
  path: string,
  protocols: readonly string[],
  receive: Receive,
  signal: AbortSignal,
): Promise<Opened | Answer> {
  const { openWebSocket } = await import('./web-socket.js') // hardly any pass needs it
  count()
  const shown = { headers: { 'user-agent': USER_AGENT, ...headers }, agent }
  const answer = await openWebSocket(server + path, protocols, shown, receive, signal).catch((error: unknown) => {
    throw noAnswer(error, undefined)
  })
  return 'status' in answer ? { ...answer, retryAfterMs: undefined } : answer
}

interface Body {
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

function answerOf({ statusCode, body, headers }: Response<string>): Answer {
  const seconds = Number(headers['retry-after'] || Number.NaN)
  return { status: statusCode, body, retryAfterMs: seconds >= 0 ? seconds * 1_000 : undefined }
}

async function* linesOf(body: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let parts: string[] = []
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n')
      parts.push(first)
      for (const next of others) {
        yield parts.join('')
        parts = [next]
      }
    }
  } catch (error) {
    throw noAnswer(error, undefined)
  }
  const rest = parts.join('')
  if (rest !== '') yield rest
}

const NO_TIME = 'no time left'

/** @param earlier the error of the attempts before */
function noAnswer(error: unknown, earlier: string | undefined): Unanswered {
  const { code, message } = error as RequestError
  const late = earlier === undefined ? NO_TIME : `${NO_TIME} to try again after: ${earlier}`
  return new Unanswered('no-answer', code === 'ERR_ABORTED' ? late : message || code, code)
}
