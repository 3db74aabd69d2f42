/** The routes, as a function from request to response. Any server or host may bring the requests. */

import { ReadableStream } from 'node:stream/web'
import { ambiguous } from '../../pass/named-service.js'
import type { PauseRequest } from '../../pass/pause.js'
import type { Target } from '../../pass/scope.js'
import { parseServiceRef } from '../../pass/scope.js'
import { exitCode, isUnserved } from '../../report/exit-code.js'
import { toJson, writeJson } from '../../report/json.js'
import { type GroupReport, isMissing, type Report } from '../../report/report.js'
import { answerTo } from '../../report/switchover.js'
import { describeFault, type FaultCode } from '../../util/errors.js'
import { quoted } from '../../util/quoted.js'
import { readMessage, type WebhookReading, withinScope } from './alertmanager.js'
import { type Backend, ShuttingDown, TooMany } from './backend.js'
import { RequestBodies } from './body.js'
import { readPause, readSwitchover } from './by-hand.js'

/** The backend, and what the routes share among themselves. */
interface Routes extends Backend {
  readonly bodies: RequestBodies
}

/** Requests that wait for a pass take memory. Beyond this number they are answered with 503, to be sent again. */
const MAX_WAITING = 2_000

export type Fetch = (request: Request) => Promise<Response>

interface Route {
  readonly method: 'GET' | 'POST'
  readonly guarded: boolean
  readonly handle: (backend: Routes, request: Request, url: URL) => Promise<Response>
}

const ROUTES: Readonly<Record<string, Route>> = {
  '/alertmanager': { method: 'POST', guarded: true, handle: alertmanager },
  '/run': { method: 'POST', guarded: true, handle: run },
  '/switchover': { method: 'POST', guarded: true, handle: switchover },
  '/pause': { method: 'POST', guarded: true, handle: (backend, _request, url) => pause(backend, url, 'pause') },
  '/resume': { method: 'POST', guarded: true, handle: (backend, _request, url) => pause(backend, url, 'resume') },
  '/status': { method: 'GET', guarded: true, handle: async (backend) => ofReport(await backend.status()) },
  '/metrics': { method: 'GET', guarded: false, handle: metrics },
  '/healthz': { method: 'GET', guarded: false, handle: async () => plain(200, 'ok') },
  '/livez': { method: 'GET', guarded: false, handle: async (backend) => health(backend, 'alive') },
  '/readyz': { method: 'GET', guarded: false, handle: async (backend) => health(backend, 'ready') },
}

/** The function never rejects: a defect is answered with 500. */
export function createFetch(given: Backend): Fetch {
  const backend: Routes = { ...given, request: bounded(given.request), bodies: new RequestBodies() }
  return async (request) => {
    const url = new URL(request.url)
    const route = Object.hasOwn(ROUTES, url.pathname) ? ROUTES[url.pathname] : undefined
    const response = await answer(backend, request, url, route).catch((error: unknown) => {
      if (error instanceof ShuttingDown) return refused(503, 'shutting down: ask another replica, or again later')
      if (error instanceof TooMany) return busy(error.message)
      backend.failed(error)
      return refused(500, 'internal error: see the log')
    })
    backend.answered(route ? url.pathname : 'other', response.status)
    return response
  }
}

/** @throws TooMany */
function bounded(request: Backend['request']): Backend['request'] {
  let waiting = 0
  return async (...asked) => {
    if (waiting === MAX_WAITING) throw new TooMany('too many requests wait for a pass')
    waiting++
    try {
      return await request(...asked)
    } finally {
      waiting--
    }
  }
}

async function answer(backend: Routes, request: Request, url: URL, route: Route | undefined): Promise<Response> {
  if (!route) return refused(404, `no such route: there are ${Object.keys(ROUTES).join(', ')}`)
  const isRead = route.method === 'GET' && request.method === 'HEAD'
  if (request.method !== route.method && !isRead) {
    const allow = route.method === 'GET' ? 'GET, HEAD' : route.method
    return refused(405, `${url.pathname} takes ${route.method}`, { allow })
  }
  if (route.guarded) {
    const why = await backend.guard(request)
    if (why) {
      backend.warn('401', `${request.method} ${url.pathname}: ${why}: answered with 401, and not served`)
      return refused(401, why, { 'www-authenticate': 'Bearer' })
    }
  }
  return route.handle(backend, request, url)
}

async function alertmanager(backend: Routes, request: Request): Promise<Response> {
  const body = await backend.bodies.read(request)
  if (body.kind === 'busy') return busy('too many long bodies at once')
  if (body.kind === 'slow') return busy('the body came too slowly', { connection: 'close' })
  if (body.kind === 'cut') return busy('the body was cut short')
  const reading: WebhookReading = body.kind === 'text' ? readMessage(body.text) : { selection: 'all', doubt: body.why }
  if ('error' in reading) {
    backend.warn('refused', `POST /alertmanager: ${reading.error}: answered with 400, and not served`)
    return refused(400, reading.error)
  }
  if (reading.doubt !== undefined) {
    backend.warn('odd', `POST /alertmanager: ${reading.doubt}: a pass over all groups serves it`)
  }
  if (reading.selection === undefined) return noPass('no alert is firing')
  const { selection, outside } = withinScope(reading.selection, backend.isServed)
  if (outside.length > 0) {
    const names = outside.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 63)))
    const first = names.length < outside.length ? `${names.join(', ')} and others` : names.join(', ')
    backend.warn('outside', `POST /alertmanager: an alert is for namespace ${first}, which is not served here: no pass`)
  }
  if (selection === undefined) return noPass('the alerts are for namespaces that are not served here')
  return ofReport(await backend.request('alertmanager', selection))
}

