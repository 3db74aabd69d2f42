// `node handler status` and `history`, the built program over the in-process API: what they show, and that they only read.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HISTORY } from '../../handler/kube/keys.js'
import type { GroupStatus, Status } from '../../handler/report/status.js'
import { forbidden } from '../support/api/status.js'
import { type Keyboard, openKeyboard } from '../support/commands.js'
import { NAMESPACE } from '../support/in-process.js'
import { podDraft, podStatus, serviceDraft } from '../support/pods.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

let keyboard: Keyboard
beforeEach(async () => {
  keyboard = await openKeyboard()
})
afterEach(() => keyboard.close())

const LOOK = ['GET services', 'GET pods']
const status = (...words: readonly string[]) => keyboard.answer<Status>('status', ...words)
const first = async (...words: readonly string[]) => (await status(...words)).answer.groups[0] as GroupStatus
const served = ({ groups }: Status) => groups.map(({ namespace, services }) => `${namespace}/${services}`)

/** A Service whose only pod is labelled active, in any namespace. */
function addGroup(namespace: string, name: string, labels: Readonly<Record<string, string>> = {}) {
  const { metadata, spec } = serviceDraft({ name, selector: { app: name, role: 'active' } })
  keyboard.world.api.store.create('services', { metadata: { ...metadata, namespace, labels }, spec } as never)
  const pod = podDraft({ name: `${name}-0`, port: 8080, labels: { app: name, role: 'active' } })
  const setBy = { role: 'active-passive' }
  const own = { ...pod.metadata, namespace }
  keyboard.world.api.store.create('pods', { ...pod, metadata: own, status: podStatus({}), setBy } as never)
}

