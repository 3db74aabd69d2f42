/**
 * A Kubernetes API in this process: `verbs.ts` behind a real HTTP server on loopback, with a log of the requests and
 * a place to make things go wrong. `test/contract` holds it to what a real kube-apiserver does.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Admission } from './admission.js'
import type { Json } from './json.js'
import { type Target, targetOf } from './resources.js'
import type { Answer } from './status.js'
import * as status from './status.js'
import { Store, type StoreOptions } from './store.js'
import * as verbs from './verbs.js'
import { type WatchEvent, watch } from './watch.js'

export interface ApiOptions extends StoreOptions {
  /** Served instead of a new, empty store; the other options are then without effect. */
  readonly store?: Store
}

/** A request as an interceptor sees it, before anything has been done about it. */
export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly contentType: string | undefined
  readonly userAgent: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The body: as JSON where it is that, as text otherwise; absent when empty. */
  readonly body?: Json
  /** What the path names; absent for what the API doesn't have. */
  readonly target?: Target
}

export interface LoggedRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly contentType: string | undefined
  readonly body?: Json
  /** 0 while, and if, there is no answer. */
  readonly status: number
  readonly userAgent: string | undefined
}

/** What goes wrong with a request. With `applied` it takes effect all the same, and only the answer is another. */
export type Fault =
  | ({ readonly kind: 'answer'; readonly applied?: boolean } & Answer)
  /** No answer, and the connection stays open. */
  | { readonly kind: 'hang'; readonly applied?: boolean }
  /** The connection is reset. */
  | { readonly kind: 'reset'; readonly applied?: boolean }

/** Decides about one request; `undefined` leaves it alone. What it awaits delays the request: it may land late. */
export type Interceptor = (request: ApiRequest) => Fault | undefined | Promise<Fault | undefined>

export interface Api {
  /** Without a slash at the end. */
  readonly url: string
  /** YAML, with a user that has a token, and namespace `default`. */
  readonly kubeconfig: string
  readonly store: Store
  /** All requests since the start or the last `clearRequests`, in the order in which they arrived. */
  readonly requests: readonly LoggedRequest[]
  clearRequests(): void
  /** TCP connections accepted so far. */
  readonly connections: number
  /** The interceptor that was added first and has an opinion decides. @returns a function that takes it out. */
  intercept(interceptor: Interceptor): () => void
  /** Shows it each write from now on, after those that were added before. @returns a function that takes it out. */
  admit(admission: Admission): () => void
  /** Ends the server and destroys its sockets. */
  close(): Promise<void>
}

const maxBodyBytes = 3 * 1024 * 1024

