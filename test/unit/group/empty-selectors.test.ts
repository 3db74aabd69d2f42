import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptySelectors } from '../../../handler/group/empty-selectors.js'
import { groupKey, groupServices } from '../../../handler/group/groups.js'
import type { Pod, Service } from '../../../handler/kube/port.js'
import { aPod, aService } from '../../support/builders.js'

type Labels = Readonly<Record<string, string>>

const pod = (name: string, labels: Labels, rest: Partial<Pod> = {}): Pod => ({ ...aPod(name, rest), labels })
const managed = (selector: Labels, name = 'web') => aService(name, { selector: { ...selector, role: 'active' } })
const plain = (selector: Labels, name: string) => aService(name, { selector })

/** What is said of all groups of these Services, with these pods. */
const warnings = (services: readonly Service[], pods: readonly Pod[]) => [
  ...emptySelectors(groupServices(services, 'role'), pods, services, 'role').values(),
]

describe('a selector that matches no pod, where one nearly has its labels', () => {
  test('is told with the pod, its label, and what was meant', () => {
    const services = [managed({ app: 'tpyo', tier: 'front' })]
    const pods = [pod('typo-1', { app: 'typo', tier: 'front', x: 'y' }), pod('typo-0', { app: 'typo', tier: 'front' })]
    expect(emptySelectors(groupServices(services, 'role'), pods, services, 'role')).toEqual(
      new Map([
        [
          groupKey('default', { app: 'tpyo', tier: 'front' }),
          'service default/web: its selector app=tpyo,tier=front matches no pod, but pod typo-0 has app=typo: did you mean app: typo?',
        ],
      ]),
    )
  })

  test.each<[Labels, Labels, string]>([
    [{ app: 'wbe' }, { app: 'web' }, 'app: web'],
    [{ app: 'Web' }, { app: 'web' }, 'app: web'],
    [{ app: 'webb' }, { app: 'web' }, 'app: web'],
    [{ app: 'helloword' }, { app: 'helloworld' }, 'app: helloworld'],
    [{ app: 'hello_world' }, { app: 'hello-world' }, 'app: hello-world'],
    [{ ap: 'web' }, { app: 'web' }, 'app: web'],
    [{ App: 'web' }, { app: 'web' }, 'app: web'],
    [{ 'app.kubernets.io/name': 'web' }, { 'app.kubernetes.io/name': 'web' }, 'app.kubernetes.io/name: web'],
    [{ app: 'wbe', role: 'active' }, { app: 'web', role: 'passive' }, 'app: web'],
    [{ a: '1', b: 'xy', app: 'wbe' }, { a: '1', b: 'xy', app: 'web', role: 'active' }, 'app: web'],
  ])('%j and %j', (selector, labels, meant) => {
    expect(warnings([managed(selector)], [pod('p', labels)])).toEqual([
      expect.stringContaining(`did you mean ${meant}?`),
    ])
  })

  test('is told though a Service over all pods of the application selects that pod', () => {
    const services = [managed({ app: 'hellowrold' }, 'helloworld'), plain({ app: 'helloworld' }, 'helloworld-all')]
    expect(warnings(services, [pod('helloworld-0', { app: 'helloworld' })])).toHaveLength(1)
  })

  test.each<[string, Service[], Pod[]]>([
    ['there is no pod', [managed({ app: 'tpyo' })], []],
    ['a pod has the labels', [managed({ app: 'tpyo' })], [pod('a', { app: 'typo' }), pod('b', { app: 'tpyo' })]],
    ['the pod is in another namespace', [managed({ app: 'tpyo' })], [pod('a', { app: 'typo' }, { namespace: 'b' })]],
    ['the pod has failed', [managed({ app: 'tpyo' })], [pod('a', { app: 'typo' }, { phase: 'Failed' })]],
    ['the pod is done', [managed({ app: 'tpyo' })], [pod('a', { app: 'typo' }, { phase: 'Succeeded' })]],
    ['another label differs', [managed({ app: 'tpyo', tier: 'a' })], [pod('a', { app: 'typo', tier: 'b' })]],
    [
      'another label is only on other pods',
      [managed({ app: 'tpyo', tier: 'a' })],
      [pod('a', { app: 'typo', tier: 'b' }), pod('b', { app: 'db', tier: 'a' })],
    ],
    ['another label is not there', [managed({ app: 'tpyo', tier: 'a' })], [pod('a', { app: 'typo' })]],
    ['two labels nearly match', [managed({ app: 'tpyo', tier: 'wbe' })], [pod('a', { app: 'typo', tier: 'web' })]],
    ['the key has another value too', [managed({ ap: 'web' })], [pod('a', { app: 'web', ap: 'db' })]],
    ['the selector is nothing but the role', [managed({})], [pod('a', { app: 'typo' })]],
    [
      'another group has the pod',
      [managed({ app: 'tpyo' }), managed({ app: 'typo' }, 'typo')],
      [pod('a', { app: 'typo' })],
    ],
    [
      'another group has the pod, though it is named like this one',
      [managed({ app: 'tpyo' }, 'typo'), managed({ app: 'typo' }, 'other')],
      [pod('a', { app: 'typo' })],
    ],
    [
      'another group, which is being handed over, has the pod',
      [managed({ app: 'tpyo' }), plain({ app: 'typo', 'active-passive/pod': 'uid' }, 'typo')],
      [pod('a', { app: 'typo' })],
    ],
    [
      'another Service has the pod',
      [managed({ app: 'tpyo' }), plain({ app: 'typo' }, 'typo')],
      [pod('a', { app: 'typo' })],
    ],
  ])('not where %s', (_why, services, pods) => {
    expect(warnings(services, pods)).toEqual([])
  })

  test('is told whatever Services there are elsewhere', () => {
    const elsewhere = { ...plain({ app: 'typo' }, 'typo'), namespace: 'other' }
    expect(warnings([managed({ app: 'tpyo' }), elsewhere], [pod('a', { app: 'typo' })])).toHaveLength(1)
  })
})