describe('status', () => {
  it('shows a line for each group, in two LISTs', async () => {
    const { code, stdout, stderr } = await keyboard.type('status')
    expect(stderr).toBe('')
    const [head, line, ...rest] = stdout.trimEnd().split('\n')
    expect(head?.split(/\s{2,}/).map((word) => word.trim())).toEqual([
      ...['SERVICE', 'ACTIVE', 'SINCE', 'HEALTH', 'STANDBYS', 'NEXT'],
    ])
    expect(line).toMatch(/^app +a +\d+s +healthy +1\/1 +nothing: a is Ready by its readinessProbe$/)
    expect(rest).toEqual([])
    expect(code).toBe(0)
    expect(keyboard.world.takeRequests()).toEqual(LOOK)
  })

  it('shows all about one, with its pods, settings and last handovers, in two LISTs', async () => {
    const { code, stdout } = await keyboard.type('status', 'app')
    expect(stdout).toMatch(/^Service: +default\/app\nActive: +a, for \d+s/)
    expect(stdout).toMatch(/\nb +passive +1 +yes +Ready +0 +0 +- +would take over\n/)
    expect(stdout).toMatch(/\n +cooldown: +0s\n/)
    expect(stdout).toMatch(/\n +\d+s +first +- +a +no pod is active/)
    expect(code).toBe(0)
    expect(keyboard.world.takeRequests()).toEqual(LOOK)
  })

  it('takes kubectl forms of its name, and finds it with -A too', async () => {
    for (const words of [['svc/app'], ['default/app'], ['app', '-A'], ['-n', 'default', 'app']]) {
      expect(served((await status(...words)).answer)).toEqual(['default/app'])
    }
  })

  it('exits 1 and says what the next pass does where the active pod is not Ready any more', async () => {
    keyboard.setReady('a', false)
    const { code, answer } = await status('--failures', '1')
    const [group] = answer.groups
    expect(group).toMatchObject({ active: ['a'], health: 'failed', next: { kind: 'failover', to: 'b' } })
    expect(group?.pods.map(({ name, role }) => `${name} ${role}`)).toEqual(['a active', 'b passive'])
    expect(code).toBe(1)
    expect(keyboard.world.takeRequests()).toEqual(LOOK)
  })

  it('says why a standby would not take over', async () => {
    keyboard.setReady('b', false)
    const { standbys, pods } = await first()
    expect(standbys).toEqual({ ready: 0, total: 1 })
    expect(pods[1]).toMatchObject({ name: 'b', ready: false, place: null, whyNotCode: 'not-ready' })
  })

  it.each([[['nope']], [['nope', '--watch']]])(
    'exits 1 for a Service that is not there, and says so: %s',
    async (words) => {
      const { code, stdout, stderr } = await keyboard.type('status', ...words)
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toContain('service default/nope: there is no such Service in namespace default')
      expect(stderr).toMatch(/^active-passive: See \S+\/errors\.md#not-found$/m)
    },
  )

  it('shows all namespaces in two LISTs, those of a label, and of one namespace', async () => {
    addGroup(NAMESPACE, 'mail', { team: 'red' })
    addGroup('shop', 'db', { team: 'red' })
    expect(served((await status('-A')).answer).sort()).toEqual(['default/app', 'default/mail', 'shop/db'])
    expect(keyboard.world.takeRequests()).toEqual(LOOK)
    expect(served((await status('-A', '-l', 'team=red')).answer).sort()).toEqual(['default/mail', 'shop/db'])
    expect(served((await status('-n', 'shop')).answer)).toEqual(['shop/db'])
    expect((await keyboard.type('status', '-A')).stdout).toMatch(/\nshop\/db +db-0 /)
  })

  it('writes the same as JSON and as YAML', async () => {
    const yaml = await keyboard.type('status', 'app', '-o', 'yaml')
    expect(yaml.code).toBe(0)
    expect(yaml.stdout).toMatch(/^groups:\n {2}- namespace: default\n {4}services:\n {6}- app\n/)
    expect(await first('app')).toMatchObject({ namespace: 'default', services: ['app'], pausedUntil: null })
  })

  it.each(['services', 'pods'])(
    'exits 3 where the LIST of %s is refused, and says what it could not see',
    async (kind) => {
      keyboard.world.api.intercept(({ target }) =>
        target?.resource === kind ? { kind: 'answer', ...forbidden('eve', 'list', target) } : undefined,
      )
      const { code, stdout } = await keyboard.type('status')
      expect(stdout).toContain(`may not list ${kind} in namespace default`)
      expect(code).toBe(3)
      expect(keyboard.writes()).toEqual([])
    },
  )

  it('sends nothing but LISTs, though there is work for a pass, so that a read-only account will do', async () => {
    keyboard.world.addPod({ name: 'c' })
    keyboard.setReady('a', false)
    keyboard.world.api.intercept(({ method, target }) =>
      method !== 'GET' && target ? { kind: 'answer', ...forbidden('eve', 'patch', target) } : undefined,
    )
    const { code, answer } = await status('--failures', '1')
    expect(answer.groups[0]).toMatchObject({ errors: [], next: { kind: 'failover' } })
    expect(code).toBe(1)
    expect(keyboard.world.takeRequests()).toEqual(LOOK)
  })
})

describe('history', () => {
  const noted = (annotation: string) => keyboard.annotate({ [HISTORY]: annotation })

  it('shows the last handovers, newest first, in one LIST', async () => {
    await keyboard.world.pass({ switchover: { force: true } })
    keyboard.world.takeRequests()
    const { code, stdout } = await keyboard.type('history', 'app')
    expect(stdout.split('\n').map((line) => line.split(/\s{2,}/).slice(1, 4))).toEqual([
      ['KIND', 'FROM', 'TO'],
      ['switchover', 'a', 'b'],
      ['first', '-', 'a'],
      [],
    ])
    expect(code).toBe(0)
    expect(keyboard.world.takeRequests()).toEqual(['GET services'])
  })

  it('shows a handover of two Services once', async () => {
    keyboard.world.addService({ name: 'app-admin' })
    await keyboard.world.pass({ switchover: { force: true } })
    const { answer } = await keyboard.answer<{ readonly handovers: readonly object[] }>('history', 'app-admin')
    expect(answer).toMatchObject({ namespace: 'default', services: ['app', 'app-admin'] })
    expect(answer.handovers).toMatchObject([
      { kind: 'switchover', to: 'b' },
      { kind: 'first', to: 'a' },
    ])
  })

  it.each([
    ['no JSON', '{{{'],
    ['no list', '{"at": 1}'],
    ['other things in a list', '[1, null, "x", {}, {"at": "yesterday", "kind": "failover"}]'],
    ['a list without an end', `${'['.repeat(4_000)}`],
    ['more than we write', JSON.stringify(Array(1_000).fill({ at: '2026-01-01T00:00:00Z' }))],
    ['nothing', ''],
  ])('takes %s for no handover', async (_what, annotation) => {
    noted(annotation)
    expect(await keyboard.type('history', 'app')).toMatchObject({
      ...{ code: 0, stderr: '', stdout: 'No handover of default/app is noted.\n' },
    })
    expect((await keyboard.type('status')).code).toBe(0)
  })

  it('shows what somebody wrote there without the orders to a terminal that are in it', async () => {
    const entry = { at: '2026-01-01T00:00:00Z', kind: 'failover', reason: 'x', epoch: 3 }
    noted(
      JSON.stringify([{ ...entry, from: '\u001b[2Ja', to: 'b\nc', text: 'all \u001b[31mred\u0007\r\nservice/app' }]),
    )
    const { code, stdout } = await keyboard.type('history', 'app')
    expect(code).toBe(0)
    expect([...stdout].filter((char) => char < ' ' && char !== '\n')).toEqual([])
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
  })

  it.each([
    ['a Service that is not there', 'nope', /service default\/nope: there is no such Service/],
    ['one in another namespace', 'shop/app', /service shop\/app: there is no such Service in namespace shop/],
  ])('exits 1 for %s', async (_what, name, said) => {
    const { code, stdout, stderr } = await keyboard.type('history', name)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(said)
    expect(stderr).toMatch(/^active-passive: See \S+\/errors\.md#not-found$/m)
  })

  it('exits 3 where the LIST is refused', async () => {
    keyboard.world.api.intercept(({ target }) =>
      target ? { kind: 'answer', ...forbidden('eve', 'list', target) } : undefined,
    )
    const { code, stderr } = await keyboard.type('history', 'app')
    expect(stderr).toContain('may not list services in namespace default')
    expect(code).toBe(3)
  })
})