/** Starts an API on a free port of 127.0.0.1. */
export async function startApi(options: ApiOptions = {}): Promise<Api> {
  const store = options.store ?? new Store(options)
  const log: Mutable<LoggedRequest>[] = []
  const interceptors = new Set<Interceptor>()
  const admissions = new Set<Admission>()
  const sockets = new Set<Socket>()
  let connections = 0

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const text = await textOf(incoming)
    const request = requestOf(incoming, text)
    const { method, path, query, contentType, body, userAgent } = request
    const entry: Mutable<LoggedRequest> = {
      ...{ method, path, query, contentType, userAgent, status: 0 },
      ...(body === undefined ? {} : { body }),
    }
    log.push(entry)
    const send = (answer: Answer) => {
      entry.status = answer.status
      respond(response, answer)
    }
    const fault = await faultOf(interceptors, request)
    if (fault === undefined && isWatch(request)) return serveWatch(store, request, response, entry)
    const answer = fault === undefined || fault.applied ? handle(store, request, text, admissions) : undefined
    if (fault?.kind === 'answer') send(fault)
    else if (fault?.kind === 'reset') incoming.socket.resetAndDestroy()
    else if (fault === undefined && answer !== undefined) send(answer)
  }

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      // a client that went away in the middle of its request is no fault of the server
      if (!incoming.socket.destroyed) respond(response, status.internalError(String(error)))
    })
  })
  server.keepAliveTimeout = 90_000
  server.on('connection', (socket) => {
    connections++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url,
    kubeconfig: kubeconfigFor(url),
    store,
    requests: log,
    clearRequests: () => {
      log.length = 0
    },
    get connections() {
      return connections
    },
    intercept: (interceptor) => {
      interceptors.add(interceptor)
      return () => void interceptors.delete(interceptor)
    },
    admit: (admission) => {
      admissions.add(admission)
      return () => void admissions.delete(admission)
    },
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

async function faultOf(interceptors: ReadonlySet<Interceptor>, request: ApiRequest): Promise<Fault | undefined> {
  for (const interceptor of [...interceptors]) {
    const fault = await interceptor(request)
    if (fault !== undefined) return fault
  }
  return undefined
}

const isWatch = ({ method, target, query }: ApiRequest) =>
  method === 'GET' && target !== undefined && target.name === undefined && /^(true|1)$/.test(query.watch ?? '')

/** What the API answers, whoever asks. */
function handle(store: Store, request: ApiRequest, body: string, admissions: Iterable<Admission>): Answer {
  const { method, path, query, contentType, target, userAgent } = request
  const client = { userAgent, admissions }
  if (target === undefined) return handleOther(path)
  if (Buffer.byteLength(body) > maxBodyBytes) return status.tooLarge(`limit is ${maxBodyBytes}`)
  const { namespace, name } = target
  const mediaType = contentType?.split(';')[0]?.trim()
  if (namespace === undefined || name === undefined) {
    if (method === 'GET') return verbs.list(store, target, query)
    if (method !== 'POST' || namespace === undefined) return status.methodNotAllowed()
    const isJson = mediaType === undefined || mediaType === 'application/json'
    return isJson ? verbs.create(store, target, body, query, client) : status.unsupportedBodyType()
  }
  const object = { ...target, namespace, name }
  if (method === 'GET') return verbs.get(store, object)
  if (method === 'PATCH') {
    const type = patchTypes.get(mediaType ?? '')
    return type === undefined ? status.unsupportedPatchType() : verbs.patch(store, object, type, body, query, client)
  }
  return method === 'DELETE' && !target.status ? verbs.remove(store, object, body, query) : status.methodNotAllowed()
}

const patchTypes: ReadonlyMap<string, verbs.PatchType> = new Map([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
])

function handleOther(path: string): Answer {
  if (['/readyz', '/livez', '/healthz'].includes(path)) return { status: 200, body: 'ok' }
  if (path === '/version') return { status: 200, body: { major: '1', minor: '36', gitVersion: 'v1.36.3' } }
  return /^\/api\/v1\/|^\/apis\/events\.k8s\.io\/v1\//.test(path) ? status.noSuchResource() : status.noSuchPath()
}

function serveWatch(
  store: Store,
  { target, query }: ApiRequest,
  response: ServerResponse,
  entry: Mutable<LoggedRequest>,
): void {
  if (target === undefined) return
  const early: WatchEvent[] = []
  let write = (event: WatchEvent): void => void early.push(event)
  const end = watch(store, target, query, (event) => write(event))
  if (typeof end !== 'function') {
    entry.status = end.status
    respond(response, end)
    return
  }
  entry.status = 200
  write = (event) => {
    response.write(`${JSON.stringify(event)}\n`)
    if (event.type === 'ERROR') response.end()
  }
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' })
  response.flushHeaders()
  for (const event of early) write(event)
  const seconds = Number(query.timeoutSeconds)
  const timer = seconds > 0 ? setTimeout(() => response.end(), seconds * 1_000) : undefined
  response.once('close', () => {
    clearTimeout(timer)
    end()
  })
}

function respond(response: ServerResponse, { status: code, body, headers = {} }: Answer): void {
  const isText = typeof body === 'string'
  const bytes = Buffer.from(isText ? body : `${JSON.stringify(body)}\n`)
  response.writeHead(code, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    'cache-control': 'no-cache, private',
    'content-length': bytes.length,
    ...headers,
  })
  response.end(bytes)
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function requestOf(incoming: IncomingMessage, text: string): ApiRequest {
  const url = new URL(incoming.url ?? '/', 'http://127.0.0.1')
  const target = targetOf(url.pathname)
  return {
    method: incoming.method ?? '',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    contentType: incoming.headers['content-type'],
    userAgent: incoming.headers['user-agent'],
    headers: incoming.headers,
    ...(text === '' ? {} : { body: jsonOrText(text) }),
    ...(target === undefined ? {} : { target }),
  }
}

function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

/** The client library refuses plain HTTP unless it may skip verification. */
const kubeconfigFor = (url: string) => `apiVersion: v1
kind: Config
clusters:
  - name: in-process
    cluster:
      server: ${url}
      insecure-skip-tls-verify: true
users:
  - name: tester
    user:
      token: in-process
contexts:
  - name: in-process
    context:
      cluster: in-process
      user: tester
      namespace: default
current-context: in-process
`
