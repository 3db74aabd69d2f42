import { describe, expect, test } from 'vitest'
import { assignPods, endedActive, type Group, groupName, groupServices } from '../../../handler/group/groups.js'
import type { Pod, Service } from '../../../handler/kube/port.js'
import { aPod, aService, NOW } from '../../support/builders.js'

function observe(services: readonly Service[], pods: readonly Pod[] = [], roleLabel = 'role'): readonly Group[] {
  const groups = groupServices(services, roleLabel)
  return assignPods(groups, groups, pods, roleLabel)
}

/** The one group of Service `web`, with these pods. */
function observeWeb(...pods: readonly Pod[]): Group {
  const [group] = observe([aService('web')], pods)
  if (!group) throw new Error('Service web is not managed')
  return group
}

const names = ({ members }: Group) => members.map(({ pod }) => pod.name)
const activePod = (name: string, epoch?: string) =>
  aPod(name, {
    labels: { role: 'active' },
    annotations: epoch === undefined ? undefined : { 'active-passive/epoch': epoch },
  })

const COPIED = { app: 'web', role: 'active', 'active-passive/pod': 'uid-of-web-0' }
const CLAIMED = { annotations: { 'active-passive/swap': 'x web-0' } }

describe('a Service is managed', () => {
  test.each<[string, Partial<Service>]>([
    ['when its selector holds role: active', {}],
    ['when it is annotated managed: "true"', { annotations: { 'active-passive/managed': 'true' } }],
    // Wrong spelling must not silently take a Service out of our hands: the policy names it.
    ['when managed is neither true nor false', { annotations: { 'active-passive/managed': 'no' } }],
    ['with a pin beside its role, and no other Service for the pod: somebody has applied both', { selector: COPIED }],
    ['while it is claimed, and its role was applied again beside the pin', { selector: COPIED, ...CLAIMED }],
    ['while it is latched, its role taken out', { selector: { app: 'web', 'active-passive/pod': 'uid-of-web-0' } }],
    [
      'while it is claimed, even with managed: "false"',
      { annotations: { 'active-passive/managed': 'false', 'active-passive/swap': 'x web-0' } },
    ],
  ])('%s', (_, service) => {
    expect(observe([aService('web', service)]).map(groupName)).toEqual(['default/web'])
  })

  test.each<[string, Partial<Service>]>([
    ['without a role in its selector', { selector: { app: 'web' } }],
    ['with another role in it', { selector: { app: 'web', role: 'passive' } }],
    ['without any selector', { selector: {} }],
    ['annotated managed: "false"', { annotations: { 'active-passive/managed': 'false' } }],
    ['of type ExternalName, which leads to no pods', { external: true }],
    ['while it is being deleted', { terminating: true }],
    [
      'while it is being deleted, though it is claimed',
      { terminating: true, annotations: { 'active-passive/swap': 'x' } },
    ],
    ['with a pin beside the role of a standby', { selector: { ...COPIED, role: 'passive' } }],
    ['with the role of a standby and a copied claim', { selector: { app: 'web', role: 'passive' }, ...CLAIMED }],
    ['with nothing but a pin: it never was of a group', { selector: { 'active-passive/pod': 'uid-of-web-0' } }],
  ])('but not %s', (_, service) => {
    expect(observe([aService('web', service)])).toEqual([])
  })

  test('but not what has the labels of a pod of another one, its pin and its role among them', () => {
    const debug = aService('debug', { selector: { ...COPIED, 'pod-name': 'web-0' } })
    expect(observe([aService('web'), debug]).map(groupName)).toEqual(['default/web'])
    const marked = { ...debug, annotations: { 'active-passive/healed': 'claim' } }
    expect(observe([aService('web'), marked]).map(groupName)).toEqual(['default/debug', 'default/web'])
  })

  test('by another role label if one is set', () => {
    const service = aService('web', { selector: { app: 'web', 'example.com/duty': 'active' } })
    const pod = aPod('web-0', { labels: { 'example.com/duty': 'active', role: 'whatever' } })
    const [group] = observe([service, aService('other')], [pod], 'example.com/duty')
    expect(group?.selector).toEqual({ app: 'web' })
    expect(group?.members).toMatchObject([{ role: 'active', labelled: true }])
  })
})

