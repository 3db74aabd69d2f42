// POST /switchover, /pause and /resume, as a function from request to response, over the in-process API.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readServeOptions } from '../../handler/cli/options.js'
import { PAUSE } from '../../handler/kube/keys.js'
import { type App, createApp } from '../../handler/serve/app.js'
import { guardedBy } from '../../handler/serve/http/bearer-token.js'
import { forbidden } from '../support/api/status.js'
import { type InProcess, NAMESPACE, startInProcess } from '../support/in-process.js'
import { keepLog } from '../support/logs.js'
import { podDraft, podStatus, serviceDraft } from '../support/pods.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

const poll = { timeout: 60_000 }
const LOOK = ['GET services', 'GET pods']
const AMBIGUOUS = 'service app: several namespaces have one: default, shop. Say which: default/app.'
const ROUTES = ['/switchover', '/pause', '/resume']

let world: InProcess
let app: App
let folder: string
const log = keepLog()

/** With pods `a`, which is active, `b` and `c`. */
beforeEach(async () => {
  world = await startInProcess(['a', 'b', 'c'])
  await world.pass()
  world.takeRequests()
  folder = await mkdtemp(join(tmpdir(), 'active-passive-by-hand-'))
  await writeFile(join(folder, 'token'), 'secret')
  log.clear()
  app = await serve({})
})
afterEach(async () => {
  await app.close()
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

async function serve(flags: Parameters<typeof readServeOptions>[0]): Promise<App> {
  const config = new KubeConfig()
  config.loadFromString(world.api.kubeconfig)
  const guard = await guardedBy(join(folder, 'token'), log.warn)
  const options = readServeOptions({ cooldown: '0s', rise: '1', failures: '1', ...flags }, {})
  return createApp(options, config, guard, log, {
    probe: async ({ pod }) => {
      const text = world.health.get(pod.name) ?? '200'
      return { healthy: text === '200', text, ms: 1 }
    },
  })
}

const bearer = { authorization: 'Bearer secret' }
const send = (method: string, path: string, headers: Readonly<Record<string, string>> = bearer) =>
  app.fetch(new Request(`http://localhost${path}`, { method, headers }))

/** POSTs. @returns its status, and what it says */
async function post(path: string): Promise<{ readonly status: number; readonly [field: string]: unknown }> {
  const response = await send('POST', path)
  return { ...((await response.json()) as object), status: response.status }
}

const pauseOf = () => world.service('app').annotations[PAUSE]
const annotate = (annotations: Readonly<Record<string, string>>) =>
  void world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
    metadata.annotations = { ...(metadata.annotations as object | undefined), ...annotations }
  })

/** Another Service of this name, whose only pod is active. */
function addElsewhere(namespace: string): void {
  const { metadata, spec } = serviceDraft({ name: 'app' })
  world.api.store.create('services', { metadata: { ...metadata, namespace }, spec } as never)
  const pod = podDraft({ name: 'x', port: 8080, labels: { role: 'active' } })
  const own = { ...pod.metadata, namespace }
  world.api.store.create('pods', {
    ...pod,
    metadata: own,
    status: podStatus({}),
    setBy: { role: 'active-passive' },
  } as never)
}

/** Holds the PATCHes of a pod until they are let go. */
function holdPatch(pod: string): { seen(): number; letGo(): void } {
  let [seen, letGo] = [0, () => {}]
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  world.api.intercept(async ({ method, path }) => {
    if (method !== 'PATCH' || !path.endsWith(`/pods/${pod}`)) return undefined
    seen++
    await held
    return undefined
  })
  return { seen: () => seen, letGo: () => letGo() }
}

