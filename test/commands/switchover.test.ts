// `node handler switchover`, the built program over the in-process API: what it moves, refuses, writes and answers.
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SwitchoverAnswer } from '../../handler/report/switchover.js'
import { forbidden } from '../support/api/status.js'
import { type Keyboard, openKeyboard } from '../support/commands.js'
import { NAMESPACE } from '../support/in-process.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

const poll = { timeout: 60_000 }
const LOOK = ['GET services', 'GET pods']
const EVENT = 'POST /apis/events.k8s.io/v1/namespaces/default/events'
/** From `a` to `b`. */
const SWAP = ['PATCH service/app', 'PATCH pod/a', 'PATCH service/app', 'PATCH pod/b', 'PATCH service/app']

let keyboard: Keyboard
afterEach(() => keyboard?.close())
const open = async (...pods: readonly string[]) => {
  keyboard = await openKeyboard(pods.length > 0 ? pods : undefined)
}
const annotate = (annotations: Readonly<Record<string, string>>) => keyboard.annotate(annotations)
const ask = (...words: readonly string[]) => keyboard.answer<SwitchoverAnswer>('switchover', 'app', ...words)

/** Holds requests of a kind, such as `PATCH /pods/a`, from the `nth` on until they are let go. */
function hold(method: string, end: string, nth = 1): { seen(): number; letGo(): void } {
  let seen = 0
  let letGo = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  keyboard.world.api.intercept(async (request) => {
    if (request.method !== method || !request.path.endsWith(end)) return undefined
    seen++
    if (seen >= nth) await held
    return undefined
  })
  return { seen: () => seen, letGo: () => letGo() }
}

