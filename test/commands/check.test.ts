// `node handler check`, the built program over the in-process API: what it finds, and that nothing comes of it.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CheckAnswer } from '../../handler/report/check.js'
import { forbidden } from '../support/api/status.js'
import { type Keyboard, openKeyboard } from '../support/commands.js'
import { NAMESPACE } from '../support/in-process.js'
import { podDraft, podStatus, serviceDraft } from '../support/pods.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

const REHEARSAL = ['GET services', 'GET pods', 'PATCH service/app', 'PATCH pod/b', 'PATCH pod/a', 'PATCH service/app']
const EVENT = 'POST /apis/events.k8s.io/v1/namespaces/default/events'

let keyboard: Keyboard
let before: readonly string[]
const versions = () =>
  (['services', 'pods'] as const).flatMap((resource) =>
    keyboard.world.api.store
      .list(resource, NAMESPACE)
      .map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`),
  )
beforeEach(async () => {
  keyboard = await openKeyboard()
  before = versions()
})
afterEach(async () => {
  const after = versions()
  await keyboard.close()
  expect(after).toEqual(before)
})

const check = (...words: readonly string[]) => keyboard.answer<CheckAnswer>('check', ...words)
const denied = ({ lines }: CheckAnswer) => lines.filter(({ ok }) => ok === false).map(({ object }) => object)

describe('check', () => {
  it('has the API server evaluate a handover, each write as a dry run, and finds nothing wrong', async () => {
    const { code, stdout } = await keyboard.type('check')
    const lines = stdout.trimEnd().split('\n')
    const rows = lines.map((line) => line.split(/\s{2,}/))
    // Either pod may be written first: both are only tried.
    expect([...rows.slice(0, 3), ...rows.slice(3, 5).sort(), ...rows.slice(5)]).toEqual([
      ['VERB', 'OBJECT', 'RESULT'],
      ['list', 'services and pods in namespace default', 'allowed'],
      ['patch', 'service default/app', 'allowed'],
      ['patch', 'pod default/a', 'allowed'],
      ['patch', 'pod default/b', 'allowed'],
      ['create', 'events in namespace default', 'allowed'],
      ['probe', 'pod default/a', 'Ready'],
      ['probe', 'pod default/b', 'Ready'],
    ])
    expect(code).toBe(0)
    const writes = keyboard.world.api.requests.filter(({ method }) => method !== 'GET')
    expect(writes.map(({ query }) => query.dryRun)).toEqual(Array(5).fill('All'))
    expect([...keyboard.world.takeRequests()].sort()).toEqual([...REHEARSAL, EVENT].sort())
  })

  it.each(['pods', 'services'])(
    'finds that the right to patch %s is missing: exit 3, with the remedy',
    async (kind) => {
      keyboard.world.api.intercept(({ method, target }) =>
        method === 'PATCH' && target?.resource === kind
          ? { kind: 'answer', ...forbidden('eve', 'patch', target) }
          : undefined,
      )
      const { code, stdout } = await keyboard.type('check')
      expect(stdout).toMatch(new RegExp(`^patch +${kind.slice(0, -1)} default/.+ not allowed: denied$`, 'm'))
      expect(stdout).toContain(`- {apiGroups: [""], resources: [${kind}], verbs: [patch]}`)
      expect(code).toBe(3)
    },
  )

  it('finds an admission policy that denies a write: exit 3, with its message', async () => {
    keyboard.world.api.admit(({ resource, object }) =>
      resource === 'pods' && object.metadata.name === 'b' ? { denied: 'b is not to be touched' } : undefined,
    )
    const { code, answer } = await check()
    expect(denied(answer)).toEqual(['pod default/b'])
    expect(answer.errors.join()).toContain('b is not to be touched')
    expect(code).toBe(3)
  })

  it.each(['services', 'pods'])('finds that the right to list %s is missing: exit 3', async (kind) => {
    keyboard.world.api.intercept(({ target }) =>
      target?.resource === kind ? { kind: 'answer', ...forbidden('eve', 'list', target) } : undefined,
    )
    const { code, answer } = await check()
    expect(denied(answer)).toEqual(['services and pods in namespace default'])
    expect(answer.errors.join()).toContain(`- {apiGroups: [""], resources: [${kind}], verbs: [list]}`)
    expect(code).toBe(3)
    expect(keyboard.writes()).toEqual([])
  })

  it('rehearses a paused group, an unhealthy one and one at rest too: rights are asked for, not health', async () => {
    keyboard.annotate({ 'active-passive/pause': 'true' })
    for (const pod of ['a', 'b']) keyboard.setReady(pod, false)
    before = versions()
    const { answer } = await check('--cooldown', '1h')
    expect(answer.lines.filter(({ verb }) => verb === 'patch').map(({ ok }) => ok)).toEqual([true, true, true])
  })

  it('tries the right to create Events in four of many namespaces at once, and says nothing else on stderr', async () => {
    const { api } = keyboard.world
    const names = Array.from({ length: 20 }, (_, n) => `team-${n}`)
    for (const namespace of names) {
      const [pod, service] = [podDraft({ name: 'a', port: 8080 }), serviceDraft({ name: 'app' })]
      api.store.create('pods', { ...pod, metadata: { ...pod.metadata, namespace }, status: podStatus({}) })
      api.store.create('services', { ...service, metadata: { ...service.metadata, namespace } } as never)
    }
    let [asked, atOnce] = [0, 0]
    let letGo = () => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    api.intercept(async ({ path }) => {
      if (!path.endsWith('/events')) return undefined
      asked++
      await held
      return undefined
    })
    const running = keyboard.start('check', '-A', '-o', 'json')
    await expect.poll(() => asked, { timeout: 60_000 }).toBe(4)
    await new Promise(setImmediate)
    atOnce = asked
    letGo()
    const { stdout, stderr } = await running.done
    expect([atOnce, asked, stderr]).toEqual([4, 21, ''])
    const { lines } = JSON.parse(stdout) as CheckAnswer
    expect(lines.filter(({ verb, ok }) => verb === 'create' && ok)).toHaveLength(21)
  })
})
