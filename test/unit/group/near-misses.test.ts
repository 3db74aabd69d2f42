import { describe, expect, test } from 'vitest'
import { strayPods, strayServices, unnamedLabels, unnamedPods } from '../../../handler/group/near-misses.js'
import type { Service } from '../../../handler/kube/port.js'
import { annotated, aPod, aService } from '../../support/builders.js'

type Labels = Readonly<Record<string, string>>

const selecting = (selector: Labels, name = 'web', rest: Partial<Service> = {}) => aService(name, { selector, ...rest })
const texts = (services: readonly Service[], roleLabel = 'role') =>
  strayServices(services, roleLabel).map(({ text }) => text)

describe('a Service that is not managed, and looks as if it were meant to be:', () => {
  test.each<[Labels, string]>([
    [{ app: 'web', role: 'Active' }, 'role: Active'],
    [{ app: 'web', role: 'ACTIVE' }, 'role: ACTIVE'],
    [{ app: 'web', role: 'actve' }, 'role: actve'],
    [{ app: 'web', role: 'acitve' }, 'role: acitve'],
    [{ role: 'activ' }, 'role: activ'],
    [{ app: 'web', rolle: 'active' }, 'rolle: active'],
    [{ app: 'web', Role: 'active' }, 'Role: active'],
    [{ app: 'web', roel: 'active' }, 'roel: active'],
    [{ app: 'web', roles: 'Active' }, 'roles: Active'],
    [{ app: 'web', role: 'passive' }, 'role: passive'],
    [{ app: 'web', role: 'Passive' }, 'role: Passive'],
    [{ app: 'web', rolle: 'passive' }, 'rolle: passive'],
  ])('%j', (selector, entry) => {
    expect(strayServices([selecting(selector)], 'role')).toEqual([
      {
        namespace: 'default',
        service: 'web',
        text: `service default/web: its selector holds ${entry}, so it is not managed: did you mean role: active?`,
      },
    ])
  })

  test('under another role label', () => {
    const label = 'example.com/role'
    expect(texts([selecting({ 'example.com/rolle': 'active' })], label)).toEqual([
      expect.stringContaining('did you mean example.com/role: active?'),
    ])
    expect(texts([selecting({ 'example.com/role': 'Active' })], label)).toHaveLength(1)
    expect(texts([selecting({ role: 'active' })], label)).toEqual([])
  })

  test.each<[string, Service]>([
    ['it is managed', selecting({ app: 'web', role: 'active' })],
    ['it is managed, and selects by a word like role besides', selecting({ mole: 'active', role: 'active' })],
    ['it is claimed, and pinned', selecting({ app: 'web', 'active-passive/pod': 'uid' })],
    [
      'it is claimed',
      selecting({ app: 'web', rolle: 'active' }, 'web', { annotations: { 'active-passive/swap': 't' } }),
    ],
    ['it is annotated', { ...annotated('web', { managed: 'false' }), selector: { role: 'Active' } }],
    ['it selects by the role of an application', selecting({ app: 'web', role: 'leader' })],
    ['it says active of something else', selecting({ app: 'web', state: 'active' })],
    ['its role is the application’s, and another label says active', selecting({ role: 'leader', rolle: 'active' })],
    ['it is something else with a label like it', selecting({ rolle: 'web' })],
    ['it selects nothing', selecting({})],
    ['it is hostile', selecting({ [`role${'e'.repeat(100_000)}`]: 'active', role: 'active'.repeat(100_000) })],
  ])('not where %s', (_why, service) => {
    expect(texts([service])).toEqual([])
  })

  describe('beside one with role: active that selects the same otherwise', () => {
    const active = selecting({ app: 'web', tier: 'a', role: 'active' }, 'active')

    test.each<[string, Service]>([
      ['managed', active],
      ['claimed', { ...active, selector: { tier: 'a', app: 'web', 'active-passive/pod': 'uid' } }],
      ['left alone', { ...active, annotations: { 'active-passive/managed': 'false' } }],
    ])('that is %s, role: passive may be for the standbys: it is asked to say so', (_how, beside) => {
      const standbys = selecting({ tier: 'a', app: 'web', role: 'passive' })
      expect(texts([standbys, beside])).toEqual([expect.stringContaining('annotate it with active-passive/managed')])
      const said = { ...standbys, annotations: { 'active-passive/managed': 'false' } }
      expect(texts([said, beside])).toEqual([])
    })

    test.each<[Labels, string]>([
      [{ app: 'web', tier: 'a', role: 'Passive' }, 'role: passive'],
      [{ app: 'web', tier: 'a', rolle: 'passive' }, 'role: passive'],
      [{ app: 'web', tier: 'a', role: 'Active' }, 'role: active'],
      [{ app: 'web', tier: 'b', role: 'passive' }, 'role: active'],
    ])('%j means %s', (selector, meant) => {
      expect(texts([active, selecting(selector)])).toEqual([expect.stringContaining(`did you mean ${meant}?`)])
    })

    test('in another namespace, nothing is for the standbys', () => {
      const elsewhere = selecting({ app: 'web', tier: 'a', role: 'passive' }, 'web', { namespace: 'other' })
      expect(texts([active, elsewhere])).toEqual([expect.stringMatching(/^service other\/web: .* role: active\?$/)])
    })
  })
})

