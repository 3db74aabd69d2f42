/**
 * HTTP to the API server: got, connections that are kept, limits on time, retries of reads only.
 *
 * client-node's own transport opens a TLS connection for each request and knows no timeout. Its generated API would
 * cost every start its 900 modules; what is taken from it is the part that is hard: who we are, and whom to trust.
 */
import type { Agent as HttpsAgent } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import got, { HTTPError, type RequestError, type Response } from 'got'
import { version } from '../version.js'
import { openIdentity, type Presented } from './auth/identity.js'

/** What a request may take. */
export interface Limits {
  readonly readTimeoutMs: number
  readonly writeTimeoutMs: number
  /** Before a read is tried again, where the server does not say. */
  readonly retryDelayMs: number
  /** For a credential plugin. */
  readonly pluginTimeoutMs: number
}

export const LIMITS: Limits = {
  readTimeoutMs: 15_000,
  writeTimeoutMs: 5_000,
  retryDelayMs: 200,
  pluginTimeoutMs: 20_000,
}

const READ_RETRIES = 2
/** Beyond it the 429 itself is the answer. */
const LONGEST_RETRY_AFTER_MS = 5_000

export interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfterMs: number | undefined
}

export interface Transport {
  /** Attempts sent so far. */
  readonly requests: number
  /** Any status is an answer. @throws Unanswered */
  get(path: string, signal: AbortSignal): Promise<Answer>
  /** Sent once. @throws Unanswered */
  patch(path: string, contentType: string, body: unknown, signal: AbortSignal): Promise<Answer>
}

/**
 * `no-credentials`: nothing was sent. `no-answer`: no connection, a time limit, an answer that is no HTTP. It has no
 * cause: got's errors hold the request's headers, and so the token, for everybody to print.
 */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
  constructor(
    readonly kind: 'no-credentials' | 'no-answer',
    message: string,
    /** Node's, for instance ECONNREFUSED. */
    readonly code?: string,
  ) {
    super(message)
  }
}

export function openTransport(config: KubeConfig, limits: Limits = LIMITS): Transport {
  const server = config.getCurrentCluster()?.server.replace(/\/$/, '') ?? ''
  const identity = openIdentity(config, limits.pluginTimeoutMs)
  let requests = 0

  const present = (signal: AbortSignal): Promise<Presented> =>
    identity.present(signal).catch((error: unknown) => {
      throw new Unanswered('no-credentials', error instanceof Error ? error.message : String(error))
    })

  const send = async (method: 'GET' | 'PATCH', path: string, signal: AbortSignal, body?: Body): Promise<Answer> => {
    if (signal.aborted) throw new Unanswered('no-answer', NO_TIME)
    const { headers, agent } = await present(signal)
    let earlier: string | undefined
    const request = got(server + path, {
      method,
      headers: { accept: 'application/json', 'user-agent': `active-passive/${version}`, ...headers, ...body?.headers },
      ...(body ? { body: body.text } : {}),
      agent: { http: agent, https: agent as HttpsAgent },
      timeout: { request: method === 'GET' ? limits.readTimeoutMs : limits.writeTimeoutMs },
      retry: {
        limit: method === 'GET' ? READ_RETRIES : 0,
        backoffLimit: limits.retryDelayMs,
        noise: 100,
        maxRetryAfter: LONGEST_RETRY_AFTER_MS,
      },
      followRedirect: false,
      hooks: {
        beforeRequest: [() => void requests++],
        beforeRetry: [
          ({ message }) => {
            earlier = message
          },
        ],
      },
      signal,
    })
    const answer = await request.then(answerOf, (error: unknown) => {
      if (error instanceof HTTPError) return answerOf(error.response as Response<string>)
      throw noAnswer(error, earlier)
    })
    if (answer.status === 401) identity.refused()
    return answer
  }

  return {
    get requests() {
      return requests
    },
    get: (path, signal) => send('GET', path, signal),
    patch: (path, contentType, body, signal) =>
      send('PATCH', path, signal, { headers: { 'content-type': contentType }, text: JSON.stringify(body) }),
  }
}

interface Body {
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

function answerOf({ statusCode, body, headers }: Response<string>): Answer {
  const seconds = Number(headers['retry-after'] || Number.NaN)
  return { status: statusCode, body, retryAfterMs: seconds >= 0 ? seconds * 1_000 : undefined }
}

const NO_TIME = 'no time left'

/** @param earlier what became of the attempts before */
function noAnswer(error: unknown, earlier: string | undefined): Unanswered {
  const { code, message } = error as RequestError
  const late = earlier === undefined ? NO_TIME : `${NO_TIME} to try again after: ${earlier}`
  return new Unanswered('no-answer', code === 'ERR_ABORTED' ? late : message || code, code)
}
