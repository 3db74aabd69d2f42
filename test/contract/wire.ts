/** Raw HTTP to an API server, with nothing between the test and the bytes. */
import { once } from 'node:events'
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as overHttp } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent, request as overHttps } from 'node:https'
import type { Json, JsonObject } from '../support/api/json.js'

export interface Sent {
  /** Text as it is, anything else as JSON. */
  readonly body?: Json
  readonly type?: string
  readonly query?: Readonly<Record<string, string>>
  /** Somebody else to be for this request: a user without any rights. */
  readonly user?: string
  readonly userAgent?: string
}

/** What admission is to do with the pods of a namespace. */
export type AdmissionRule =
  /** An update gives the label the value that it had. */
  | { readonly kind: 'keep'; readonly label: string }
  /** A pod with the annotation is refused, with these words and this reason. */
  | {
      readonly kind: 'deny'
      readonly annotation: string
      readonly message: string
      readonly reason?: 'Invalid' | 'Forbidden'
    }

export interface Received {
  readonly status: number
  readonly text: string
  /** @throws where the text is not one JSON document. */
  readonly body: JsonObject
}

/** An API server, for the length of a test file. */
export interface Connection {
  send(method: string, path: string, sent?: Sent): Promise<Received>
  /** Calls back for each event until the returned function is called. Resolves when the server has begun to answer. */
  watch(
    path: string,
    query: Readonly<Record<string, string>>,
    onEvent: (event: JsonObject) => void,
  ): Promise<() => void>
  /** A namespace that nothing else uses, ready for pods. */
  namespace(): Promise<string>
  /** Makes admission do this in the namespace, in a moment. @returns the name of the policy. */
  admit(namespace: string, rule: AdmissionRule): Promise<string>
  close(): Promise<void>
}

/** The raw half of a connection: everything but what the server is to have. */
export type Wire = Omit<Connection, 'namespace' | 'admit'>

/** @param tls what to show and to trust there, if it is https. @param headers sent with every request. */
export function wireTo(url: string, tls: AgentOptions = {}, headers: Readonly<Record<string, string>> = {}): Wire {
  const secure = url.startsWith('https:')
  const agent = secure ? new HttpsAgent({ ...tls, keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const begin = async (
    method: string,
    path: string,
    { body, type, query = {}, user, userAgent }: Sent,
  ): Promise<[ClientRequest, IncomingMessage]> => {
    const target = `${url}${path}?${new URLSearchParams(query)}`
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const all = {
      ...headers,
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(text === undefined ? {} : { 'content-length': Buffer.byteLength(text) }),
      ...(user === undefined ? {} : { 'impersonate-user': user }),
      ...(userAgent === undefined ? {} : { 'user-agent': userAgent }),
    }
    const outgoing = (secure ? overHttps : overHttp)(target, { method, headers: all, agent })
    outgoing.end(text)
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    return [outgoing, incoming]
  }
  return {
    send: async (method, path, sent = {}) => {
      const [, incoming] = await begin(method, path, sent)
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      const text = Buffer.concat(chunks).toString()
      return {
        status: incoming.statusCode ?? 0,
        text,
        get body() {
          return JSON.parse(text) as JsonObject
        },
      }
    },
    watch: async (path, query, onEvent) => {
      const [outgoing, incoming] = await begin('GET', path, { query: { ...query, watch: 'true' } })
      // ending a watch is abrupt on purpose
      outgoing.on('error', () => {})
      incoming.on('error', () => {})
      let unfinished = ''
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (unfinished + chunk).split('\n')
        unfinished = lines.pop() ?? ''
        for (const line of lines) onEvent(JSON.parse(line) as JsonObject)
      })
      return () => void outgoing.destroy()
    },
    close: async () => agent.destroy(),
  }
}