describe('where Services opt in,', () => {
  const optedIn = (services: readonly Service[]) => strayServices(services, 'role', true).map(({ text }) => text)
  const waiting = (name: string, namespace = 'shop') => selecting({ app: name, role: 'active' }, name, { namespace })

  test('the first of those that would be managed if they did is named with the command, and others of its namespace', () => {
    const services = ['web-10', 'web-9', 'cache', 'db', 'mail'].map((name) => waiting(name))
    expect(optedIn(services)).toEqual([
      'service shop/cache is not annotated with active-passive/managed: "true", nor is another Service of its selector (--opt-in). To have it managed: kubectl annotate service cache -n shop --overwrite active-passive/managed=true. The same goes for db, mail, web-9 and 1 more',
    ])
  })

  test('a value that is nearly the right one is shown, and cut short', () => {
    const nearly = { ...annotated('web', { managed: 'True'.repeat(1_000) }), selector: { app: 'web', role: 'active' } }
    const [text = '', ...more] = optedIn([nearly])
    expect(text).toMatch(
      /^service default\/web is annotated with active-passive\/managed: "TrueTrue.*which is not "true"/,
    )
    expect([text.length < 400, more]).toEqual([true, []])
  })

  test('of many namespaces ten are named, and how many Services the others have', () => {
    const services = Array.from({ length: 1_000 }, (_, n) => waiting(`web-${n}`, `t-${n % 100}`))
    const named = optedIn(services)
    expect(named).toHaveLength(11)
    expect(named.slice(0, 3).map((text) => text.split(' ')[1])).toEqual(['t-0/web-0', 't-1/web-1', 't-2/web-2'])
    expect(named.at(-1)).toMatch(
      /^900 more Services in 90 more namespaces, service t-10\/web-10 for one, are not annotated/,
    )
  })

  test.each<[string, Service]>([
    ['it says no', { ...annotated('web', { managed: 'false' }), selector: { app: 'web', role: 'active' } }],
    ['it selects by nearly the role, and never opted in', selecting({ app: 'web', role: 'Active' })],
    [
      'it is claimed',
      selecting({ app: 'web', role: 'active' }, 'web', { annotations: { 'active-passive/swap': 't' } }),
    ],
    ['another one of its group did', selecting({ app: 'same', role: 'active' })],
  ])('nothing is said where %s', (_why, service) => {
    const same = { ...annotated('same', { managed: 'true' }), selector: { app: 'same', role: 'active' } }
    expect(optedIn([service, same])).toEqual([])
  })

  test.each<[Labels, string]>([
    [{ app: 'web', role: 'Active' }, 'did you mean role: active?'],
    [{ app: 'web' }, 'does not have role: active in its selector. Add role: active to spec.selector'],
  ])('one that did is named though nothing else says that it is meant: %j', (selector, text) => {
    expect(optedIn([{ ...annotated('web', { managed: 'true' }), selector }])).toEqual([expect.stringContaining(text)])
  })
})

