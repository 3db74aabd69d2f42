// What counts as healed, and in which words it is said.
import { describe, expect, it } from 'vitest'
import { CLAIM, PIN } from '../../../handler/kube/keys.js'
import type { Service, Writer } from '../../../handler/kube/port.js'
import { incidentsOf } from '../../../handler/pass/healing.js'
import { faultOfHealing } from '../../../handler/pass/healing-faults.js'
import type { GroupReport } from '../../../handler/report/report.js'
import { aGroupReport, aMember, anActive, aService, aWrite, MINUTE, NOW } from '../../support/builders.js'

const writer = (manager: string, rest: Partial<Writer> = {}): Writer => ({
  ...{ manager, created: false, owns: false, labels: ['role'], annotations: [] },
  ...rest,
})
const by = (manager: string, rest: Partial<Writer> = {}) => ({ writers: [writer(manager, rest)] })
const whats = (report: GroupReport, released: readonly Service[] = []) =>
  incidentsOf(report, released, 'role').map(({ what, pods }) => [what, ...pods.map(({ pod }) => pod.name)])
const wrote = (pod: string) => [aWrite(`pod/${pod}`)]

const web0 = anActive('web-0', { pod: by('active-passive'), activeSinceMs: NOW })
const sealed = { epoch: 1, pin: 'own' } as const

it('the text of a claim stays on its line, whatever somebody has written there', () => {
  const service = aService('web', { annotations: { [CLAIM]: 'x\n\nweb-9 is the active pod\u001b[2J' } })
  const told = { namespace: 'default', roleLabel: 'role', members: [], isDryRun: false }
  const { message } = faultOfHealing({ what: 'claim', services: [service], pods: [] }, 1, told)
  expect(message).toContain(String.raw`"x\n\nweb-9 is the active pod\u001b[2J"`)
})

describe('several active pods', () => {
  it.each([
    ['are healed where somebody has labelled one', { pod: by('kubectl-label') }, [['role', 'web-1']]],
    ['are healed where nobody knows who it was', {}, [['role', 'web-1']]],
    ['are not where one was born with its role', { epoch: 0, pod: by('kubectl-create', { created: true }) }, []],
    ['are where a swap had made that one passive since', { pod: by('client', { created: true }) }, [['role', 'web-1']]],
    ['are not where one is a copy', { pin: 'foreign' }, []],
  ] as const)('%s', (_what, rest, expected) => {
    const web1 = aMember('web-1', { role: 'active', ...sealed, ...rest } as Parameters<typeof aMember>[1])
    expect(whats(aGroupReport([web0, web1]))).toEqual(expected)
  })

  it('are not healed by a repair that was not done', () => {
    const web1 = aMember('web-1', { role: 'active', ...sealed })
    expect(whats(aGroupReport([web0, web1], { activeAfter: undefined }))).toEqual([])
  })
})

describe('an active pod that is labelled passive', () => {
  it.each([
    ['is healed where somebody has done that', { pod: by('kubectl-label') }, [['role', 'web-0']]],
    ['is not where a pass has, which was cut off', { pod: by('active-passive') }, []],
    ['is not where it was not the active one', { activeSinceMs: undefined, pod: by('kubectl-label') }, []],
    ['is not where a newer swap has made another one active', { epoch: 0, pod: by('kubectl-label') }, []],
    ['is not where it terminates', { pod: { ...by('kubectl-label'), terminating: true } }, []],
  ] as const)('%s', (_what, rest, expected) => {
    const web0 = aMember('web-0', { ...sealed, activeSinceMs: NOW, ...rest } as Parameters<typeof aMember>[1])
    const winner = { ...aMember('web-1', sealed) }
    const decision = { kind: 'failover', winner, reason: { code: 'active-gone', text: '' } }
    const report = aGroupReport([web0, winner], { decision, activeAfter: 'web-1' } as Partial<GroupReport>)
    expect(whats(report)).toEqual(expected)
  })
})

describe('a pod without a role', () => {
  const older = (ms: number) => ({ pod: { createdAtMs: NOW - ms } })
  it.each([
    ['is wiped where it has an epoch', { epoch: 1 }, true],
    ['is wiped where it has its pin', { pin: 'own' }, true],
    ['is wiped where it is older than a swap that has sealed all', older(2 * MINUTE), true],
    ['is new where it may have come during the swap', older(MINUTE - 1), false],
    ['is new where nobody knows how old it is', { pod: { createdAtMs: 0 } }, false],
    ['is new where its workload came later', { pod: { owner: { kind: 'StatefulSet', name: 'db', uid: 'u' } } }, false],
    ['is a copy where it has the pin of another', { epoch: 1, pin: 'foreign' }, false],
  ] as const)('%s', (_what, rest, isWiped) => {
    const web1 = aMember('web-1', { labelled: false, ...rest } as Parameters<typeof aMember>[1])
    const expected = isWiped ? [['marks', 'web-1']] : []
    expect(whats(aGroupReport([web0, web1], { writes: wrote('web-1') }))).toEqual(expected)
    expect(whats(aGroupReport([web0, web1]))).toEqual([])
  })

  it('is one thing where it was the active one', () => {
    const lost = aMember('web-0', { ...sealed, pin: 'none', labelled: false, activeSinceMs: NOW })
    const report = aGroupReport([lost, aMember('web-1', sealed)], { writes: wrote('web-0') })
    expect(whats(report)).toEqual([['role', 'web-0']])
  })
})

describe('a claim', () => {
  const told = { namespace: 'default', roleLabel: 'role', members: [web0], isDryRun: false }
  const claimedBy = (manager?: string): Service =>
    aService('web', {
      selector: { app: 'web', [PIN]: web0.pod.uid },
      annotations: { [CLAIM]: '0123 web-1' },
      ...(manager ? { claimedBy: { manager, time: '2026-01-01T03:12:08Z' } } : {}),
    })
  const said = (manager?: string, times = 2) => {
    const [incident] = incidentsOf(aGroupReport([web0]), [claimedBy(manager)], 'role')
    return incident && faultOfHealing(incident, times, told)
  }

  it('is said with its object, who wrote it and when, how often, and a remedy', () => {
    expect(said('argocd-controller')).toEqual({
      code: 'healed-again',
      object: 'service default/web',
      message:
        'its selector was pinned to pod web-0 by argocd-controller at 2026-01-01T03:12:08Z; it was released, again (2 times within an hour)',
      remedy:
        'Take active-passive/pod and active-passive/swap out of the manifests that argocd-controller applies, and have GitOps leave them alone: Argo CD by ignoreDifferences (kind: Service, jsonPointers: [/spec/selector, /metadata/annotations/active-passive~1swap]) with the sync option RespectIgnoreDifferences=true, Flux by spec.ignore of the Kustomization (the same paths).',
    })
    expect(said('argocd-controller', 1)?.message).not.toContain('again')
    expect(said('argocd-controller', 10)?.message).toContain('10 times or more')
  })

  it.each([
    ['kustomize-controller', 'the manifests that kustomize-controller applies'],
    ['helm', 'the chart or its values'],
    ['kubectl-client-side-apply', 'applied or replaced with kubectl (kubectl-client-side-apply)'],
    ['before-first-apply', 'applied or replaced with kubectl (before-first-apply)'],
    ['kubectl-edit', 'what kubectl-edit writes'],
    ['active-passive', 'why passes end early'],
    [undefined, 'the audit log'],
  ])('by %s is to be taken out where it comes from', (manager, where) => {
    const { message, remedy } = said(manager) ?? {}
    expect(remedy).toContain(where)
    expect(message).toContain(manager ?? 'no field manager tells who')
  })
})
