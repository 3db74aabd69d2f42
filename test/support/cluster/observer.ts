// Watches a namespace's pods and Services without missing a single write, so that a test can say of every instant, not
// only of those at which it happened to look, that there were never two actives.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, type Kube, type KubeList, type KubeObject, kube, type WatchEvent } from './client.js'
import {
  type Change,
  type Finding,
  maxActives,
  type ObservedPod,
  type ObservedService,
  type RoleOptions,
  serviceSelectsTwo,
  twoActives,
} from './history.js'
import { until } from './poll.js'

export interface Observer {
  /** Every write seen so far, in the order in which they were made; the first ones are what was there at the start. */
  readonly history: readonly Change[]
  /** The largest number of live pods labelled active at one instant. */
  readonly maxActives: number
  readonly instantsWithTwoActives: readonly Finding[]
  readonly instantsWhenServiceSelectsTwo: readonly Finding[]
  /** Resolves when every write that was answered before the call is in the history. @throws Error when one is lost */
  caughtUp(): Promise<void>
  stop(): Promise<void>
}

/** Where the marks are that `caughtUp` waits for: not in the observed namespace, where they would be in the way. */
const markNamespace = 'default'
const markLabel = 'observer-mark'
/** So many revisions are read one by one when a watch cannot go on where it broke off. */
const longestGap = 5_000

/**
 * Begins to watch. What was written before this resolves is in the history as one instant.
 * @param kubeconfig path of a kubeconfig that may list and watch everywhere, and write in the namespace `default`
 */
export async function observe(kubeconfig: string, namespace: string, options: RoleOptions = {}): Promise<Observer> {
  const api = kube(kubeconfig)
  const ended = new AbortController()
  const pods = new Stream<ObservedPod>(api, 'pods', namespace, ended.signal)
  const services = new Stream<ObservedService>(api, 'services', namespace, ended.signal)
  const revision = await pods.begin()
  await services.begin(revision)
  const marks = await createMarks(api)
  const running = [pods.follow(), services.follow()]

  let sorted: readonly Change[] = []
  // Whoever waits for a write asks over and over.
  const history = (): readonly Change[] => {
    if (sorted.length !== pods.seen.length + services.seen.length) {
      sorted = [
        ...pods.seen.map((change): Change => ({ kind: 'pod', ...change })),
        ...services.seen.map((change): Change => ({ kind: 'service', ...change })),
      ].sort((a, b) => a.revision - b.revision)
    }
    return sorted
  }

  return {
    get history() {
      return history()
    },
    get maxActives() {
      return maxActives(history(), options)
    },
    get instantsWithTwoActives() {
      return twoActives(history(), options)
    },
    get instantsWhenServiceSelectsTwo() {
      return serviceSelectsTwo(history(), options)
    },
    async caughtUp() {
      await Promise.all([pods.reaches(await marks.touch('pods')), services.reaches(await marks.touch('services'))])
    },
    async stop() {
      ended.abort()
      await Promise.all(running)
      await marks.remove()
    },
  }
}

/**
 * The changes of one kind of object. It watches all namespaces, because one that holds nothing new for the observed
 * namespace tells nothing about how far it is: writes to a mark elsewhere do.
 */
class Stream<T extends KubeObject> {
  readonly seen: (Pick<Change, 'revision' | 'deleted' | 'seenAtMs'> & { readonly object: T })[] = []
  #revision = 0
  #lost: Error | undefined
  readonly #known = new Map<string, T>()

  constructor(
    readonly api: Kube,
    readonly kind: 'pods' | 'services',
    readonly namespace: string,
    readonly signal: AbortSignal,
  ) {}

  /** Takes what there is, at `revision` or of this moment, and returns its revision. */
  async begin(revision?: number): Promise<number> {
    const { metadata, items } = await this.#list(revision)
    this.#revision = Number(metadata.resourceVersion)
    for (const object of items) this.#record(this.#revision, false, object)
    return this.#revision
  }

  /** Watches until the signal aborts, whatever becomes of its connections. */
  async follow(): Promise<void> {
    while (!this.signal.aborted && this.#lost === undefined) {
      try {
        await this.#watch()
      } catch (error) {
        if (this.signal.aborted) return
        if (isExpired(error)) await this.#fillGap()
        else await sleep(50, undefined, { signal: this.signal }).catch(() => undefined)
      }
    }
  }