describe('a pod that nearly has a role', () => {
  const group = { selector: { app: 'web' } }
  const pod = (name: string, labels: Labels) => aPod(name, { labels })

  test.each<[Labels, string]>([
    [{ rolle: 'active' }, 'pod web-0: labelled rolle=active, which is no role: did you mean role=active?'],
    [{ Role: 'passive' }, 'pod web-0: labelled Role=passive, which is no role: did you mean role=passive?'],
  ])('is named with it: %j', (labels, text) => {
    expect(strayPods(group, [pod('web-0', labels)], 'role')).toEqual([text])
  })

  test.each<Labels>([
    {},
    { role: 'active' },
    { role: 'passive' },
    { role: 'active', rolle: 'active' },
    { role: 'leader' },
    { role: 'Active' }, // left out of the group, and named there
    { role: 'leader', rolle: 'active' },
    { state: 'active' },
    { rolle: 'web' },
  ])('is not one with %j', (labels) => {
    expect(strayPods(group, [pod('web-0', labels)], 'role')).toEqual([])
  })

  test('is not one that is selected by that label', () => {
    const pods = [pod('web-0', { mole: 'active' })]
    expect(strayPods({ selector: { app: 'web', mole: 'active' } }, pods, 'role')).toEqual([])
    expect(strayPods(group, pods, 'role')).toHaveLength(1)
  })

  test('is named once with all that carry the same, and no more than three names', () => {
    const pods = [...'abcdefg'].map((name) => pod(name, name === 'b' ? { roel: 'active' } : { rolle: 'active' }))
    expect(strayPods(group, pods, 'role')).toEqual([
      'pods a, c, d and 3 more: labelled rolle=active, which is no role: did you mean role=active?',
      'pod b: labelled roel=active, which is no role: did you mean role=active?',
    ])
    expect(strayPods(group, pods.slice(2, 4), 'role')).toEqual([expect.stringMatching(/^pods c, d: /)])
  })
})

describe('a name in prefer or never that no pod has', () => {
  const pods = ['web-0', 'web-1', 'web-2', 'web-3']

  test.each([
    ['wbe-0', 'did you mean web-0?'],
    ['web1', 'did you mean web-1?'],
    ['we-2', 'did you mean web-2?'],
  ])('is told with the pod that was meant: %s', (name, hint) => {
    for (const setting of ['prefer', 'never'] as const) {
      expect(unnamedPods(setting, [name], pods)).toEqual([
        `${setting} names ${name}, and the group has no such pod: ${hint}`,
      ])
    }
  })

  test('is told with those there are where none is meant: another number is another pod', () => {
    expect(unnamedPods('never', ['web-0', 'web-7'], pods)).toEqual([
      'never names web-7, and the group has no such pod; they are web-0, web-1, web-2 and 1 more',
    ])
    expect(unnamedPods('prefer', ['db'], ['web-0'])).toEqual([expect.stringMatching(/; they are web-0$/)])
  })

  test.each<[string, readonly string[], readonly string[]]>([
    ['all have one', ['web-1', 'web-0'], pods],
    ['nothing is named', [], pods],
    ['there are no pods', ['web-0'], []],
  ])('is not there where %s', (_why, names, podNames) => {
    expect(unnamedPods('prefer', names, podNames)).toEqual([])
  })

  test('is told once, and of very many, ten', () => {
    expect(unnamedPods('prefer', ['db', 'db'], pods)).toHaveLength(1)
    const many = Array.from({ length: 30_000 }, (_, n) => `db-${n}`)
    const warnings = unnamedPods('prefer', many, pods)
    expect(warnings).toHaveLength(11)
    expect(warnings.at(-1)).toBe('prefer names 29990 more that the group does not have')
  })
})

describe('a label in prefer or never that no pod has', () => {
  const pods = ['a', 'b', '', 'c'].map((zone) => ({ labels: { app: 'web', zone } }))

  test('is told with the values that the pods have, or without the key', () => {
    expect(unnamedLabels('prefer', ['zone=a', 'zone=d', 'web-0'], pods)).toEqual([
      'prefer names zone=d, and no pod of the group has that label; they have zone=, zone=a, zone=b and 1 more',
    ])
    expect(unnamedLabels('never', ['rack=1'], pods)).toEqual([
      'never names rack=1, and no pod of the group has that label; none has rack',
    ])
    expect(unnamedPods('never', ['rack=1'], ['web-0'])).toEqual([])
  })

  test('is no trouble of a group without pods, and of very many ten are told', () => {
    expect(unnamedLabels('prefer', ['zone=d'], [])).toEqual([])
    const many = Array.from({ length: 1_000 }, (_, n) => `rack=${n}`)
    expect(unnamedLabels('prefer', many, pods)).toHaveLength(11)
  })
})