describe('POST /switchover', () => {
  it('moves the role: a look, a pass of seven requests and one more for each further pod, and its Event', async () => {
    expect(await post('/switchover?service=app&to=b&from=a')).toEqual({
      ...{ status: 200, result: 'moved', namespace: 'default', services: ['app'], from: 'a', to: 'b' },
      ...{ code: 'by-hand', text: expect.any(String), remedy: null, dryRun: false, warnings: [], errors: [], docs: [] },
    })
    expect(world.actives()).toEqual(['b'])
    const [claim, ...rest] = world.takeRequests().slice(2 * LOOK.length)
    expect(claim).toBe('PATCH service/app')
    // The pods that give the role up are sealed at once.
    expect(rest.splice(0, 2).sort()).toEqual(['PATCH pod/a', 'PATCH pod/c'])
    expect(rest.splice(0, 3)).toEqual(['PATCH service/app', 'PATCH pod/b', 'PATCH service/app'])
    expect(rest).toEqual(['POST /apis/events.k8s.io/v1/namespaces/default/events'])
  })

  it.each(['app', 'default/app', 'default%2Fapp'])('finds service=%s, and chooses the pod itself', async (name) => {
    expect(await post(`/switchover?service=${name}`)).toMatchObject({ status: 200, result: 'moved', to: 'b' })
  })

  it('writes nothing where the pod is the active one: 200', async () => {
    const answer = await post('/switchover?service=app&to=a')
    expect(answer).toMatchObject({ status: 200, result: 'already-active', to: 'a', dryRun: false })
    expect(world.takeRequests()).toEqual(LOOK)
  })

  it.each<readonly [string, string, () => void]>([
    ['unhealthy', 'to=b', () => world.health.set('b', '500')],
    ['unknown-pod', 'to=zz', () => {}],
    ['paused', 'to=b&force=true', () => annotate({ [PAUSE]: 'true' })],
    ['never', 'to=b&force=true', () => annotate({ 'active-passive/never': 'b' })],
    ['not-from', 'to=b&from=c', () => {}],
    ['failback-undoes', 'to=b', () => annotate({ 'active-passive/prefer': 'a', 'active-passive/failback': '1h' })],
  ])('refuses what is %s with 409, says what would help, and writes nothing', async (code, query, prepare) => {
    prepare()
    const answer = await post(`/switchover?service=app&${query}`)
    expect(answer).toMatchObject({ status: 409, result: 'refused', code, from: 'a', dryRun: false })
    expect(answer.remedy).toMatch(/\.$/)
    expect(world.takeRequests()).toEqual(LOOK)
  })

  it('moves it to an unhealthy pod with force=true', async () => {
    world.health.set('b', '500')
    expect(await post('/switchover?service=app&to=b&force=true')).toMatchObject({ status: 200, result: 'moved' })
    expect(world.actives()).toEqual(['b'])
  })

  it.each([
    ['that is not there', 'nope', ['GET services']],
    ['in a namespace out of scope', 'shop/app', []],
  ])('answers 404 for a Service %s', async (_what, service, requests) => {
    expect(await post(`/switchover?service=${service}`)).toMatchObject({
      status: 404,
      result: 'failed',
      code: 'not-found',
    })
    expect(world.takeRequests()).toEqual(requests)
  })

  it('answers 400 for a name that several namespaces have, and moves none', async () => {
    addElsewhere('shop')
    await app.close()
    app = await serve({ 'all-namespaces': true })
    const answer = await post('/switchover?service=app')
    expect(answer).toEqual({ status: 400, error: AMBIGUOUS })
    expect(world.takeRequests()).toEqual(LOOK)
    expect(await post('/switchover?service=default/app')).toMatchObject({ status: 200, result: 'moved' })
  })

  it.each(['pods', 'services'])('answers 503 where the API server refuses the LIST of %s', async (kind) => {
    world.api.intercept(({ target }) =>
      target?.resource === kind ? { kind: 'answer', ...forbidden('eve', 'list', target) } : undefined,
    )
    const answer = await post('/switchover?service=app')
    expect(answer).toMatchObject({ status: 503, result: 'failed', code: 'denied' })
    expect(answer.remedy).toContain(`- {apiGroups: [""], resources: [${kind}], verbs: [list]}`)
  })

  it('answers 503 where the API server refuses the PATCH of a pod, and a is active still', async () => {
    world.api.intercept(({ method, target }) =>
      method === 'PATCH' && target?.resource === 'pods'
        ? { kind: 'answer', ...forbidden('eve', 'patch', target) }
        : undefined,
    )
    const answer = await post('/switchover?service=app')
    expect(answer).toMatchObject({ status: 503, result: 'failed' })
    expect(`${answer.errors}`).toContain('may not patch pods in namespace default')
    expect(world.actives()).toEqual(['a'])
  })

  it('answers 503 where a namespace cannot be read that may have a Service of this name too', async () => {
    await app.close()
    app = await serve({ namespace: [NAMESPACE, 'other'] })
    world.api.intercept(({ target }) =>
      target?.namespace === 'other' ? { kind: 'answer', ...forbidden('eve', 'list', target) } : undefined,
    )
    const answer = await post('/switchover?service=app')
    expect(answer).toMatchObject({ status: 503, result: 'failed', code: 'denied', namespace: 'other' })
    expect(world.actives()).toEqual(['a'])
    expect(await post('/switchover?service=default/app')).toMatchObject({ status: 200, result: 'moved' })
  })

  it('moves the one that it has looked at, though another namespace has one of this name by then', async () => {
    await app.close()
    app = await serve({ 'all-namespaces': true })
    let lists = 0
    world.api.intercept(({ path }) => {
      if (path.endsWith('/services') && ++lists === 2) addElsewhere('shop')
      return undefined
    })
    expect(await post('/switchover?service=app')).toMatchObject({ status: 200, result: 'moved', namespace: 'default' })
    expect(world.api.requests.map(({ path }) => path)).toContain('/api/v1/namespaces/default/services')
    expect(lists).toBe(2)
  })

  it('answers 409 for a mistake in the configuration of the group, with its remedy', async () => {
    annotate({ 'active-passive/cooldown': 'soon' })
    const answer = await post('/switchover?service=app')
    expect(answer).toMatchObject({ status: 409, result: 'failed', code: 'bad-annotation', to: null })
    expect(answer.remedy).toContain('active-passive/cooldown=VALUE')
    expect(world.takeRequests()).toEqual(LOOK)
  })

  it('that is refused leaves a healthy group healthy', async () => {
    // Somebody else moves the role between the look and the pass.
    let lists = 0
    world.api.intercept(async ({ path }) => {
      if (path.endsWith('/services') && ++lists === 2) await world.pass({ switchover: { to: 'c', force: true } })
      return undefined
    })
    expect(await post('/switchover?service=app&to=b')).toMatchObject({ status: 409, code: 'not-from' })
    const text = await (await send('GET', '/metrics')).text()
    expect(text).toContain('active_passive_group_ok{namespace="default",service="app"} 1')
    expect(text).toContain('active_passive_passes_total{trigger="switchover",result="ok"} 1')
  })

  it('in a dry run of serve moves nothing, and says so', async () => {
    await app.close()
    app = await serve({ 'dry-run': true })
    expect(await post('/switchover?service=app')).toMatchObject({ status: 200, result: 'moved', dryRun: true })
    expect(await post('/switchover?service=app&to=zz')).toMatchObject({ status: 409, dryRun: true })
    expect(world.takeRequests()).toEqual([...LOOK, ...LOOK])
    expect(world.actives()).toEqual(['a'])
  })
})

