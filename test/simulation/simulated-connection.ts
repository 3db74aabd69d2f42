/** The port of a pass to the cluster, with requests that are slow, lost, throttled or left without an answer. */

import type { Kube, Pod, Service, Written } from '../../handler/kube/port.js'
import type { Clock } from '../../handler/util/clock.js'
import type { Code } from '../model/run.js'
import type { Call, ReadCall, WriteCall } from '../support/stored.js'
import type { Fate } from './fate.js'

/** Where the requests go. */
export interface Server {
  /** Of the nth request for the same. */
  fateOf(call: Call, nth: number): Fate
  isDenied(call: WriteCall): boolean
  read(call: ReadCall): Seen
  /** Of a write that is sent: what carries it out when it arrives. */
  write(call: WriteCall): () => Written<Pod | Service>
  /** The pass is told of a write that was carried out, and of the object. */
  heard(call: WriteCall, object: Pod | Service): void
}

export interface Seen {
  readonly objects: readonly (Pod | Service)[]
  /** The pass is told. */
  heard(): void
}

type Told<T> = { readonly answer: T } | { readonly none: 'throttled' | 'unauthenticated' | 'unanswered' }

const RETRY_AFTER_MS = 1_000
/** Nobody waits for longer: no pass has so much time. */
const FOR_EVER_MS = 60_000

/** @param isDead whether there is nobody any more who could be told */
export function connect(server: Server, clock: Clock, { KubeError }: Code, isDead: () => boolean): Kube {
  const counts = new Map<string, number>()
  let requests = 0
  const unanswered = new KubeError('unreachable', 'no answer', 'None.')
  const busy = new KubeError('failed', 'too many requests', 'None.', { retryAfterMs: RETRY_AFTER_MS })
  const unauthenticated = new KubeError('unauthenticated', 'status 401', 'None.')
  const denied = new KubeError('denied', 'forbidden', 'None.')

  async function send<T>(call: Call, signal: AbortSignal, sent: () => () => T): Promise<Told<T>> {
    if (isDead()) return never()
    if (signal.aborted) return { none: 'unanswered' }
    requests++
    const name = nameOf(call)
    const nth = counts.get(name) ?? 0
    counts.set(name, nth + 1)
    const { kind, arrivesMs, answersMs } = server.fateOf(call, nth)
    if (kind === 'unauthenticated') {
      await clock.sleep(answersMs ?? FOR_EVER_MS, signal)
      return isDead() ? never() : { none: signal.aborted ? 'unanswered' : kind }
    }
    const carryOut = sent()
    let landed: { readonly answer: T } | undefined
    const arrive = () => {
      landed = { answer: carryOut() }
    }
    // It arrives whether or not anybody still waits for it.
    if (arrivesMs !== undefined) void clock.sleep(arrivesMs).then(arrive)
    await clock.sleep(answersMs ?? FOR_EVER_MS, signal)
    if (isDead()) return never()
    if (signal.aborted) return { none: 'unanswered' }
    if (kind === 'throttled') return { none: 'throttled' }
    const isTold = kind === 'well' || kind === 'slow'
    return isTold && landed ? landed : { none: 'unanswered' }
  }
  const read = async (call: ReadCall, signal: AbortSignal) => {
    const told = await send(call, signal, () => () => server.read(call))
    if ('answer' in told) {
      told.answer.heard()
      return told.answer.objects
    }
    throw { throttled: busy, unauthenticated, unanswered }[told.none]
  }
  const write = async (call: WriteCall, signal: AbortSignal): Promise<Written<Pod | Service>> => {
    const refuse = () => ({ kind: 'denied', error: denied }) as const
    const told = await send(call, signal, () => (server.isDenied(call) ? refuse : server.write(call)))
    if ('answer' in told) {
      if (told.answer.kind === 'applied') server.heard(call, told.answer.object)
      return told.answer
    }
    if (told.none === 'unauthenticated') return { kind: 'unauthenticated', error: unauthenticated }
    return told.none === 'throttled'
      ? { kind: 'throttled', retryAfterMs: RETRY_AFTER_MS }
      : { kind: 'unknown', error: unanswered }
  }
  return {
    get requests() {
      return requests
    },
    listPods: (options, signal) => read({ verb: 'listPods', options }, signal) as Promise<readonly Pod[]>,
    listServices: (options, signal) => read({ verb: 'listServices', options }, signal) as Promise<readonly Service[]>,
    patchPod: (pod, patch, signal) => write({ verb: 'patchPod', pod, patch }, signal) as Promise<Written<Pod>>,
    patchPodMetadata: (pod, patch, signal) =>
      write({ verb: 'patchPodMetadata', pod, patch }, signal) as Promise<Written<Pod>>,
    patchService: (service, patch, signal) =>
      write({ verb: 'patchService', service, patch }, signal) as Promise<Written<Service>>,
    testService: (service, annotation, value, signal) =>
      write({ verb: 'testService', service, annotation, value }, signal) as Promise<Written<Service>>,
  }
}

/** What a request is about. */
export function nameOf(call: Call): string {
  if ('pod' in call) return `${call.verb} ${call.pod.name}`
  if ('service' in call) return `${call.verb} ${call.service.name}`
  return `${call.verb} ${call.options.namespace} ${call.options.labels?.app ?? ''}`
}

/** The dead are not told anything. */
export function never<T>(): Promise<T> {
  return new Promise(() => {})
}
