/** serve with the loop and the watches, left alone on a real API server. */
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../support/cluster/poll.js'
import type { Cluster } from '../support/cluster-context.js'
import { openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { type Replica, startReplica, sumOf } from '../support/replica.js'
import { type Judgement, judge, type Sample } from './judge.js'

/** A leak of a kilobyte a pass is 3.6 MB in an hour; in a minute a heap may still grow to its size. */
const GROWTH_MB = 10
/** Of the first minutes: a busy machine collects its garbage, and warms up, later. */
const EARLY_GROWTH_MB = 20
const EARLY_MS = 5 * 60_000
const SAMPLES = 60

export interface Soak {
  readonly durationMs: number
  /** Of the loop; 1 s unless given. */
  readonly intervalMs?: number
  /** Ends it early. */
  readonly signal?: AbortSignal
}

/** @throws Error when serve ends on the way, or does not end well */
export async function soakServe(
  cluster: Cluster,
  { durationMs, intervalMs = 1_000, signal }: Soak,
): Promise<Judgement> {
  const world = await openNamespace(cluster, WATCH_RIGHTS)
  try {
    await world.addService({ name: 'helloworld' })
    for (const name of ['helloworld-0', 'helloworld-1']) await world.addPod(name)
    await world.run()
    const args = ['--interval', `${intervalMs}ms`, '--watch']
    const replica = await startReplica(args, { KUBECONFIG: world.kubeconfig })
    const samples = await take(replica, durationMs, signal).catch((error: unknown) => {
      replica.kill('SIGKILL')
      throw new Error(`serve does not answer: ${replica.stderr}`, { cause: error })
    })
    const { code, stderr } = await replica.stop()
    if (code !== 0) throw new Error(`serve ended with exit code ${code}: ${stderr}`)
    return judge(samples, { intervalMs, growthMb: durationMs < EARLY_MS ? EARLY_GROWTH_MB : GROWTH_MB })
  } finally {
    await world.close()
  }
}

async function take(replica: Replica, durationMs: number, signal?: AbortSignal): Promise<readonly Sample[]> {
  const watches = () => replica.metric('active_passive_watch_connected')
  await until('both watches', async () => (await watches()) === 2 || undefined)
  const samples = [await sample(replica)]
  while (samples.length <= SAMPLES && !signal?.aborted) {
    await sleep(durationMs / SAMPLES, undefined, signal && { signal }).catch(() => {})
    samples.push(await sample(replica))
  }
  return samples
}

async function sample(replica: Replica): Promise<Sample> {
  const askedAtMs = performance.now()
  const text = await replica.metrics()
  const value = (name: string) => sumOf(text, name)
  return {
    askedAtMs,
    answeredAtMs: performance.now(),
    rssMb: value('process_resident_memory_bytes') / 2 ** 20,
    heapMb: value('nodejs_heap_size_used_bytes') / 2 ** 20,
    handles: value('nodejs_active_handles_total'),
    descriptors: (await readdir(`/proc/${replica.pid}/fd`).catch(() => [])).length, // 0 where there is no /proc
    requests: value('active_passive_api_requests_total'),
    passes: value('active_passive_passes_total'),
    restarts: value('active_passive_watch_restarts_total'),
  }
}