const seeded = { numRuns: 2_000, seed: 20260101 }
const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'), minLength, maxLength })
const separator = fc.constantFrom('-', '.', '_', '')

describe('a group that is scaled to zero says nothing of its neighbours,', () => {
  const isSilent = (own: string, others: readonly string[]) =>
    expect(
      warnings(
        [managed({ app: own })],
        others.map((other) => pod(other, { app: other })),
      ),
    ).toEqual([])

  test('whose names differ in a number', () => {
    const numbers = fc.tuple(fc.nat(2_000), fc.nat(2_000)).filter(([one, other]) => one !== other)
    fc.assert(
      fc.property(letters(1, 12), separator, numbers, fc.constantFrom('', '-api'), (base, mark, [one, other], rest) => {
        isSilent(`${base}${mark}${one}${rest}`, [`${base}${mark}${other}${rest}`, `${base}${rest}`])
      }),
      seeded,
    )
  })

  test('whose names differ in one or two letters at the end', () => {
    const ends = fc.tuple(letters(1, 2), letters(1, 2)).filter(([one, other]) => one !== other)
    fc.assert(
      fc.property(letters(1, 12), fc.constantFrom('-', '.', '_'), ends, (base, mark, [one, other]) => {
        isSilent(`${base}${mark}${one}`, [`${base}${mark}${other}`, base])
      }),
      seeded,
    )
  })

  test('whose names go on, or are cut short', () => {
    fc.assert(
      fc.property(letters(1, 12), letters(1, 6), (base, more) => {
        // Of a letter that is there twice, one is a slip; and so may be the last one of a long name.
        if (more.length === 1 && (base.endsWith(more) || base.length >= 8)) return
        isSilent(base, [base + more])
        isSilent(base + more, [base])
      }),
      seeded,
    )
  })

  test('that are names of other components', () => {
    const components =
      'web db api app auth blog blob cart chart cache cached main mail order orders worker workers reader leader loader router rooter poller puller relay replay serve server primary replica mongod mongos import export inbound unbound sender vendor store stores stage storage prod proxy front frontend backend master minion consumer customer producer ingester ingest digest writer waiter user users shop ship node mode core kafka redis nginx etcd'.split(
        ' ',
      )
    for (const own of components) {
      isSilent(
        own,
        components.filter((other) => other !== own),
      )
    }
  })

  test('whatever they are called, while other Services have their pods', () => {
    const names = fc.uniqueArray(letters(2, 6), { minLength: 2, maxLength: 8 })
    fc.assert(
      fc.property(names, ([own = '', ...others]) => {
        const services = [managed({ app: own }, own), ...others.map((other) => plain({ app: other }, other))]
        const slips = others.map((other) => `${other}x`)
        const pods = [...others, ...slips].map((name) => pod(name, { app: others.includes(name) ? name : 'zzzzzzzzz' }))
        expect(warnings(services, pods)).toEqual([])
      }),
      seeded,
    )
  })
})

test('A slip in any long name is found, wherever it is', () => {
  const slips = letters(9, 20).chain((name) =>
    fc.record({
      name: fc.constant(name),
      at: fc.integer({ min: 0, max: name.length - 2 }),
      kind: fc.constantFrom('swapped', 'lost', 'doubled', 'upper'),
    }),
  )
  fc.assert(
    fc.property(slips, letters(1, 8), ({ name, at, kind }, tier) => {
      const [before, one = '', other = '', after] = [name.slice(0, at), name[at], name[at + 1], name.slice(at + 2)]
      const slip = {
        swapped: `${before}${other}${one}${after}`,
        lost: `${before}${other}${after}`,
        doubled: `${before}${one}${one}${other}${after}`,
        upper: `${before}${one.toUpperCase()}${other}${after}`,
      }[kind]
      fc.pre(slip !== name)
      const [warning] = warnings([managed({ tier, app: slip })], [pod('p', { app: name, tier })])
      expect(warning).toContain(`selector tier=${tier},app=${slip} matches no pod, but pod p has app=${name}`)
    }),
    seeded,
  )
})

test('Whatever order they are listed in, the same is said', () => {
  const services = [managed({ app: 'hellowrold' }), managed({ app: 'hellowolrd' }, 'b')]
  const pods = ['helloworld-10', 'helloworld-9', 'hellooworld-1'].map((name) =>
    pod(name, { app: name.split('-')[0] ?? '' }),
  )
  const said = warnings(services, pods)
  expect(said).toHaveLength(2)
  expect(warnings(services, [...pods].reverse())).toEqual(said)
  expect(said[0]).toContain('helloworld-9')
})