describe('where Services opt in,', () => {
  const saying = (text: string, rest: Partial<Service> = {}): Partial<Service> => ({
    ...rest,
    annotations: { 'active-passive/managed': text, ...rest.annotations },
  })
  const metrics = aService('web-metrics', { selector: { role: 'active', app: 'web' } })
  const managed = (...services: readonly Service[]) => groupServices(services, 'role', true).map(groupName)

  test.each<[string, readonly Service[], readonly string[]]>([
    ['one that says nothing', [aService('web')], []],
    ['one that says so', [aService('web', saying('true'))], ['default/web']],
    ['one that says nearly so', [aService('web', saying('True'))], []],
    ['one that says no', [aService('web', saying('false'))], []],
    ['one of the same selector', [aService('web', saying('true')), metrics], ['default/web,web-metrics']],
    ['its own no beside that', [aService('web', saying('true')), aService('x', saying('false'))], ['default/web']],
    ['one of another namespace', [aService('web', saying('true', { namespace: 'other' })), metrics], ['other/web']],
    [
      'one for the standbys',
      [aService('web', saying('true', { selector: { app: 'web', role: 'passive' } })), metrics],
      [],
    ],
    ['one that leads to no pods', [aService('web', saying('true', { external: true })), metrics], []],
    ['one that is being deleted', [aService('web', saying('true', { terminating: true })), metrics], []],
    ['a claim alone, which is released', [aService('web', CLAIMED), metrics], ['default/web']],
    [
      'one that is latched',
      [aService('web', saying('true', { ...CLAIMED, selector: { app: 'web', 'active-passive/pod': 'uid' } })), metrics],
      ['default/web,web-metrics'],
    ],
  ])('%s decides', (_, services, names) => {
    expect(managed(...services)).toEqual(names)
    expect(managed(...services.toReversed())).toEqual(names)
  })

  test('one that does not is no rival', () => {
    const own = aService('web', saying('true'))
    const stranger = aService('stranger', { selector: { tier: 'a', role: 'active' } })
    const everyGroup = groupServices([own, stranger], 'role', true)
    const pod = aPod('web-0', { labels: { tier: 'a' } })
    expect(assignPods(everyGroup, everyGroup, [pod], 'role')[0]).not.toHaveProperty('fault')
    const unasked = groupServices([own, stranger], 'role')
    expect(assignPods(everyGroup, unasked, [pod], 'role')[0]).toHaveProperty('fault.code', 'overlap')
  })
})

describe('Services make one group', () => {
  test('when they select the same once the role is out, in whatever order they say it', () => {
    const [group, ...more] = observe([
      aService('web-metrics', { selector: { role: 'active', tier: 'a', app: 'web' } }),
      aService('web', { selector: { app: 'web', tier: 'a', role: 'active' } }),
    ])
    expect(more).toEqual([])
    expect(group && groupName(group)).toBe('default/web,web-metrics')
    expect(group?.selector).toEqual({ tier: 'a', app: 'web' })
  })

  test('when one of them is latched and the other is not', () => {
    const latched = aService('b', { selector: { app: 'web', 'active-passive/pod': 'uid' } })
    expect(observe([aService('a'), latched]).map(groupName)).toEqual(['default/a,b'])
  })

  test('but not across namespaces', () => {
    const groups = observe([aService('web'), aService('web', { namespace: 'test' })], [aPod('web-0')])
    expect(groups.map((group) => [groupName(group), names(group)])).toEqual([
      ['default/web', ['web-0']],
      ['test/web', []],
    ])
  })
})