describe('a switchover that meets', () => {
  it('a failover of the same group: it waits for it, and takes nothing from the pod that is active by then', async () => {
    const promotion = holdPatch('b')
    world.health.set('a', '500')
    const pass = send('POST', '/run')
    await expect.poll(promotion.seen, poll).toBe(1)
    const asked = post('/switchover?service=app&to=c')
    // The look waits for nobody, nor does the LIST of the pass.
    await expect.poll(() => world.api.requests.filter(({ path }) => path.endsWith('/pods')).length, poll).toBe(3)
    expect(world.actives()).toEqual([])
    promotion.letGo()
    expect((await pass).status).toBe(200)
    expect(await asked).toMatchObject({ status: 409, result: 'refused', code: 'not-from', from: 'b' })
    expect(world.actives()).toEqual(['b'])
    expect((await post('/switchover?service=app&to=c')).status).toBe(200)
    expect(world.actives()).toEqual(['c'])
  })

  it.each([
    '/switchover?service=app&to=c',
    '/switchover?service=default/app',
    '/pause?service=app',
    '/resume?service=app',
  ])('another request of a person for the same Service: %s is answered with 503 at once', async (path) => {
    const promotion = holdPatch('b')
    const first = post('/switchover?service=app&to=b')
    await expect.poll(promotion.seen, poll).toBe(1)
    world.takeRequests()
    const refused = await send('POST', path)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await refused.text()).toContain('a switchover, pause or resume of app is under way: try again')
    expect(world.takeRequests()).toEqual([])
    promotion.letGo()
    expect(await first).toMatchObject({ status: 200, result: 'moved', to: 'b' })
    expect((await post(path)).status).toBe(200)
  })
})

