// Handlers that do not see the same, and one that sees nothing.
import { blind, lose } from '../acts.js'
import type { Scenario } from '../scenario.js'
import type { Loss } from '../views.js'
import type { Workload } from '../workload.js'

const two: Workload = { kind: 'StatefulSet' }
const preferring: Workload = { ...two, annotations: { prefer: 'shop-0', failback: '0s' } }
const losses: readonly (readonly [Loss, string])[] = [
  ['reject', 'refused'],
  ['drop', 'dropped'],
]

const bothWays = (scenario: (how: Loss, so: string) => Scenario): readonly Scenario[] =>
  losses.map(([how, so]) => scenario(how, so))

export const viewpoints: readonly Scenario[] = [
  ...bothWays((how, so) => ({
    name: `one-sided-${how}`,
    what: `Two handlers, of which one does not reach the active pod (${so})`,
    workload: two,
    views: 2,
    acts: [lose(0, 'active', how)],
    thenS: 60,
  })),
  ...bothWays((how, so) => ({
    name: `crosswise-${how}`,
    what: `Two handlers, each of which does not reach one of the two pods (${so})`,
    workload: two,
    views: 2,
    acts: [lose(0, 'active', how), lose(1, 'passive', how)],
    thenS: 60,
  })),
  {
    name: 'crosswise-failback',
    what: 'The same (refused), one of them preferred, failback 0s',
    workload: preferring,
    views: 2,
    acts: [lose(0, 'active', 'reject'), lose(1, 'passive', 'reject')],
    thenS: 60,
  },
  ...bothWays((how, so) => ({
    name: `preferred-unseen-${how}`,
    what: `Two handlers, of which one does not reach the preferred pod (${so}), failback 0s`,
    workload: preferring,
    views: 2,
    acts: [lose(0, 'active', how)],
    thenS: 60,
  })),
  ...bothWays((how, so) => ({
    name: `blind-${how}`,
    what: `One group; its handler reaches no pod any more (${so})`,
    workload: two,
    views: 1,
    acts: [blind(0, 'all', how)],
    thenS: 40,
  })),
  {
    name: 'blind-6',
    what: '6 groups; their handler reaches no pod any more (dropped)',
    workload: two,
    groups: 6,
    views: 1,
    acts: [blind(0, 'all', 'drop')],
    thenS: 40,
  },
  {
    name: 'half-blind-6',
    what: '6 groups; their handler does not reach the active pods of 4 (dropped)',
    workload: two,
    groups: 6,
    views: 1,
    acts: [blind(0, 4, 'drop')],
    thenS: 40,
  },
]
