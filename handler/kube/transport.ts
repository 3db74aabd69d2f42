/**
 * HTTP to the API server: got, one keep-alive agent, limits on time, retries of reads only.
 *
 * client-node's own transport opens a TLS connection for each request and knows no timeout. Its generated API would
 * cost every start its 900 modules; what is taken from it is the part that is hard: who we are, and whom to trust.
 */
import { Agent as HttpAgent } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { RequestContext } from '@kubernetes/client-node/dist/gen/http/http.js'
import got, { HTTPError, RequestError, type Response } from 'got'
import { version } from '../version.js'

const READ_TIMEOUT_MS = 15_000
const WRITE_TIMEOUT_MS = 5_000
const READ_RETRIES = 2
const MAX_SOCKETS = 16

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

/** No answer: no connection, no credentials, a time limit. `sent` is false when the server cannot have seen it. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

export function openTransport(config: KubeConfig): Transport {
  const server = config.getCurrentCluster()?.server.replace(/\/$/, '') ?? ''
  const agentFor = keepAliveAgents()
  let requests = 0

  const send = async (method: 'GET' | 'PATCH', path: string, signal: AbortSignal, body?: Body): Promise<Answer> => {
    try {
      const context = new RequestContext(server + path, method as never)
      await unlessAborted(config.applySecurityAuthentication(context), signal)
      const agent = agentFor(context.getAgent() as HttpAgent | HttpsAgent)
      const response = await got(server + path, {
        method,
        headers: {
          accept: 'application/json',
          'user-agent': `active-passive/${version}`,
          ...trimmed(context.getHeaders()),
          ...body?.headers,
        },
        ...(body ? { body: body.text } : {}),
        agent: { http: agent as HttpAgent, https: agent as HttpsAgent },
        timeout: { request: method === 'GET' ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS },
        retry: { limit: method === 'GET' ? READ_RETRIES : 0, backoffLimit: 1_000 },
        followRedirect: false,
        hooks: { beforeRequest: [() => void requests++] },
        signal,
      })
      return answer(response)
    } catch (error) {
      if (error instanceof HTTPError) return answer(error.response as Response<string>)
      throw new Unanswered(reason(error), { cause: error })
    }
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

function answer({ statusCode, body, headers }: Response<string>): Answer {
  const seconds = Number(headers['retry-after'])
  return { status: statusCode, body, retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : undefined }
}

/**
 * client-node makes an agent for each request, which holds the trust and the certificates as they are at that moment.
 * One that keeps its connections is made from it, and another only when those have changed.
 */
function keepAliveAgents(): (fresh: HttpAgent | HttpsAgent) => HttpAgent | HttpsAgent {
  let current: HttpAgent | HttpsAgent | undefined
  let identity: string | undefined
  return (fresh) => {
    const options = (fresh as { options?: AgentOptions }).options ?? {}
    const seen = JSON.stringify(
      [fresh.constructor.name, options.ca, options.cert, options.key, options.servername].map(String),
    )
    if (current === undefined || seen !== identity) {
      current?.destroy()
      identity = seen
      current = keepAlive(fresh, options)
    }
    return current
  }
}

function keepAlive(agent: HttpAgent | HttpsAgent, options: AgentOptions): HttpAgent | HttpsAgent {
  const settings = { ...options, keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: 'lifo' as const }
  if (agent.constructor === HttpsAgent) return new HttpsAgent(settings)
  if (agent.constructor === HttpAgent) return new HttpAgent(settings)
  return Object.assign(agent, { keepAlive: true, maxSockets: MAX_SOCKETS }) // a proxy's
}

/** A credential plugin that hangs must not hang the pass. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let abort: () => void = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(new Error('no credentials in time'))
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** A token that was read from a file may end in a line feed, which no header may. */
function trimmed(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.trim()]))
}

function reason(error: unknown): string {
  if (error instanceof RequestError) return error.code === 'ERR_ABORTED' ? 'no time left' : error.message || error.code
  return error instanceof Error ? error.message : String(error)
}