describe('a flood of requests of a person', () => {
  it('has four under way at once; the others are answered with 503, and ask nothing of the API server', async () => {
    let letGo = () => {}
    const held = new Promise<undefined>((resolve) => {
      letGo = () => resolve(undefined)
    })
    world.api.intercept(() => held)
    const kinds = ['switchover', 'pause', 'resume']
    const all = Array.from({ length: 100 }, (_, n) => post(`/${kinds[n % 3]}?service=app-${n}`))
    const answers: string[] = []
    for (const one of all) void one.then(({ status, error }) => answers.push(`${status} ${error}`))
    const busy = '503 4 switchovers, pauses and resumes are under way, as many as may be: try again'
    await expect.poll(() => answers.length, poll).toBe(96)
    expect([...new Set(answers)]).toEqual([busy])
    await expect.poll(() => world.api.requests.length, poll).toBe(4)
    letGo()
    expect((await Promise.all(all)).filter(({ status }) => status === 404)).toHaveLength(4)
    expect((await post('/switchover?service=app')).status).toBe(200)
  })
})

describe('POST /pause and /resume', () => {
  it('writes one annotation, in one LIST and one PATCH, looks who is active, and takes it off again, after which a pass is made', async () => {
    expect(await post('/pause?service=app')).toMatchObject({
      ...{ status: 200, namespace: 'default', services: ['app'], pausedUntil: 'forever', writes: [{}] },
    })
    expect(pauseOf()).toBe('true')
    expect(world.takeRequests()).toEqual(['GET services', 'PATCH service/app', 'GET pods'])
    world.health.set('a', '500')
    expect(await post('/pause?service=app')).toMatchObject({ status: 200, pausedUntil: 'forever', writes: [] })
    expect(await post('/run')).toMatchObject({ groups: [{ decision: 'paused' }] })
    expect(world.actives()).toEqual(['a'])

    expect(await post('/resume?service=default/app')).toMatchObject({ status: 200, pausedUntil: null, writes: [{}] })
    expect(pauseOf()).toBeUndefined()
    await expect.poll(world.actives, poll).toEqual(['b'])
    expect(await post('/resume?service=app')).toMatchObject({ status: 200, pausedUntil: null, writes: [] })
  })

  it('with for= ends by itself', async () => {
    const nowMs = Date.now()
    const { status, pausedUntil } = await post('/pause?service=app&for=3d')
    expect(status).toBe(200)
    const days3 = 3 * 24 * 3_600_000
    expect(Date.parse(pausedUntil as string)).toBeGreaterThanOrEqual(nowMs + days3)
    expect(Date.parse(pausedUntil as string)).toBeLessThanOrEqual(Date.now() + days3 + 1_000)
    expect(Date.parse(pauseOf() ?? '')).toBe(Date.parse(pausedUntil as string))
  })

  it('in a dry run of serve writes nothing, and says what it would write', async () => {
    await app.close()
    app = await serve({ 'dry-run': true })
    expect(await post('/pause?service=app')).toMatchObject({ status: 200, writes: [{ result: 'dry run' }] })
    expect(world.takeRequests()).toEqual(LOOK)
    expect(log.entries).toMatchObject([{ msg: expect.stringContaining('would be paused'), fields: { dryRun: true } }])
  })

  it.each(['/pause', '/resume'])('%s answers 404 for a Service that is not there, or out of scope', async (route) => {
    expect((await post(`${route}?service=nope`)).status).toBe(404)
    expect((await post(`${route}?service=shop/app`)).status).toBe(404)
    expect(world.takeRequests()).toEqual(['GET services'])
  })

  it.each(['/pause', '/resume'])(
    '%s answers 400 for a name that several namespaces have, as /switchover does',
    async (route) => {
      addElsewhere('shop')
      await app.close()
      app = await serve({ 'all-namespaces': true })
      const answer = await post(`${route}?service=app`)
      expect(answer).toEqual({ status: 400, error: AMBIGUOUS })
      expect(world.takeRequests()).toEqual(['GET services'])
    },
  )

  it.each(['/pause', '/resume'])('%s answers 503 where the API server refuses it', async (route) => {
    annotate({ [PAUSE]: '2030-01-01T00:00:00Z' })
    world.api.intercept(({ method, target }) =>
      method === 'PATCH' && target ? { kind: 'answer', ...forbidden('eve', 'patch', target) } : undefined,
    )
    const { status, error } = await post(`${route}?service=app`)
    expect(status).toBe(503)
    expect(error).toContain('may not patch services in namespace default')
    const line = expect.stringMatching(`^POST ${route}: service default/app: may not patch .* answered with 503$`)
    expect(log.said()).toEqual([line])
  })

  it('writes each change to the log, on one line: by which request, of which group, and until when', async () => {
    const service = { namespace: 'default', service: 'app' }
    const { pausedUntil } = await post('/pause?service=app&for=2h')
    const until = `${pausedUntil}`.replace('.000', '')
    const rest = 'no pass moves its role, whatever fails'
    const first = { level: 'info', msg: `POST /pause: is paused until ${until}: ${rest}` }
    expect(log.entries).toEqual([{ ...first, fields: { ...service, pausedUntil } }])
    await post('/pause?service=app')
    await post('/pause?service=app') // changes nothing
    await post('/resume?service=app')
    await expect.poll(() => log.entries.length, poll).toBe(4) // with the pass after the pause
    expect(log.entries.slice(1, 3)).toEqual([
      {
        level: 'info',
        msg: `POST /pause: is paused until it is resumed: ${rest}. Before it was so until ${until}`,
        fields: { ...service, pausedUntil: 'forever' },
      },
      {
        level: 'info',
        msg: 'POST /resume: is not paused: the next pass serves it',
        fields: { ...service, pausedUntil: null },
      },
    ])
  })

  it('writes to the log that a paused group has no active pod, and answers so', async () => {
    world.api.store.update('pods', NAMESPACE, 'a', ({ metadata }) => {
      metadata.labels = { ...(metadata.labels as object | undefined), role: 'passive' }
    })
    const warning = expect.stringMatching(/^no pod is active, and no pass/)
    expect(await post('/pause?service=app')).toMatchObject({ status: 200, warnings: [warning] })
    expect(log.entries).toMatchObject([
      { level: 'info' },
      { level: 'warn', msg: warning, fields: { namespace: 'default', service: 'app' } },
    ])
  })
})