  /** Resolves when the changes up to this revision are seen. */
  async reaches(revision: number): Promise<void> {
    await until(`the watch of ${this.kind} reaches revision ${revision}`, () => {
      if (this.#lost !== undefined) throw this.#lost
      if (this.signal.aborted) throw new Error('the observer is stopped')
      return this.#revision >= revision || undefined
    })
  }

  async #watch(): Promise<void> {
    const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${this.#revision}`
    for await (const event of this.api.watch<T>(`/api/v1/${this.kind}?${query}`, this.signal)) {
      if (event.type === 'ERROR') throw statusError(event)
      const { object } = event
      const revision = Number(object.metadata.resourceVersion)
      if (event.type !== 'BOOKMARK') this.#record(revision, event.type === 'DELETED', object)
      this.#revision = revision
    }
  }

  /**
   * An API server that has been restarted remembers no events from before. But etcd has every revision: what the
   * watch would have told is found by listing each revision since.
   */
  async #fillGap(): Promise<void> {
    try {
      const now = Number((await this.#list()).metadata.resourceVersion)
      if (now - this.#revision > longestGap) this.#lose(new Error(`${now - this.#revision} revisions at once`))
      while (this.#revision < now && !this.signal.aborted && this.#lost === undefined) {
        const revision = this.#revision + 1
        this.#compare(revision, (await this.#list(revision)).items)
        this.#revision = revision
      }
    } catch (error) {
      // Not reachable once more: the next watch finds out, and the gap is filled from where this got to.
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) this.#lose(error)
    }
  }

  #lose(cause: Error): void {
    this.#lost = new Error(`the observer has missed changes of ${this.kind}: ${cause.message}`, { cause })
  }

  #compare(revision: number, items: readonly T[]): void {
    const present = new Set(items.map(({ metadata }) => metadata.name))
    for (const [name, object] of this.#known) if (!present.has(name)) this.#record(revision, true, object)
    for (const object of items) {
      if (Number(object.metadata.resourceVersion) === revision) this.#record(revision, false, object)
    }
  }

  #record(revision: number, deleted: boolean, object: T): void {
    const { namespace, labels } = object.metadata
    if (namespace !== this.namespace || labels?.[markLabel] !== undefined) return
    this.seen.push({ revision, deleted, seenAtMs: performance.now(), object })
    if (deleted) this.#known.delete(object.metadata.name)
    else this.#known.set(object.metadata.name, object)
  }

  #list(revision?: number): Promise<KubeList<T>> {
    const at = revision === undefined ? '' : `?resourceVersion=${revision}&resourceVersionMatch=Exact`
    return this.api.get(`/api/v1/namespaces/${this.namespace}/${this.kind}${at}`)
  }
}

interface Marks {
  /** Writes the mark and returns the revision of the write. */
  touch(kind: 'pods' | 'services'): Promise<number>
  remove(): Promise<void>
}

async function createMarks(api: Kube): Promise<Marks> {
  const name = `observer-${randomUUID().slice(0, 8)}`
  const metadata = { name, labels: { [markLabel]: '' } }
  const path = (kind: string): string => `/api/v1/namespaces/${markNamespace}/${kind}`
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    // No scheduler has this name: the pod never runs.
    spec: { schedulerName: 'none', containers: [{ name: 'none', image: 'none' }], terminationGracePeriodSeconds: 0 },
  }
  const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: 'None' } }
  await api.post(path('pods'), pod)
  await api.post(path('services'), service)
  let touches = 0
  return {
    async touch(kind) {
      const annotations = { touched: String(++touches) }
      const mark = await api.patch(`${path(kind)}/${name}`, { metadata: { annotations } })
      return Number(mark.metadata.resourceVersion)
    },
    async remove() {
      await Promise.all([api.delete(`${path('pods')}/${name}`), api.delete(`${path('services')}/${name}`)])
    },
  }
}

function statusError({ object }: WatchEvent<unknown>): ApiError {
  const { code = 0, message = 'the watch ended with an error' } = object as { code?: number; message?: string }
  return new ApiError(code, message, JSON.stringify(object))
}

/** 410: the API server no longer has the events since that resourceVersion. */
function isExpired(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 410
  const response = error instanceof Error && 'response' in error ? error.response : undefined
  return (response as { statusCode?: number } | undefined)?.statusCode === 410
}
