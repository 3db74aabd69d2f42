// `node handler pause` and `resume`, the built program over the in-process API.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PAUSE } from '../../handler/kube/keys.js'
import type { Status } from '../../handler/report/status.js'
import { forbidden } from '../support/api/status.js'
import { type Keyboard, openKeyboard } from '../support/commands.js'
import { podStatus } from '../support/pods.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

const ONCE = ['GET services', 'PATCH service/app']
/** Whether a pod is active: of a pause alone. */
const LOOK = 'GET pods'

let keyboard: Keyboard
beforeEach(async () => {
  keyboard = await openKeyboard()
})
afterEach(() => keyboard.close())

const pauseOf = (name: string) => keyboard.world.service(name).annotations[PAUSE]
const annotate = (service: string, value: string) => keyboard.annotate({ [PAUSE]: value }, service)
const isPatch = ({ method }: { readonly method: string }) => method === 'PATCH'

describe('pause', () => {
  it('writes one annotation, in one LIST and one PATCH, and looks who is active; and no pass moves the role', async () => {
    const { code, stdout, stderr } = await keyboard.type('pause', 'app')
    expect(stdout).toBe('default/app is paused until it is resumed: no pass moves its role, whatever fails\n')
    expect([code, stderr]).toEqual([0, ''])
    expect(keyboard.world.takeRequests()).toEqual([...ONCE, LOOK])
    expect(pauseOf('app')).toBe('true')
    keyboard.world.health.set('a', '500')
    expect((await keyboard.world.pass()).groups).toMatchObject([{ decision: { kind: 'paused' } }])
    expect(keyboard.world.actives()).toEqual(['a'])
  })

  it('says so where it was paused before, and writes nothing', async () => {
    annotate('app', 'true')
    const { code, stdout } = await keyboard.type('pause', 'app')
    expect(stdout).toContain('(it was so before)')
    expect(code).toBe(0)
    expect(keyboard.writes()).toEqual([])
  })

  it('with --for ends by itself: it writes the time of its end, in whole seconds', async () => {
    const beforeMs = Date.now()
    const { code, answer } = await keyboard.answer('pause', 'app', '--for', '2h')
    const afterMs = Date.now()
    const until = pauseOf('app') ?? ''
    expect(until).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    const hours2 = 2 * 3_600_000
    expect(Date.parse(until)).toBeGreaterThanOrEqual(beforeMs + hours2)
    expect(Date.parse(until)).toBeLessThanOrEqual(afterMs + hours2 + 1_000)
    expect(answer).toMatchObject({
      namespace: 'default',
      services: ['app'],
      writes: [{ object: 'service/app' }],
    })
    expect(Date.parse((answer as { pausedUntil: string }).pausedUntil)).toBe(Date.parse(until))
    expect(code).toBe(0)
    expect(keyboard.world.takeRequests()).toEqual([...ONCE, LOOK])
  })

  it.each(['0s', '-1h', 'soon', '2y'])('takes no --for %s, and asks nothing of the API server', async (value) => {
    const { code, stderr } = await keyboard.type('pause', 'app', `--for=${value}`)
    expect(stderr).toContain(value)
    expect(code).toBe(2)
    expect(keyboard.world.takeRequests()).toEqual([])
  })

  it('pauses a group by one of its two Services, and ends the pauses of both by either', async () => {
    keyboard.world.addService({ name: 'app-admin' })
    const { answer } = await keyboard.answer<object>('pause', 'app-admin')
    expect(answer).toMatchObject({ services: ['app', 'app-admin'], pausedUntil: 'forever' })
    expect([pauseOf('app'), pauseOf('app-admin')]).toEqual([undefined, 'true'])
    const { groups } = (await keyboard.answer<Status>('status', 'app')).answer
    expect(groups).toMatchObject([{ pausedUntil: 'forever', next: { kind: 'paused' } }])
    annotate('app', 'true')
    expect((await keyboard.answer('resume', 'app')).answer).toMatchObject({ pausedUntil: null })
    expect([pauseOf('app'), pauseOf('app-admin')]).toEqual([undefined, undefined])
  })

  it('reads again and does it once more where somebody else was faster', async () => {
    let patches = 0
    keyboard.world.api.intercept((request) => {
      if (isPatch(request) && patches++ === 0) {
        keyboard.annotate({ 'example.com/theirs': 'kept' })
      }
      return undefined
    })
    expect(await keyboard.type('pause', 'app')).toMatchObject({ code: 0 })
    expect(keyboard.world.takeRequests()).toEqual([...ONCE, ...ONCE, LOOK])
    expect(keyboard.world.service('app').annotations).toMatchObject({ [PAUSE]: 'true', 'example.com/theirs': 'kept' })
  })

  it('looks whether it was done where the answer was lost', async () => {
    let patches = 0
    keyboard.world.api.intercept((request) =>
      isPatch(request) && patches++ === 0 ? { kind: 'reset', applied: true } : undefined,
    )
    expect(await keyboard.type('pause', 'app')).toMatchObject({ code: 0 })
    expect(keyboard.world.takeRequests()).toEqual([...ONCE, 'GET services', LOOK])
    expect(pauseOf('app')).toBe('true')
  })

  it.each([
    ['pause', 'patch'],
    ['resume', 'patch'],
    ['pause', 'list'],
  ])('%s is refused the %s: exit 3, with the right that is missing', async (command, verb) => {
    if (command === 'resume') annotate('app', 'true')
    keyboard.world.api.intercept((request) =>
      isPatch(request) === (verb === 'patch') && request.target
        ? { kind: 'answer', ...forbidden('eve', verb, request.target) }
        : undefined,
    )
    const { code, stdout, stderr } = await keyboard.type(command, 'app')
    expect(stdout).toBe('')
    expect(stderr).toContain(`may not ${verb} services in namespace default`)
    expect(stderr).toContain(`- {apiGroups: [""], resources: [services], verbs: [${verb}]}`)
    expect(stderr).toMatch(/^active-passive: See \S+\/errors\.md#denied$/m)
    expect(code).toBe(3)
  })

  it('exits 3 where nothing answers', async () => {
    keyboard.world.api.intercept(() => ({ kind: 'reset' }))
    const { code, stderr } = await keyboard.type('pause', 'app', '--deadline', '10s')
    expect(stderr).toContain('no answer from')
    expect(code).toBe(3)
  })

  it('exits 1 for a Service that is not there, and for one that is not managed', async () => {
    keyboard.world.addService({ name: 'other', selector: { app: 'other' } })
    for (const [name, said] of [
      ['nope', 'service default/nope: there is no such Service in namespace default'],
      ['other', 'service default/other:'],
    ] as const) {
      const { code, stdout, stderr } = await keyboard.type('pause', name)
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toContain(said)
      expect(stderr).toMatch(/^active-passive: See \S+\/errors\.md#not-found$/m)
    }
    expect(keyboard.writes()).toEqual([])
  })

  describe('of a group without an active pod', () => {
    const WARNING =
      'active-passive: Warning: default/app: no pod is active, and no pass makes another one active before the pause ends: end it with the command resume\n'

    it('is made, and says on stderr that it stays without; in JSON the document says so', async () => {
      keyboard.world.api.store.update('pods', 'default', 'a', ({ metadata }) => {
        metadata.labels = { ...(metadata.labels as object | undefined), role: 'passive' }
      })
      const { code, stdout, stderr } = await keyboard.type('pause', 'app')
      expect(stdout).toContain('default/app is paused until it is resumed')
      expect([code, stderr]).toEqual([0, WARNING])
      expect(pauseOf('app')).toBe('true')
      const { answer } = await keyboard.answer<object>('pause', 'app')
      expect(answer).toMatchObject({ writes: [], warnings: [expect.stringMatching(/^no pod is active, and /)] })
      expect((await keyboard.type('resume', 'app')).stderr).toBe('')
    })

    it('says so of an active pod that has ended, and of one that is terminating', async () => {
      keyboard.world.api.store.update('pods', 'default', 'a', (pod) => {
        pod.status = { phase: 'Failed' }
      })
      expect((await keyboard.type('pause', 'app', '--dry-run')).stderr).toBe(WARNING)
      keyboard.world.api.store.update('pods', 'default', 'a', (pod) => {
        pod.status = podStatus({})
        pod.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
      })
      expect((await keyboard.type('pause', 'app')).stderr).toContain('the active pod a is terminating, and no pass')
    })

    it('is made where the pods may not be listed, and says that nothing is known of them', async () => {
      keyboard.world.api.intercept(({ target }) =>
        target?.resource === 'pods' ? { kind: 'answer', ...forbidden('eve', 'list', target) } : undefined,
      )
      const { code, stderr } = await keyboard.type('pause', 'app')
      expect(stderr).toContain('Warning: default/app: whether a pod is active is not known: may not list pods')
      expect([code, pauseOf('app')]).toEqual([0, 'true'])
    })
  })

  it('of a group whose configuration is wrong holds, and the mistake is told', async () => {
    keyboard.annotate({ 'active-passive/failures': 'many' })
    const mistake =
      'Warning: default/app: no pass serves it before this is put right: service default/app: annotation active-passive/failures is "many"'
    const paused = await keyboard.type('pause', 'app')
    expect(paused.stdout).toContain('default/app is paused until it is resumed')
    expect(paused.stderr).toContain(mistake)
    const resumed = await keyboard.type('resume', 'app')
    expect(resumed.stdout).toContain('default/app is not paused')
    expect(resumed.stderr).toContain(mistake)
  })

  it('prints in a dry run the patch that it would send, and sends none', async () => {
    const { code, stdout } = await keyboard.type('pause', 'app', '--dry-run')
    expect(stdout).toContain('service/app would be patched:\n  + metadata.annotations[active-passive/pause]: "true"\n')
    expect(code).toBe(0)
    expect(keyboard.writes()).toEqual([])
  })
})

describe('Ctrl-C during a pause', () => {
  it('ends it: nothing is written after that', async () => {
    let [seen, letGo] = [0, () => {}]
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    keyboard.world.api.intercept(async () => {
      seen++
      await held
      return undefined
    })
    const running = keyboard.start('pause', 'app')
    await expect.poll(() => seen, { timeout: 60_000 }).toBe(1)
    running.process.kill('SIGINT')
    const { code, stderr } = await running.done
    expect(stderr).toContain('service app: it was told to stop before this was done')
    expect(code).toBe(1)
    letGo()
    expect(keyboard.writes()).toEqual([])
    expect(pauseOf('app')).toBeUndefined()
  })
})

describe('resume', () => {
  it('takes the annotation off, in one LIST and one PATCH', async () => {
    annotate('app', '2030-01-01T00:00:00Z')
    const { code, stdout } = await keyboard.type('resume', 'app')
    expect(stdout).toBe('default/app is not paused: the next pass serves it\n')
    expect(code).toBe(0)
    expect(keyboard.world.takeRequests()).toEqual(ONCE)
    expect(pauseOf('app')).toBeUndefined()
  })

  it('takes off what is no pause at all', async () => {
    annotate('app', 'no time')
    expect(await keyboard.type('resume', 'app')).toMatchObject({ code: 0 })
    expect(pauseOf('app')).toBeUndefined()
  })

  it('writes nothing where there is no pause, and exits 0', async () => {
    const { code, stdout } = await keyboard.type('resume', 'app')
    expect(stdout).toContain('(it was so before)')
    expect(code).toBe(0)
    expect(keyboard.world.takeRequests()).toEqual(['GET services'])
  })
})
