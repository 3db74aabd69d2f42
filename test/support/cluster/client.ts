// Plain calls to an API server, for tests: what they set up and look at does not go through the code under test.
import https from 'node:https'
import { createInterface } from 'node:readline'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import got from 'got'

/** As much of an object as most tests look at. Calls take a narrower type where a test needs one. */
export interface KubeObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly resourceVersion: string
    readonly deletionTimestamp?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
}

export interface KubeList<T = KubeObject> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly T[]
}

/** What `watch` yields, one for each line that the API server sends. */
export interface WatchEvent<T = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: T
}

/** Content types of patches. */
export const jsonPatch = 'application/json-patch+json'
export const mergePatch = 'application/merge-patch+json'
export const applyPatch = 'application/apply-patch+yaml'

/** The API server answered with another status than 2xx. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  constructor(
    readonly status: number,
    message: string,
    /** The body as it came, a Status in JSON most of the time. */
    readonly body: string,
  ) {
    super(message)
  }
}

/** Calls with the identity of a kubeconfig's current context. Paths carry their query; bodies are sent as JSON. */
export interface Kube {
  readonly server: string
  /** @throws ApiError for any answer but 2xx; got's errors when there is none. */
  get<T = KubeObject>(path: string): Promise<T>
  post<T = KubeObject>(path: string, body: unknown): Promise<T>
  put<T = KubeObject>(path: string, body: unknown): Promise<T>
  /** A merge patch, unless `contentType` says otherwise. */
  patch<T = KubeObject>(path: string, body: unknown, contentType?: string): Promise<T>
  delete<T = KubeObject>(path: string, body?: unknown): Promise<T>
  /** The body as text, for what is not JSON (`/readyz`, `/metrics`). */
  text(path: string): Promise<string>
  /** The events of a watch, until the server ends it, the connection breaks (throws) or `signal` aborts (throws). */
  watch<T = KubeObject>(path: string, signal: AbortSignal): AsyncIterable<WatchEvent<T>>
}

/** @param file path of a kubeconfig; its files are read once, and its connections are kept alive */
export function kube(file: string): Kube {
  const config = new KubeConfig()
  config.loadFromFile(file)
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new Error(`${file}: its current context names no cluster`)
  const { server, tlsServerName } = cluster
  let identity: ReturnType<typeof identify> | undefined

  /** KubeConfig makes an agent, and with it connections, for each request: one agent is made from its options. */
  async function identify(): Promise<{ readonly agent: https.Agent; readonly headers: Record<string, string> }> {
    const options: https.RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    const { ca, cert, key, rejectUnauthorized, headers } = options
    const agent = new https.Agent({
      keepAlive: true,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...(tlsServerName !== undefined && { servername: tlsServerName }),
    })
    return { agent, headers: { ...(headers as Record<string, string> | undefined) } }
  }

  async function text(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    type?: string,
  ) {
    identity ??= identify()
    const { agent, headers } = await identity
    const response = await got(`${server}${path}`, {
      method,
      agent: { https: agent },
      headers: { ...headers, ...(body !== undefined && { 'content-type': type ?? 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      retry: { limit: 0 },
      timeout: { request: 30_000 },
      throwHttpErrors: false,
      followRedirect: false,
    })
    if (response.ok) return response.body
    throw new ApiError(
      response.statusCode,
      `${method} ${path}: ${response.statusCode} ${said(response.body)}`,
      response.body,
    )
  }

  async function* watch<T>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    identity ??= identify()
    const { agent, headers } = await identity
    const stream = got.stream(`${server}${path}`, {
      agent: { https: agent },
      headers,
      retry: { limit: 0 },
      timeout: { connect: 5_000 },
      signal,
    })
    // readline drops errors of its input: they are kept here and thrown at the end.
    let broken: Error | undefined
    const lines = createInterface(stream)
    stream.on('error', (error) => {
      broken = error
      lines.close()
    })
    try {
      for await (const line of lines) yield JSON.parse(line) as WatchEvent<T>
    } finally {
      stream.destroy()
    }
    if (broken !== undefined) throw broken
  }

  return {
    server,
    get: async (path) => JSON.parse(await text('GET', path)),
    post: async (path, body) => JSON.parse(await text('POST', path, body)),
    put: async (path, body) => JSON.parse(await text('PUT', path, body)),
    patch: async (path, body, type = mergePatch) => JSON.parse(await text('PATCH', path, body, type)),
    delete: async (path, body) => JSON.parse(await text('DELETE', path, body)),
    text: (path) => text('GET', path),
    watch,
  }
}

/** What a Status says, or the beginning of what is none. */
function said(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: string }
    return (message ?? '').slice(0, 500)
  } catch {
    return body.slice(0, 500)
  }
}
