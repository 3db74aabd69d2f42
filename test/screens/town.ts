/**
 * A cluster with a Service for each state that a screen may show: the in-process API, with pods whose probes are
 * answered by a real server. Names and times are the same in each run.
 */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HistoryEntry } from '../../handler/group/history.js'
import {
  ACTIVE_SINCE,
  EPOCH,
  FAILED_AT,
  FAILURES,
  HEALTHY_SINCE,
  HISTORY,
  MOVES,
  PAUSE,
  PIN,
  PREFIX,
} from '../../handler/kube/keys.js'
import { type Api, startApi } from '../support/api/server.js'
import { podDraft, podStatus, serviceDraft } from '../support/pods.js'

/** Where the clocks of the program stand. */
export const NOW = '2026-01-05T03:00:00Z'
const before = (minutes: number) => new Date(Date.parse(NOW) - minutes * 60_000).toISOString()
const HOUR = 60
const DAY = 24 * HOUR

interface PodOf {
  /** Minutes since it is active. Absent: it is passive. */
  readonly activeFor?: number
  /** The status with which it answers a probe. */
  readonly answers?: number
  readonly epoch?: number
  readonly failures?: number
  readonly unlabelled?: boolean
  readonly ready?: boolean
  readonly marks?: Readonly<Record<string, string>>
}

interface ServiceOf {
  readonly namespace: string
  readonly name: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly pods: Readonly<Record<string, PodOf>>
}

const entry = (minutes: number, rest: Omit<HistoryEntry, 'at'>): HistoryEntry => ({ at: before(minutes), ...rest })

const SERVICES: readonly ServiceOf[] = [
  {
    ...{ namespace: 'shop', name: 'db' },
    annotations: {
      [`${PREFIX}failures`]: '2',
      [`${PREFIX}never`]: 'db-2',
      [HISTORY]: JSON.stringify([
        entry(2 * DAY + 4 * HOUR, {
          ...{ kind: 'failover', from: 'db-1', to: 'db-0', reason: 'active-failed', epoch: 4 },
          text: 'db-1 failed its check 2 times in a row (500); db-0 passed its check',
        }),
        entry(3 * DAY, {
          ...{ kind: 'switchover', from: 'db-0', to: 'db-1', reason: 'by-hand', epoch: 3 },
          text: 'a switchover from db-0 to db-1 was asked for; db-1 passed its check',
        }),
        entry(12 * DAY, { kind: 'first', to: 'db-0', reason: 'no-active', text: 'no pod was active', epoch: 2 }),
      ]),
    },
    pods: { 'db-0': { activeFor: 2 * DAY + 4 * HOUR, epoch: 4 }, 'db-1': { epoch: 4 }, 'db-2': { epoch: 4 } },
  },
  {
    ...{ namespace: 'shop', name: 'cache' },
    annotations: { [PAUSE]: '2026-01-05T05:00:00Z' },
    pods: { 'cache-0': { activeFor: 9 * DAY }, 'cache-1': {} },
  },
  { ...{ namespace: 'shop', name: 'auth' }, pods: { 'auth-0': { activeFor: 40 * DAY }, 'auth-1': {} } },
  {
    ...{ namespace: 'shop', name: 'mail' },
    annotations: { [`${PREFIX}failures`]: '5' },
    pods: { 'mail-0': { activeFor: 35, answers: 503 }, 'mail-1': {}, 'mail-2': { answers: 500 } },
  },
  {
    ...{ namespace: 'shop', name: 'orders' },
    pods: { 'orders-0': { activeFor: 3 * HOUR, answers: 503, failures: 3 }, 'orders-1': {} },
  },
  {
    ...{ namespace: 'shop', name: 'queue' },
    pods: {
      'queue-0': { activeFor: 0.2, answers: 500, failures: 3, marks: { [MOVES]: `${before(0.2)}=queue-1` } },
      'queue-1': { marks: { [MOVES]: `${before(0.2)}=queue-1`, [HEALTHY_SINCE]: before(0.1) } },
    },
  },
  {
    ...{ namespace: 'shop', name: 'search' },
    pods: {
      'search-0': { activeFor: 40 * DAY, ready: false },
      'search-1': { ready: false },
    },
  },
  {
    ...{ namespace: 'shop', name: 'typo' },
    annotations: { [`${PREFIX}failures`]: 'many' },
    pods: { 'typo-0': { activeFor: 5 } },
  },
  {
    ...{ namespace: 'shop', name: 'web' },
    pods: { 'web-7d9f6c5b8-4xk2p': { unlabelled: true }, 'web-7d9f6c5b8-q9wzn': { unlabelled: true } },
  },
  {
    ...{ namespace: 'bank', name: 'ledger' },
    pods: { 'ledger-0': { activeFor: 90 * DAY, epoch: 1 }, 'ledger-1': { epoch: 1 } },
  },
]