describe.each(ROUTES)('%s', (route) => {
  it('wants the token', async () => {
    for (const [path, headers] of [
      [`${route}?service=app`, {}],
      [`${route}?service=app`, { authorization: 'Bearer wrong' }],
      [`${route}?service=app&token=secret`, {}],
    ] as const) {
      const response = await send('POST', path, headers)
      expect(response.status).toBe(401)
      expect(await response.text()).not.toContain('secret')
    }
    expect(world.takeRequests()).toEqual([])
    expect(log.said('warn').join()).toContain(`POST ${route}: no bearer token`)
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('takes no %s', async (method) => {
    const response = await send(method, `${route}?service=app`)
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    expect(world.takeRequests()).toEqual([])
  })

  it.each([
    '',
    '?',
    '?service=',
    '?service=app&service=app',
    '?service=app&dry-run=true',
    '?service=app%00',
    '?service=%ff%fe',
    '?service=app%0aSet-Cookie:%20a=b',
    '?service=__proto__/constructor',
    '?__proto__[service]=app',
    '?service[]=app',
    '?service=app;to=b',
    `?service=${'a'.repeat(64)}`,
    `?${'service=app&'.repeat(1_000)}`,
    `?service=app&${'x'.repeat(8_000)}`,
  ])('answers %j with 400, and asks nothing of the API server', async (query) => {
    const { status, error } = await post(`${route}${query}`)
    expect(status).toBe(400)
    expect(`${error}`.length).toBeLessThan(250)
    expect([...`${error}`].every((char) => char >= ' ')).toBe(true)
    expect(world.takeRequests()).toEqual([])
  })

  it('is refused with 503 while serve shuts down', async () => {
    await app.close()
    const { status, error } = await post(`${route}?service=app`)
    expect(status).toBe(503)
    expect(error).toContain('shutting down')
    expect(world.takeRequests()).toEqual([])
  })

  it('is cut short with 503 when serve shuts down meanwhile, and nothing is written', async () => {
    let seen = 0
    world.api.intercept(() => {
      seen++
      return { kind: 'hang' }
    })
    const asked = post(`${route}?service=app`)
    await expect.poll(() => seen, poll).toBe(1)
    await app.close()
    const answer = await asked
    expect(answer.status).toBe(503)
    expect(JSON.stringify(answer)).toMatch(/told to stop/)
    expect(world.takeRequests()).toEqual(['GET services'])
  })

  it('counts its answers', async () => {
    await post(`${route}?service=nope`)
    const text = await (await send('GET', '/metrics')).text()
    expect(text).toContain(`active_passive_http_requests_total{route="${route}",code="404"} 1`)
  })
})
