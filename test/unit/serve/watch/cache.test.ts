import { beforeEach, describe, expect, it } from 'vitest'
import { CLAIM, PIN } from '../../../../handler/kube/keys.js'
import type { Pod, ReadinessProbe, Service } from '../../../../handler/kube/port.js'
import { GroupCache, type GroupEvent } from '../../../../handler/serve/watch/cache.js'
import { DEFAULT_SETTINGS } from '../../../../handler/settings/settings.js'
import { annotated, aPod, aService } from '../../../support/builders.js'

const WEB = JSON.stringify(['default', [['app', 'web']]])
const calm: GroupEvent = { key: WEB, urgent: false }
const urgent: GroupEvent = { key: WEB, urgent: true }

const PROBE: ReadinessProbe = { kind: 'tcp', port: 5432, timeoutMs: 1_000 }
const active = aPod('a', { labels: { role: 'active' } })
const passive = aPod('b', { labels: { role: 'passive' } })
const claimed = (token = 'token b'): Service =>
  aService('web', { annotations: { [CLAIM]: token }, selector: { app: 'web', [PIN]: active.uid } })

describe('what the watches know of the groups', () => {
  let groups: GroupCache
  beforeEach(() => {
    groups = new GroupCache('role')
    groups.servicesListed(undefined, [aService('web')])
    groups.podsListed(undefined, [active, passive])
  })
  const need = () => groups.need(WEB).kind
  /** The group when these are all of its pods. */
  const withPods = (...pods: readonly Pod[]) => {
    groups.podsListed(undefined, pods)
    return need()
  }

  it.each<readonly [string, 'none' | 'unserved', readonly Pod[]]>([
    ['an active pod that is Ready', 'none', [active, passive]],
    ['no pod', 'none', []],
    ['no active pod', 'unserved', [passive]],
    ['no active pod, and none that is Ready', 'unserved', [{ ...passive, ready: false }]],
    ['no active pod, and none that runs', 'none', [{ ...passive, phase: 'Pending' }]],
    ['two active pods', 'unserved', [active, { ...passive, labels: active.labels }]],
    ['an active pod that is not Ready', 'unserved', [{ ...active, ready: false }, passive]],
    ['an active pod that goes', 'unserved', [{ ...active, terminating: true }, passive]],
    ['an active pod that has ended', 'unserved', [{ ...active, phase: 'Failed' }, passive]],
    [
      'none that could take over',
      'none',
      [
        { ...active, ready: false },
        { ...passive, ready: false },
      ],
    ],
    ['one pod alone, not Ready', 'none', [{ ...active, ready: false }]],
    ['pods of another application', 'none', [aPod('c', { labels: { app: 'other' } })]],
  ])('%s: %s', (_name, kind, pods) => {
    expect(withPods(...pods)).toBe(kind)
  })

  it('knows a pod again however many groups it has been in before, one after the other', () => {
    for (let n = 0; n < 20; n++)
      groups.serviceChanged(aService('web', { selector: { [`k${n}`]: 'x', role: 'active' } }))
    const labels = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, 'x']))
    const odd = aPod('c', { labels })
    groups.podChanged(odd)
    for (let n = 0; n < 20; n++) {
      groups.serviceChanged(aService('web', { selector: { [`k${n}`]: 'x', role: 'active' } }))
      expect(groups.need(JSON.stringify(['default', [[`k${n}`, 'x']]])).kind).toBe('unserved')
    }
  })

  describe('of a group with a pod that cannot be read, which no pass serves', () => {
    const unread: Pod = { ...passive, ready: false, containers: [], unread: new TypeError('boom') }
    beforeEach(() => void groups.podsListed(undefined, [{ ...active, ready: false }, unread]))

    it.each<readonly [string, () => readonly GroupEvent[]]>([
      ['it is gone', () => groups.podDeleted(unread)],
      ['it has ended', () => groups.podChanged({ ...unread, phase: 'Failed' })],
      ['it is in the group no longer', () => groups.podChanged({ ...unread, labels: {} })],
      ['it can be read, and is not Ready', () => groups.podChanged({ ...passive, ready: false })],
    ])('that it can be served again is urgent: %s', (_how, change) => {
      expect(change()).toEqual([urgent])
    })

    it('other changes of it are not', () => {
      expect(groups.podChanged({ ...unread, phase: 'Pending' })).toEqual([calm])
      expect(groups.podChanged({ ...unread, phase: 'Pending' })).toEqual([])
    })
  })

  describe('where all Services publish the addresses of pods that are not Ready', () => {
    const published = (healthCheck?: string) => ({
      ...annotated('web', healthCheck === undefined ? {} : { 'health-check': healthCheck }),
      publishNotReadyAddresses: true,
    })
    const probed: Pod = { ...active, containers: [{ name: 'app', ports: [], readinessProbe: PROBE }] }
    const notReady = (pod: Pod): Pod => ({ ...pod, ready: false })

    it.each<readonly [string, Pod, string | undefined]>([
      ['by its own probe', probed, undefined],
      ['by a check of ours', active, 'tcp://:5432'],
    ])('lets a pod be active that is not Ready and may be healthy %s', (_how, pod, check) => {
      groups.serviceChanged(published(check))
      groups.podChanged(pod)
      expect(groups.podChanged(notReady(pod))).toEqual([calm])
      expect(need()).toBe('none')
    })

    it.each<readonly [string, Pod, string | undefined]>([
      ['that is what its check asks', probed, 'ready'],
      ['that is one of the lines of its check', probed, 'tcp://:5432\nready'],
      ['it has no probe', active, undefined],
      [
        'its probe can not be run from here',
        { ...active, containers: [{ name: 'app', ports: [], readinessProbe: { ...PROBE, kind: 'exec' } as never }] },
        'probe',
      ],
    ])('but not a pod that has to be Ready, as %s', (_why, pod, check) => {
      groups.serviceChanged(published(check))
      groups.podChanged(pod)
      expect(need()).toBe('none')
      expect(groups.podChanged(notReady(pod))).toEqual([urgent])
      expect(need()).toBe('unserved')
      groups.podChanged(pod)
      expect(need()).toBe('none')
    })

    it('goes by what the flags say, and reads annotations again that have changed', () => {
      groups = new GroupCache('role', { services: [] }, false, {
        ...DEFAULT_SETTINGS,
        'health-check': [{ kind: 'ready' }],
      })
      groups.servicesListed(undefined, [published()])
      groups.podsListed(undefined, [notReady(probed), passive])
      expect(need()).toBe('unserved')
      groups.serviceChanged(published('probe'))
      expect(need()).toBe('none')
      groups.serviceChanged(published('ready'))
      expect(need()).toBe('unserved')
    })

    it('takes a pod that meets a defect for one that does not serve, and goes on', () => {
      groups.serviceChanged(published())
      const odd = Object.defineProperty(notReady(active), 'containers', {
        get: () => {
          throw new TypeError('boom')
        },
      })
      expect(groups.podChanged(odd)).toEqual([urgent])
      expect(need()).toBe('unserved')
    })

    it('needs nothing for annotations that make no sense: no pass would touch the group', () => {
      groups.serviceChanged(published('nonsense'))
      groups.podChanged(probed)
      expect(groups.podChanged(notReady(probed))).toEqual([calm])
      expect(need()).toBe('none')
    })
  })

  it('needs nothing for what is paused or not managed, but to release a claim', () => {
    groups.serviceChanged(annotated('web', { pause: 'true' }))
    expect(withPods(passive)).toBe('none')
    const service = claimed()
    groups.serviceChanged({ ...service, annotations: { ...service.annotations, 'active-passive/pause': 'true' } })
    expect(need()).toBe('claimed')
    groups.serviceChanged(annotated('web', { managed: 'false' }))
    expect(need()).toBe('none')
    expect(groups.group(WEB)).toBeUndefined()
  })

  it('tells one claim from the next', () => {
    expect(groups.serviceChanged(claimed('one b'))).toEqual([calm])
    const first = groups.need(WEB)
    groups.serviceChanged(claimed('two b'))
    expect([first.kind, need()]).toEqual(['claimed', 'claimed'])
    expect(groups.need(WEB)).not.toEqual(first)
  })

  it.each<readonly [string, Pod, readonly GroupEvent[]]>([
    ['is not Ready any more', { ...active, ready: false }, [urgent]],
    ['is being deleted', { ...active, terminating: true }, [urgent]],
    ['has ended', { ...active, phase: 'Succeeded' }, [urgent]],
    ['is taken out of the group', { ...active, labels: { app: 'other', role: 'active' } }, [urgent]],
    ['is made passive, by a swap', { ...active, labels: passive.labels }, [calm]],
    ['has got another annotation', { ...active, annotations: { note: 'x' } }, []],
    ['has got another label', { ...active, labels: { ...active.labels, note: 'x' } }, []],
  ])('an active pod that %s', (_name, pod, events) => {
    expect(groups.podChanged(pod)).toEqual(events)
  })

  it('is told at once of a pod that becomes able to take over', () => {
    groups.podChanged({ ...passive, ready: false })
    expect(groups.podChanged(passive)).toEqual([urgent])
    expect(groups.podChanged(aPod('c', { ready: false }))).toEqual([calm])
    expect(groups.podChanged(aPod('c'))).toEqual([urgent])
  })

  it('is told at once that the active pod was deleted, and that of the others only by and by', () => {
    expect(groups.podDeleted(passive)).toEqual([calm])
    expect(groups.podDeleted(active)).toEqual([urgent])
    expect(groups.podDeleted(active)).toEqual([])
  })

  it('takes what a list does not hold for gone, in its namespace alone', () => {
    const other = { ...active, namespace: 'other', uid: 'other' }
    groups.serviceChanged(aService('web', { namespace: 'other', uid: 'other' }))
    groups.podChanged(other)
    expect(groups.podsListed('default', [passive])).toEqual([urgent])
    expect(need()).toBe('unserved')
    expect(groups.need(WEB.replace('default', 'other')).kind).toBe('none')
    groups.servicesListed('default', [])
    expect(groups.group(WEB)).toBeUndefined()
    expect(groups.group(WEB.replace('default', 'other'))).toBeDefined()
  })

  it('knows a pod that was put in the place of another by its uid', () => {
    const successor = { ...active, uid: 'another', labels: { app: 'web' } }
    groups.podChanged(successor)
    expect(groups.podDeleted(active)).toEqual([urgent])
    expect(need()).toBe('unserved')
    expect(withPods({ ...successor, labels: active.labels })).toBe('none')
  })

  it('has no group of a selector that holds nothing but the role', () => {
    groups.servicesListed(undefined, [aService('all', { selector: { role: 'active' } })])
    expect(groups.need(JSON.stringify(['default', []])).kind).toBe('none')
  })

  it('has only the groups of the Services that somebody has named, with all of their Services', () => {
    groups = new GroupCache('role', { services: [{ namespace: 'default', name: 'web' }, { name: 'db' }] })
    const db = { selector: { app: 'db', role: 'active' } }
    const cache = { selector: { app: 'cache', role: 'active' } }
    groups.servicesListed(undefined, [aService('web-headless'), aService('cache', cache)])
    expect(groups.group(WEB)).toBeUndefined()
    groups.serviceChanged(aService('web'))
    groups.serviceChanged(aService('db', { ...db, namespace: 'other' }))
    groups.podsListed(undefined, [passive, aPod('cache', { labels: { app: 'cache' } })])
    expect(groups.group(WEB)?.services.map(({ name }) => name)).toEqual(['web', 'web-headless'])
    expect(need()).toBe('unserved')
    expect(groups.group(WEB.replaceAll('web', 'cache'))).toBeUndefined()
    expect(groups.podChanged(aPod('cache-1', { labels: { app: 'cache' } }))).toEqual([])
    expect(groups.group(WEB.replaceAll('web', 'db').replace('default', 'other'))).toBeDefined()
    groups.serviceDeleted(aService('web'))
    expect(groups.group(WEB)).toBeUndefined()
  })

  it('has only the groups of which a Service opts in, where that is asked for', () => {
    groups = new GroupCache('role', { services: [] }, true)
    groups.podsListed(undefined, [passive])
    expect(groups.servicesListed(undefined, [aService('web-metrics')])).toEqual([])
    expect(groups.podChanged(active)).toEqual([])
    expect(groups.serviceChanged(annotated('web', { managed: 'true' }))).toEqual([calm])
    expect(groups.group(WEB)?.services.map(({ name }) => name)).toEqual(['web', 'web-metrics'])
    expect(groups.podChanged({ ...active, ready: false })).toEqual([urgent])
    expect(groups.serviceChanged(aService('web'))).toEqual([])
    expect(groups.group(WEB)).toBeUndefined()
  })

  it('gives the pods that it knows to a Service that comes later', () => {
    groups.podsListed(undefined, [aPod('db', { labels: { app: 'db' } })])
    expect(groups.serviceChanged(aService('db', { selector: { app: 'db', role: 'active' } }))).toHaveLength(1)
    expect(groups.need(WEB.replace('web', 'db')).kind).toBe('unserved')
  })

  it('takes Services that differ in their version alone for the same', () => {
    expect(groups.serviceChanged(aService('web', { resourceVersion: '2' }))).toEqual([])
    expect(groups.serviceChanged(annotated('web', { failures: '5' }))).toEqual([calm])
  })
})