describe('switchover', () => {
  it('moves the role: a look, a pass of seven requests, and its Event; without a terminal it does not ask', async () => {
    await open()
    const { code, stdout, stderr } = await keyboard.type('switchover', 'app')
    expect(stdout).toMatch(/^Service {2}default\/app\nfrom {5}a \(Ready, .*\), active for \d+s\nto {7}b \(Ready, /)
    expect(stdout).toMatch(/\ndefault\/app: b is active, and a is passive; 8 API requests, .*\n$/)
    expect([code, stderr]).toEqual([0, ''])
    expect(keyboard.world.takeRequests()).toEqual([...LOOK, ...LOOK, ...SWAP, EVENT])
    expect(keyboard.world.actives()).toEqual(['b'])
    expect(keyboard.world.service('app').selector).toEqual({ app: 'helloworld', role: 'active' })
  })

  it('moves it to the pod that is named, however kubectl would name it, and from the one that --from names', async () => {
    await open('a', 'b', 'c')
    const { code, answer } = await ask('pod/c', '--from', 'a')
    expect(answer).toEqual({
      ...{ result: 'moved', namespace: 'default', services: ['app'], from: 'a', to: 'c', dryRun: false },
      ...{
        code: 'by-hand',
        text: expect.stringContaining('from a to c'),
        remedy: null,
        warnings: [],
        errors: [],
        docs: [],
      },
    })
    expect(code).toBe(0)
    expect(keyboard.world.actives()).toEqual(['c'])
    const { stdout } = await keyboard.type('switchover', 'app', 'a', '-o', 'yaml')
    expect(stdout).toMatch(/^namespace: default\nservices:\n {2}- app\nfrom: c\nto: a\ndryRun: false\nresult: moved\n/)
    expect(keyboard.world.actives()).toEqual(['a'])
  })

  it('writes nothing where the pod is the active one, and exits 0', async () => {
    await open()
    const { code, stdout } = await keyboard.type('switchover', 'app', 'a')
    expect([code, stdout]).toEqual([0, 'a is the active pod already: nothing was written\n'])
    expect(keyboard.world.takeRequests()).toEqual(LOOK)
    expect(await ask('a')).toMatchObject({ code: 0, answer: { result: 'already-active', to: 'a', dryRun: false } })
    expect(keyboard.writes()).toEqual([])
  })

  it.each<readonly [string, string, readonly string[], () => void]>([
    ['a pod that fails its check', 'unhealthy', ['b'], () => keyboard.setReady('b', false)],
    ['no pod, where none is healthy', 'no-candidate', [], () => keyboard.setReady('b', false)],
    ['a pod that there is not', 'unknown-pod', ['zz'], () => {}],
    ['a paused group', 'paused', ['b'], () => annotate({ 'active-passive/pause': 'true' })],
    ['a paused group, forced', 'paused', ['b', '--force'], () => annotate({ 'active-passive/pause': 'true' })],
    ['a pod that never takes over', 'never', ['b'], () => annotate({ 'active-passive/never': 'b' })],
    ['one that never does, forced', 'never', ['b', '--force'], () => annotate({ 'active-passive/never': 'b' })],
    ['a role that has moved lately', 'resting', ['b', '--cooldown', '1h'], () => {}],
    [
      'what failback would undo',
      'failback-undoes',
      ['b'],
      () => annotate({ 'active-passive/failback': '0s', 'active-passive/prefer': 'a' }),
    ],
    ['a move from another pod', 'not-from', ['b', '--from', 'c'], () => {}],
  ])('refuses %s (%s): exit 1, two LISTs, and no write', async (_what, reason, words, prepare) => {
    await open()
    if (reason === 'resting')
      for (const to of ['b', 'a']) await keyboard.world.pass({ switchover: { to, force: true } })
    prepare()
    keyboard.world.takeRequests()
    const { code, answer } = await ask(...words)
    expect(answer).toMatchObject({ result: 'refused', code: reason, from: 'a', to: 'a', dryRun: false, errors: [] })
    expect(answer.remedy).toMatch(/\.$/)
    expect(code).toBe(1)
    expect(keyboard.world.takeRequests()).toEqual(LOOK)
    expect(keyboard.world.actives()).toEqual(['a'])
  })

  it('says on stderr why it refuses, and what would help', async () => {
    await open()
    const { code, stdout, stderr } = await keyboard.type('switchover', 'app', 'bb')
    expect(stderr).toBe('active-passive: refused (unknown-pod): bb is no pod of this group. Choose one of a, b.\n')
    expect([code, stdout]).toEqual([1, ''])
  })

  it.each<readonly [string, readonly string[], () => void]>([
    ['an unhealthy pod', ['b'], () => keyboard.setReady('b', false)],
    ['a rest', ['b', '--cooldown', '1h'], () => {}],
    ['a failback', ['b'], () => annotate({ 'active-passive/failback': '1h', 'active-passive/prefer': 'a' })],
  ])('is not kept from it by %s with --force', async (_what, words, prepare) => {
    await open()
    prepare()
    const { code, answer } = await ask(...words, '--force')
    expect(answer).toMatchObject({ result: 'moved', from: 'a', to: 'b', errors: [] })
    expect(code).toBe(0)
    expect(keyboard.world.actives()).toEqual(['b'])
  })

  it('exits 1 for a Service that is not there, in one LIST', async () => {
    await open()
    const { code, stdout, stderr } = await keyboard.type('switchover', 'nope')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('service default/nope: there is no such Service in namespace default')
    expect(keyboard.world.takeRequests()).toEqual(['GET services'])
  })

  it('prints in a dry run what it would write, and writes nothing', async () => {
    await open()
    const { code, stdout } = await keyboard.type('switchover', 'app', '--dry-run')
    expect(stdout.match(/^(service|pod)\/\w+ would be patched:/gm)).toEqual([
      ...['service/app', 'pod/a', 'pod/b', 'service/app'].map((object) => `${object} would be patched:`),
    ])
    expect(code).toBe(0)
    const asJson = await ask('--dry-run')
    expect(asJson).toMatchObject({ code: 0, answer: { result: 'moved', to: 'b', dryRun: true } })
    expect(asJson.answer.writes?.map(({ object, result, patch }) => [object, result, patch !== undefined])).toEqual(
      ['service/app', 'pod/a', 'pod/b', 'service/app'].map((object) => [object, 'dry run', true]),
    )
    const { stdout: yaml } = await keyboard.type('switchover', 'app', '--dry-run', '-o', 'yaml')
    expect(yaml).toMatch(/\nwrites:\n {2}- verb: patch\n {4}object: service\/app\n/)
    expect(keyboard.writes()).toEqual([])
  })

  it('warns of Events that are refused and of a notification that fails: on stderr, and in the answer', async () => {
    await open()
    keyboard.world.api.intercept(({ path }) =>
      path.endsWith('/events')
        ? { kind: 'answer', status: 403, body: { kind: 'Status', message: 'may not create events' } }
        : undefined,
    )
    const noChat = ['--notify-url-file', '/dev/null']
    const { code, stdout, stderr } = await keyboard.type('switchover', 'app', 'b', ...noChat)
    expect(stdout).toContain('default/app: b is active, and a is passive')
    expect(stderr).toContain('Warning: no Events are written: may not create events.k8s.io/events')
    expect(stderr).toContain('Warning: the notification failed: ')
    expect(code).toBe(0)
    const { answer } = await ask('a', ...noChat)
    expect([...answer.warnings].sort()).toEqual([
      expect.stringMatching(/^no Events are written: /),
      expect.stringMatching(/^the notification failed: /),
    ])
    expect(answer).toMatchObject({ result: 'moved', errors: [] })
  })
})

describe('between the look and the pass, somebody moves the role', () => {
  it('where nobody was active: nothing is moved from the pod that is active now', async () => {
    await open('a', 'b', 'c')
    const label = (role: string) =>
      void keyboard.world.api.store.update(
        'pods',
        NAMESPACE,
        'a',
        ({ metadata }) => {
          metadata.labels = { ...(metadata.labels as object), role }
        },
        'active-passive',
      )
    label('passive')
    const pass = hold('GET', '/services', 2)
    const running = keyboard.start('switchover', 'app', 'b')
    await expect.poll(pass.seen, poll).toBe(2)
    label('active')
    pass.letGo()
    const { code, stderr } = await running.done
    expect(stderr).toContain('refused (not-from): a is the active pod, where none was')
    expect(code).toBe(1)
    expect(keyboard.writes()).toEqual([])
  })

  it.each([
    ['to another pod: nothing is moved from there', 'c', 1, /refused \(not-from\): c is the active pod, not a/],
    ['to the very pod: there is nothing to do', 'b', 0, /^$/],
  ])('%s', async (_what, to, exit, said) => {
    await open('a', 'b', 'c')
    const pass = hold('GET', '/services', 2)
    const running = keyboard.start('switchover', 'app', 'b')
    await expect.poll(pass.seen, poll).toBe(2)
    const writes = () => keyboard.world.api.requests.filter(({ method }) => method === 'PATCH').length
    // It reads the same API, past what is held.
    const others = keyboard.world.api.store
    for (const [pod, role] of [
      ['a', 'passive'],
      [to, 'active'],
    ] as const) {
      others.update(
        'pods',
        NAMESPACE,
        pod,
        ({ metadata }) => {
          metadata.labels = { ...(metadata.labels as object), role }
          metadata.annotations = { ...(metadata.annotations as object), 'active-passive/epoch': '2' }
        },
        'active-passive',
      )
    }
    pass.letGo()
    const { code, stderr } = await running.done
    expect(stderr).toMatch(said)
    expect(code).toBe(exit)
    expect(writes()).toBe(0)
    expect(keyboard.world.actives()).toEqual([to])
  })
})

describe('the API server', () => {
  const deny = (kind: string) =>
    keyboard.world.api.intercept(({ method, target }) =>
      method === 'PATCH' && target?.resource === kind
        ? { kind: 'answer', ...forbidden('eve', 'patch', target) }
        : undefined,
    )

  it('refuses the PATCH of a pod: exit 3, with the right that is missing', async () => {
    await open()
    deny('pods')
    const { code, stdout } = await keyboard.type('switchover', 'app')
    expect(stdout).toContain('may not patch pods in namespace default')
    expect(stdout).toContain('- {apiGroups: [""], resources: [pods], verbs: [patch]}')
    expect(code).toBe(3)
    expect(keyboard.world.actives()).toEqual(['a'])
    expect(keyboard.world.service('app').selector).toEqual({ app: 'helloworld', role: 'active' })
  })

  it('refuses the PATCH of a Service: it moves without the latch, and warns of it', async () => {
    await open()
    deny('services')
    const { code, stdout, stderr } = await keyboard.type('switchover', 'app')
    expect(stdout).toContain('default/app: b is active, and a is passive')
    expect(stderr).toMatch(/^active-passive: Warning: .*may not patch services in namespace default/)
    expect(code).toBe(0)
    const { answer } = await ask()
    expect(answer).toMatchObject({ result: 'moved', warnings: [expect.stringContaining('may not patch services')] })
  })

  it('has not answered the LIST: exit 3', async () => {
    await open()
    keyboard.world.api.intercept(() => ({ kind: 'reset' }))
    const { code, stderr } = await keyboard.type('switchover', 'app', '--deadline', '10s')
    expect(stderr).toContain('no answer from')
    expect(code).toBe(3)
  })

  it('loses an answer in the middle: the role is where it was asked to be, and exit 0', async () => {
    await open()
    let lost = 0
    keyboard.world.api.intercept(({ method, path }) =>
      method === 'PATCH' && path.endsWith('/pods/b') && lost++ === 0 ? { kind: 'reset', applied: true } : undefined,
    )
    const { code } = await keyboard.type('switchover', 'app')
    expect(code).toBe(0)
    expect(keyboard.world.actives()).toEqual(['b'])
  })
})

describe('Ctrl-C', () => {
  it.each([
    ['while it looks', 1],
    ['before the pass has read', 2],
  ])('%s: it ends, and nothing is written', async (_when, nth) => {
    await open()
    const read = hold('GET', '/services', nth)
    const running = keyboard.start('switchover', 'app')
    await expect.poll(read.seen, poll).toBe(nth)
    running.process.kill('SIGINT')
    const { code, stdout, stderr } = await running.done
    expect(`${stdout}${stderr}`).toMatch(/told to stop/)
    expect(code).toBe(1)
    expect(keyboard.writes()).toEqual([])
    read.letGo()
  })

  it('after the first seal: the swap is finished and released, and the exit code is 0', async () => {
    await open()
    const seal = hold('PATCH', '/pods/a')
    const running = keyboard.start('switchover', 'app')
    await expect.poll(seal.seen, poll).toBe(1)
    running.process.kill('SIGINT')
    running.process.kill('SIGINT')
    seal.letGo()
    const { code, stdout } = await running.done
    expect(stdout).toContain('default/app: b is active, and a is passive')
    expect(code).toBe(0)
    expect(keyboard.world.actives()).toEqual(['b'])
    expect(keyboard.world.service('app').selector).toEqual({ app: 'helloworld', role: 'active' })
    expect(keyboard.writes()).toHaveLength([...SWAP, EVENT].length)
  })
})