describe('the members of a group', () => {
  test('are the pods that match all its labels, with the numbers in their names compared as numbers', () => {
    const other = aPod('db-0', { labels: { app: 'db' } })
    expect(names(observeWeb(aPod('web-10'), other, aPod('web-9'), aPod('web-1')))).toEqual(['web-1', 'web-9', 'web-10'])
  })

  test('are the same in the same order however the pods are listed', () => {
    const pods = ['a-1', 'a-01', 'A-1', 'b', 'a-2'].map((name) => aPod(name))
    expect(names(observeWeb(...pods.toReversed()))).toEqual(names(observeWeb(...pods)))
  })

  test.each([
    ['active', { role: 'active', labelled: true }],
    ['passive', { role: 'passive', labelled: true }],
    [undefined, { role: 'passive', labelled: false }],
  ])('with the role label %s are %o', (role, expected) => {
    const group = observeWeb(aPod('web-0', role === undefined ? {} : { labels: { role } }))
    expect(group.members).toMatchObject([expected])
    expect(group.warnings).toEqual([])
  })

  test.each(['leader', '', 'Active'])('do not include a pod with role %j, which is named', (role) => {
    const group = observeWeb(aPod('web-0'), aPod('web-1', { labels: { role } }))
    expect(names(group)).toEqual(['web-0'])
    const hint = role === 'Active' ? '; did you mean active?' : ''
    expect(group.warnings).toEqual([
      `pod web-1: role="${role}" is neither active nor passive: left out of the group${hint}`,
    ])
  })

  test('are pinned when they carry their own uid, not that of the pod they were copied from', () => {
    const pin = (uid: string) => ({ labels: { 'active-passive/pod': uid } })
    const group = observeWeb(aPod('web-0', pin('uid-of-web-0')), aPod('web-1', pin('uid-of-web-0')), aPod('web-2'))
    expect(group.members.map(({ pin }) => pin)).toEqual(['own', 'foreign', 'none'])
  })
})

describe('our annotations on a pod, whoever wrote them,', () => {
  const read = (annotations: Pod['annotations']) => {
    const group = observeWeb(aPod('web-0', { annotations }))
    return { member: group.members[0], warnings: group.warnings }
  }

  test.each([
    ['1', 1],
    ['0', 0],
    ['42', 42],
    ['007', 7],
    ['9007199254740990', 9_007_199_254_740_990],
  ])('epoch %j is %d', (epoch, expected) => {
    const { member, warnings } = read({ 'active-passive/epoch': epoch })
    expect(member?.epoch).toBe(expected)
    expect(warnings).toEqual([])
  })

  test.each(['abc', '-1', '1e3', '1.5', ' 1', '+1', '0x10', '', '٣', '9007199254740991', '99999999999999999999'])(
    'epoch %j counts as 0, and is reported',
    (epoch) => {
      const { member, warnings } = read({ 'active-passive/epoch': epoch })
      expect(member?.epoch).toBe(0)
      expect(warnings).toEqual([
        `pod web-0: annotation active-passive/epoch=${JSON.stringify(epoch)} is not a whole number that can be counted up: taken for 0`,
      ])
    },
  )

  test('an endless epoch is cut short in the report', () => {
    expect(read({ 'active-passive/epoch': 'x'.repeat(200_000) }).warnings[0]?.length).toBeLessThan(200)
  })

  test.each([
    ['2', 2],
    ['999999999', 999_999_999],
    ['x', 0],
    ['-1', 0],
    ['1e9', 0],
    ['1.5', 0],
    ['', 0],
    ['9999999999', 0],
  ])('failures %j are %d', (failures, expected) => {
    expect(read({ 'active-passive/failures': failures }).member?.failures).toBe(expected)
  })

  test.each([
    ['2026-01-01T12:00:00.000Z', NOW],
    ['2999-01-01T00:00:00Z', Date.UTC(2999, 0)],
    ['yesterday', undefined],
    ['', undefined],
    ['2026-13-01T00:00:00Z', undefined],
  ])('a time %j is %s', (time, expected) => {
    const { member } = read({
      'active-passive/failed-at': time,
      'active-passive/healthy-since': time,
      'active-passive/since': time,
    })
    expect(member).toMatchObject({ failedAtMs: expected, healthySinceMs: expected, activeSinceMs: expected })
  })

  test.each([[undefined], [{}]])('absent (%o) they are all absent', (annotations) => {
    const { member, warnings } = read(annotations)
    expect(member).toMatchObject({ epoch: 0, failures: 0, failedAtMs: undefined, healthySinceMs: undefined })
    expect(warnings).toEqual([])
  })
})

