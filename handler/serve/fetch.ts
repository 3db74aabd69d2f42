/** The routes, as a function from request to response: whatever server or host brings the requests. */
import { ReadableStream } from 'node:stream/web'
import { parseServiceRef } from '../options.js'
import { exitCode } from '../report/exit-code.js'
import { toJson } from '../report/json.js'
import type { Report } from '../report/report.js'
import type { Order, Target } from '../targets.js'
import { readWebhook } from './alertmanager.js'
import { BODY_LIMIT, readBody } from './body.js'
import { ShuttingDown } from './coalesce.js'
import type { Guard } from './token.js'

/** What the routes lead to. */
export interface Backend {
  readonly guard: Guard
  /** The report of a pass that begins now or as soon as possible. @throws ShuttingDown */
  order(trigger: 'alertmanager' | 'run', order: Order): Promise<Report>
  /** The same without a write. @throws ShuttingDown */
  status(): Promise<Report>
  /** In the text format of Prometheus. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** The API server was reached, and no shutdown has begun. */
  isReady(): boolean
  /** Told of each answer. */
  answered(route: string, status: number): void
  /** Told of each defect. */
  failed(error: unknown): void
}

export type Fetch = (request: Request) => Promise<Response>

interface Route {
  readonly method: 'GET' | 'POST'
  readonly guarded: boolean
  readonly handle: (backend: Backend, request: Request, url: URL) => Promise<Response>
}

const ROUTES: Readonly<Record<string, Route>> = {
  '/alertmanager': { method: 'POST', guarded: true, handle: alertmanager },
  '/run': { method: 'POST', guarded: true, handle: run },
  '/status': { method: 'GET', guarded: true, handle: async (backend) => ofReport(await backend.status()) },
  '/metrics': { method: 'GET', guarded: false, handle: metrics },
  '/healthz': { method: 'GET', guarded: false, handle: async () => plain(200, 'ok') },
  '/readyz': {
    method: 'GET',
    guarded: false,
    handle: async (backend) => (backend.isReady() ? plain(200, 'ok') : plain(503, 'not ready')),
  },
}

/** Never rejects: a defect is a 500. */
export function createFetch(backend: Backend): Fetch {
  return async (request) => {
    const url = new URL(request.url)
    const route = Object.hasOwn(ROUTES, url.pathname) ? ROUTES[url.pathname] : undefined
    const response = await answer(backend, request, url, route).catch((error: unknown) => {
      if (error instanceof ShuttingDown) return refused(503, 'shutting down: ask another replica, or again later')
      backend.failed(error)
      return refused(500, 'internal error: see the log')
    })
    backend.answered(route ? url.pathname : 'other', response.status)
    return response
  }
}

async function answer(backend: Backend, request: Request, url: URL, route: Route | undefined): Promise<Response> {
  if (!route) return refused(404, `no such route: there are ${Object.keys(ROUTES).join(', ')}`)
  const isRead = route.method === 'GET' && request.method === 'HEAD'
  if (request.method !== route.method && !isRead) {
    const allow = route.method === 'GET' ? 'GET, HEAD' : route.method
    return refused(405, `${url.pathname} takes ${route.method}`, { allow })
  }
  if (route.guarded) {
    const why = await backend.guard(request)
    if (why) return refused(401, why, { 'www-authenticate': 'Bearer' })
  }
  return route.handle(backend, request, url)
}

async function alertmanager(backend: Backend, request: Request): Promise<Response> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('content-type') ?? '')) {
    return refused(415, 'the content type should be application/json')
  }
  const text = await readBody(request).catch(() => null)
  if (text === undefined)
    return refused(413, `the body is longer than ${BODY_LIMIT} bytes: set max_alerts in Alertmanager`)
  if (text === null) return refused(400, 'the body was cut short')
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return refused(400, 'the body is no JSON')
  }
  const wish = readWebhook(message)
  if ('error' in wish) return refused(400, wish.error)
  if (wish.order === undefined) {
    return json(
      200,
      `${JSON.stringify({ groups: [], summary: 'no pass: no alert is firing', durationMs: 0, requests: 0 })}\n`,
    )
  }
  return ofReport(await backend.order('alertmanager', wish.order))
}

async function run(backend: Backend, _request: Request, url: URL): Promise<Response> {
  const unknown = [...url.searchParams.keys()].find((key) => key !== 'service')
  if (unknown !== undefined)
    return refused(
      400,
      `unknown parameter ${JSON.stringify(unknown)}: /run takes service=NAME or service=NAMESPACE/NAME`,
    )
  const targets: Target[] = []
  for (const text of url.searchParams.getAll('service')) {
    const ref = parseServiceRef(text)
    if (!ref) return refused(400, `service=${JSON.stringify(text)} should be NAME or NAMESPACE/NAME`)
    targets.push({ namespace: ref.namespace, service: ref.name, otherwise: 'not-found' })
  }
  return ofReport(await backend.order('run', targets.length > 0 ? targets : 'all'))
}

async function metrics(backend: Backend): Promise<Response> {
  const { contentType, text } = await backend.metrics()
  return new Response(text, { headers: { 'content-type': contentType } })
}

/** Health is in the body; 503 is for what the API server refused, or did not answer, and for a pass cut short. */
function ofReport(report: Report): Response {
  const isServed = exitCode(report) !== 3 && !report.interrupted
  return json(isServed ? 200 : 503, bodyOf(report))
}

/** Hundreds may wait for one pass: a report is written once, and its bytes are those of every answer. */
const written = new WeakMap<Report, Uint8Array>()

function bodyOf(report: Report): ReadableStream<Uint8Array> {
  const bytes = written.get(report) ?? Buffer.from(toJson(report))
  written.set(report, bytes)
  // A response would make a copy of anything but a stream.
  return ReadableStream.from([bytes])
}

function json(
  status: number,
  body: string | ReadableStream<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } })
}

function plain(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })
}

function refused(status: number, error: string, headers: Readonly<Record<string, string>> = {}): Response {
  return json(status, `${JSON.stringify({ error })}\n`, headers)
}
