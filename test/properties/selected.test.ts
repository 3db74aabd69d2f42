// Which pods are whose, against the plainest way to find out; and that it stays cheap whatever labels a tenant makes up.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignPods, groupKey, groupName, groupServices, selects } from '../../handler/group/groups.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import { GroupCache } from '../../handler/serve/watch/cache.js'
import { aPod, aService } from '../support/builders.js'
import { limit, parameters } from './runs.js'

const labels = fc.dictionary(fc.constantFrom('app', 'a', 'b', 'c'), fc.constantFrom('x', 'y'), { minKeys: 1 })
const namespace = fc.constantFrom('one', 'two')
const pods = fc
  .array(fc.record({ labels, namespace, phase: fc.constantFrom('Running', 'Running', 'Failed') }), { maxLength: 70 })
  .map((all) => all.map((pod, n) => ({ ...aPod(`p-${n}`, pod), labels: pod.labels })))
const services = fc
  .array(fc.record({ selector: labels, namespace }), { maxLength: 12 })
  .map((all) => all.map((one, n) => aService(`s-${n}`, { ...one, selector: { ...one.selector, role: 'active' } })))

describe('whatever is labelled how,', limit, () => {
  test('a group has the pods that its selector takes, unless a live one is in another group too', () => {
    fc.assert(
      fc.property(services, pods, (services, pods) => {
        const groups = groupServices(services, 'role')
        for (const group of assignPods(groups, groups, pods, 'role')) {
          const own = pods.filter((pod) => selects(group, pod))
          const live = own.filter(({ phase }) => phase === 'Running')
          const sharing = (pod: Pod) => groups.filter((other) => selects(other, pod))
          const shared = live.find((pod) => sharing(pod).length > 1)
          if (shared) {
            const names = sharing(shared).map((one) => `service ${groupName(one)}`)
            expect(group.fault).toMatchObject({
              code: 'overlap',
              object: `pod ${shared.namespace}/${shared.name}`,
              message: expect.stringContaining(names.sort().slice(0, 10).join(' and by ')),
            })
            expect([group.members, group.ended]).toEqual([[], []])
          } else {
            expect(group.members.map(({ pod }) => pod.name)).toEqual(live.map(({ name }) => name))
            expect(group.ended).toEqual(own.filter((pod) => !live.includes(pod)))
          }
        }
      }),
      parameters(),
    )
  })

  test('the watches know of a group what a new list of everything would tell them', () => {
    const change = fc.record({ at: fc.nat(), labels, kind: fc.constantFrom('pod', 'no pod', 'service', 'no service') })
    fc.assert(
      fc.property(services, pods, fc.array(change, { maxLength: 10 }), (services, pods, changes) => {
        const watched = new GroupCache('role')
        const now = { services: new Map<string, Service>(), pods: new Map<string, Pod>() }
        for (const one of services) now.services.set(one.uid, one)
        for (const one of pods) now.pods.set(one.uid, one)
        watched.podsListed(undefined, pods)
        watched.servicesListed(undefined, services)
        for (const { at, kind, labels } of changes) {
          const [pod, service] = [pods[at % pods.length], services[at % services.length]]
          if (kind === 'pod' && pod) {
            const changed = { ...pod, labels }
            now.pods.set(pod.uid, changed)
            watched.podChanged(changed)
          } else if (kind === 'no pod' && pod) {
            now.pods.delete(pod.uid)
            watched.podDeleted(pod)
          } else if (kind === 'service' && service) {
            const changed = { ...service, selector: { ...labels, role: 'active' } }
            now.services.set(service.uid, changed)
            watched.serviceChanged(changed)
          } else if (kind === 'no service' && service) {
            now.services.delete(service.uid)
            watched.serviceDeleted(service)
          }
        }
        const fresh = new GroupCache('role')
        fresh.servicesListed(undefined, [...now.services.values()])
        fresh.podsListed(undefined, [...now.pods.values()])
        for (const { namespace, selector } of groupServices([...services, ...now.services.values()], 'role')) {
          const key = groupKey(namespace, selector)
          expect(watched.need(key)).toEqual(fresh.need(key))
        }
      }),
      parameters(),
    )
  })
})

describe('2,000 groups and 5,000 pods of one tenant', limit, () => {
  const range = (size: number) => Array.from({ length: size }, (_, n) => n)
  const KEYS = range(12)
  const isSet = (n: number, bit: number) => ((n >> bit) & 1) === 1
  const ofService = {
    'that share one label each': (n: number) => ({ t: 'x', app: `a${n}` }),
    'that differ in bits': (n: number) => Object.fromEntries(KEYS.map((bit) => [`b${bit}`, String(isSet(n, bit))])),
    'that all select all pods': (n: number) =>
      Object.fromEntries(KEYS.flatMap((bit) => (isSet(n + 1, bit) ? [[`b${bit}`, 'true']] : []))),
  }
  const ofPod: typeof ofService = {
    ...ofService,
    'that share one label each': (n) => ({ t: 'x', app: `a${n % 2_000}` }),
    'that all select all pods': () => Object.fromEntries(KEYS.map((bit) => [`b${bit}`, 'true'])),
  }

  test.each(Object.keys(ofService) as (keyof typeof ofService)[])('%s: each pod is looked at a few times', (shape) => {
    let looks = 0
    const counted = (n: number): Pod => {
      const { labels: _labels, ...pod } = aPod(`p-${n}`)
      const labels = ofPod[shape](n)
      return Object.defineProperty(pod as Pod, 'labels', {
        get: () => {
          looks++
          return labels
        },
      })
    }
    const services = range(2_000).map((n) =>
      aService(`s-${n}`, { selector: { ...ofService[shape](n), role: 'active' } }),
    )
    const groups = groupServices(services, 'role')
    const pods = range(5_000).map(counted)
    assignPods(groups, groups, pods, 'role')
    expect(looks / pods.length).toBeLessThan(20)
    looks = 0
    const watched = new GroupCache('role')
    watched.servicesListed(undefined, services)
    watched.podsListed(undefined, pods)
    expect(looks / pods.length).toBeLessThan(20)
  })
})