describe('a group is left untouched', () => {
  test('when its selector holds nothing but the role: it would be the whole namespace', () => {
    const [group] = observe([aService('all', { selector: { role: 'active' } })], [aPod('web-0'), aPod('web-1')])
    expect(group).toMatchObject({
      members: [],
      fault: { code: 'selector-too-wide', object: 'service default/all', remedy: expect.stringContaining('app: NAME') },
    })
  })

  test('when it is latched and too wide', () => {
    const [group] = observe(
      [aService('all', { selector: { 'active-passive/pod': 'uid' }, ...CLAIMED })],
      [aPod('web-0')],
    )
    expect(group?.fault?.code).toBe('selector-too-wide')
  })

  test('when a pod of it is in another group too, and so is the other', () => {
    const both = aPod('web-1', { labels: { tier: 'gold' } })
    const gold = aService('gold', { selector: { tier: 'gold', role: 'active' } })
    const groups = observe([aService('web'), gold], [aPod('web-0'), both])
    expect(groups.map(({ fault, members }) => [fault?.code, fault?.object, members.length])).toEqual([
      ['overlap', 'pod default/web-1', 0],
      ['overlap', 'pod default/web-1', 0],
    ])
    expect(groups[0]?.fault?.message).toContain('service default/gold and by service default/web')
    expect(groups[1]?.fault).toEqual(groups[0]?.fault)
  })

  test('when a pod of it is in another group that is not served in this pass', () => {
    const everyGroup = groupServices(
      [aService('web'), aService('b', { selector: { tier: 'b', role: 'active' } })],
      'role',
    )
    const served = everyGroup.filter(({ services }) => services[0]?.name === 'web')
    const [group] = assignPods(served, everyGroup, [aPod('web-0', { labels: { tier: 'b' } })], 'role')
    expect(group?.fault?.code).toBe('overlap')
  })

  test('when several pods are active and none has our epoch: the role is in their template', () => {
    const group = observeWeb(activePod('web-0'), activePod('web-1'), aPod('web-2'))
    expect(group).toMatchObject({
      fault: {
        code: 'role-in-template',
        object: 'pods web-0, web-1 in namespace default',
        remedy: expect.stringContaining('kubectl label pod NAME role-'),
      },
    })
  })

  test.each(['0', 'abc'])('when the only epoch of several actives is %j, which is not ours', (epoch) => {
    expect(observeWeb(activePod('web-0', epoch), activePod('web-1')).fault?.code).toBe('role-in-template')
  })

  test('and what is strange about its pods is said all the same', () => {
    const { fault, warnings } = observeWeb(activePod('web-0', 'abc'), activePod('web-1', 'abc'))
    expect(fault?.code).toBe('role-in-template')
    expect(warnings).toHaveLength(2)
  })
})