export interface Town {
  readonly api: Api
  /** Of its kubeconfig. */
  readonly path: string
  close(): Promise<void>
}

/** Starts it. No two have anything in common. */
export async function buildTown(): Promise<Town> {
  const answers = new Map<string, number>()
  const pods = createServer((request, response) => {
    response.statusCode = answers.get(request.socket.localAddress ?? '') ?? 404
    response.end()
  }).listen(0, '0.0.0.0')
  await once(pods, 'listening')
  const { port } = pods.address() as AddressInfo
  const uid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
  const api = await startApi({ uid })
  let created = 0
  for (const { namespace, name, annotations, pods: ofService } of SERVICES) {
    const draft = serviceDraft({
      name,
      selector: { app: name, role: 'active' },
      ...(annotations ? { annotations } : {}),
    })
    api.store.create('services', { ...draft, metadata: { ...draft.metadata, namespace } } as never)
    created++
    const uids = new Map(Object.keys(ofService).map((pod, n) => [pod, uid(created + 1 + n)]))
    for (const [pod, how] of Object.entries(ofService)) {
      created++
      const ip = `127.0.1.${created}`
      answers.set(ip, how.answers ?? 200)
      const { labels, annotations: marks } = marksOf(how, uids.get(pod) ?? '', uids)
      const draft = podDraft({ name: pod, port, labels: { app: name, ...labels }, annotations: marks })
      api.store.create('pods', {
        metadata: { ...draft.metadata, namespace },
        spec: { ...draft.spec, nodeName: `node-${1 + (created % 3)}` },
        status: podStatus({ ip, ...(how.ready === undefined ? {} : { ready: how.ready }) }),
        setBy: Object.fromEntries(Object.keys({ ...labels, ...marks }).map((key) => [key, 'active-passive'])),
      } as never)
    }
  }
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-screens-'))
  const path = join(folder, 'kubeconfig')
  await writeFile(path, api.kubeconfig)
  return {
    ...{ api, path },
    close: async () => {
      pods.closeAllConnections()
      pods.close()
      await api.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** What a pass has written on the pod. */
function marksOf(
  { activeFor, epoch = 2, failures, unlabelled, marks = {} }: PodOf,
  own: string,
  uids: Map<string, string>,
) {
  if (unlabelled) return { labels: {}, annotations: {} }
  const named = Object.entries(marks).map(([key, value]) => [
    key,
    value.replace(/=(.+)$/, (_, pod: string) => `=${uids.get(pod) ?? pod}`),
  ])
  return {
    labels: { role: activeFor === undefined ? 'passive' : 'active', [PIN]: own },
    annotations: {
      [EPOCH]: `${epoch}`,
      ...(activeFor === undefined ? {} : { [ACTIVE_SINCE]: before(activeFor) }),
      ...(failures === undefined ? {} : { [FAILURES]: `${failures}`, [FAILED_AT]: before(0.5) }),
      ...Object.fromEntries(named),
    },
  }
}