function noPass(why: string): Response {
  return json(200, `${JSON.stringify({ groups: [], summary: `no pass: ${why}`, durationMs: 0, requests: 0 })}\n`)
}

/** A 503: Alertmanager sends its message again, as it does after no 4xx. */
function busy(why: string, headers: Readonly<Record<string, string>> = {}): Response {
  return refused(503, `${why}: try again`, { 'retry-after': '1', ...headers })
}

async function run(backend: Backend, _request: Request, url: URL): Promise<Response> {
  const unknown = [...url.searchParams.keys()].find((key) => key !== 'service')
  if (unknown !== undefined)
    return refused(400, `unknown parameter ${quoted(unknown)}: /run takes service=NAME or service=NAMESPACE/NAME`)
  const targets: Target[] = []
  for (const text of url.searchParams.getAll('service')) {
    const ref = parseServiceRef(text)
    if (!ref) return refused(400, `service=${quoted(text)} should be NAME or NAMESPACE/NAME`)
    targets.push({ namespace: ref.namespace, service: ref.name, otherwise: 'not-found' })
  }
  return ofReport(await backend.request('run', targets.length > 0 ? targets : 'all'))
}

/**
 * 200 if the pod is active in the end, 400 for a name that several namespaces have, 409 for a refusal or a mistake in the
 * group's configuration, 404 for an unknown Service, 503 for the API server's trouble.
 */
async function switchover(backend: Backend, _request: Request, url: URL): Promise<Response> {
  const read = readSwitchover(url.searchParams)
  if ('error' in read) return refused(400, read.error)
  const report = await backend.switchover(read.service, read.request)
  const named = report.groups.filter(({ services }) => services.length > 0)
  if (named.length > 1) {
    const namespaces = named.flatMap(({ namespace = [] }) => namespace)
    return refused(400, describeFault(ambiguous(read.service.name, namespaces)))
  }
  // A namespace that could not be read may have a Service of this name too.
  const groups = [...report.groups.filter(({ services }) => services.length === 0), ...named]
  const answer = answerTo({ ...report, groups }, report.dryRun)
  const body = `${JSON.stringify(answer)}\n`
  if (answer.result === 'moved' || answer.result === 'already-active') return json(200, body)
  if (answer.result === 'refused') return json(409, body)
  if (groups.every(isMissing)) return json(404, body)
  return json(groups.some(isMistaken) ? 409 : 503, body)
}

/** Whether the configuration is wrong, so that the same request helps only once that is put right. */
function isMistaken({ decision }: GroupReport): boolean {
  return decision.kind === 'error' && !isUnserved(decision.fault) && !CUT_SHORT.has(decision.fault.code)
}

/** The pass had no time for the group. */
const CUT_SHORT: ReadonlySet<FaultCode> = new Set(['deadline', 'interrupted'])

const NOT_DONE: Partial<Readonly<Record<FaultCode, number>>> = { 'not-found': 404, ambiguous: 400 }

async function pause(backend: Backend, url: URL, action: PauseRequest['action']): Promise<Response> {
  const request = readPause(url.searchParams, action)
  if ('error' in request) return refused(400, request.error)
  const result = await backend.pause(request)
  if (!('code' in result)) {
    return json(200, `${JSON.stringify({ ...result, writes: result.writes.map(writeJson) })}\n`)
  }
  const status = NOT_DONE[result.code]
  if (status === undefined) backend.warn('not done', `POST /${action}: ${describeFault(result)}: answered with 503`)
  return refused(status ?? 503, describeFault(result))
}

async function metrics(backend: Backend): Promise<Response> {
  const { contentType, text } = await backend.metrics()
  return new Response(text, { headers: { 'content-type': contentType } })
}

/**
 * The body tells the health of the groups. 503 means that the API server refused something or did not answer, or that
 * the pass was cut short.
 */
function ofReport(report: Report): Response {
  const isServed = exitCode(report) !== 3 && !report.interrupted
  return json(isServed ? 200 : 503, bodyOf(report))
}

/** Hundreds of requests may wait for one pass. Its report becomes JSON once, and every answer sends the same bytes. */
const jsonOf = new WeakMap<Report, Uint8Array>()

function bodyOf(report: Report): ReadableStream<Uint8Array> {
  const bytes = jsonOf.get(report) ?? Buffer.from(toJson(report))
  jsonOf.set(report, bytes)
  // A Response copies every body that is not a stream.
  return ReadableStream.from([bytes])
}

function json(
  status: number,
  body: string | ReadableStream<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } })
}

function health(backend: Backend, what: 'alive' | 'ready'): Response {
  const health = backend.health()
  return health[what] ? plain(200, 'ok') : plain(503, `not ${what}: ${health.why}`)
}

function plain(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })
}

function refused(status: number, error: string, headers: Readonly<Record<string, string>> = {}): Response {
  return json(status, `${JSON.stringify({ error })}\n`, headers)
}