describe('what has ended', () => {
  const ended = (name: string, rest: Partial<Pod> = {}) => aPod(name, { phase: 'Failed', ...rest })
  const owner = { kind: 'ReplicaSet', name: 'web-x', uid: 'uid-of-web-x' }

  test.each(['Failed', 'Succeeded'])('is no member, and is counted: %s', (phase) => {
    const group = observeWeb(aPod('web-0'), ended('web-1', { phase, labels: { role: 'active' } }))
    expect([names(group), group.ended.map(({ name }) => name), group.fault]).toEqual([['web-0'], ['web-1'], undefined])
    expect(endedActive(group, 'role')?.name).toBe('web-1')
  })

  test('does not put its group beside another one that selects it', () => {
    const gold = aService('gold', { selector: { tier: 'gold', role: 'active' } })
    const groups = observe(
      [aService('web'), gold],
      [aPod('web-0'), ended('web-1', { owner, labels: { tier: 'gold' } })],
    )
    expect(groups.map(({ fault }) => fault)).toEqual([undefined, undefined])
  })

  test('leaves a group empty that a controller has scaled to zero', () => {
    expect(observeWeb(ended('web-0', { owner })).fault).toBeUndefined()
  })

  test('is an error where it is all there is and no controller makes another: the first five are named', () => {
    const pods = ['web-9', 'web-1', 'web-3', 'web-0', 'web-2', 'web-4'].map((name) => ended(name))
    for (const some of [pods, pods.toReversed()]) {
      expect(observeWeb(...some).fault).toMatchObject({
        code: 'all-ended',
        object: 'service default/web',
        message: expect.stringContaining(
          '(web-0 is Failed, web-1 is Failed, web-2 is Failed, web-3 is Failed, web-4 is Failed, and 1 more)',
        ),
      })
    }
  })

  test('with the role is named by the first of several, however they are listed', () => {
    const pods = ['web-2', 'web-10', 'web-1'].map((name) => ended(name, { labels: { role: 'active' } }))
    for (const some of [pods, pods.toReversed()]) expect(endedActive(observeWeb(...some), 'role')?.name).toBe('web-1')
    expect(endedActive(observeWeb(ended('web-0')), 'role')).toBeUndefined()
  })
})

describe('pods whose role is the application’s own', () => {
  const leader = aPod('web-0', { labels: { role: 'leader' } })
  const follower = aPod('web-1', { labels: { role: 'follower' } })

  test('are an error where there are no others: it names their roles and another label', () => {
    expect(observeWeb(leader, follower).fault).toMatchObject({
      code: 'foreign-role',
      object: 'service default/web',
      message: expect.stringContaining('role=leader, role=follower'),
      remedy: expect.stringContaining('--role-label'),
    })
  })

  test('are left out, with a warning each, where there are others', () => {
    const { fault, warnings, strangers } = observeWeb(leader, aPod('web-2'))
    expect([fault, strangers.length, warnings.length]).toEqual([undefined, 1, 1])
  })
})

describe('a group is served', () => {
  test.each([
    ['one active without an epoch, as people and the recipe leave it', [activePod('web-0'), aPod('web-1')]],
    ['several actives of which one has our epoch', [activePod('web-0', '3'), activePod('web-1')]],
    ['several actives, all ours', [activePod('web-0', '3'), activePod('web-1', '3')]],
    ['no pods', []],
  ])('with %s', (_, pods) => {
    const group = observeWeb(...pods)
    expect(group.fault).toBeUndefined()
    expect(group.members).toHaveLength(pods.length)
  })

  test('next to a Service whose selector is too wide: that one is refused, and takes no pod', () => {
    const groups = observe([aService('all', { selector: { role: 'active' } }), aService('web')], [aPod('web-0')])
    expect(groups.map(({ fault }) => fault?.code)).toEqual(['selector-too-wide', undefined])
  })

  test('next to one of the same labels that is not managed', () => {
    const unmanaged = aService('b', {
      selector: { tier: 'b', role: 'active' },
      annotations: { 'active-passive/managed': 'false' },
    })
    const [group, ...more] = observe([aService('web'), unmanaged], [aPod('web-0', { labels: { tier: 'b' } })])
    expect(more).toEqual([])
    expect(group?.fault).toBeUndefined()
  })
})
