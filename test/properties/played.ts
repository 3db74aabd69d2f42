/** Passes over a world: with the real code of a pass, and a clock that stands still. */

import { jsonPatch, metadataPatch, type Patch, servicePatch } from '../../handler/kube/patch.js'
import type { Kube, Pod, Service } from '../../handler/kube/port.js'
import type { PassOptions } from '../../handler/pass/pass.js'
import { pass } from '../../handler/pass/pass.js'
import type { Report } from '../../handler/report/report.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import type { Clock } from '../../handler/util/clock.js'
import { Cluster } from '../simulation/simulated-cluster.js'
import { NOW } from '../support/builders.js'
import { expectNoDefect } from '../support/defects.js'
import { observed } from '../support/observed-kube.js'
import { seededRandom } from '../support/random.js'
import type { Call, WriteCall } from '../support/stored.js'
import { promisesSettled, VirtualClock } from '../support/virtual-clock.js'
import { ROLE, type World } from './chain.js'

export interface Sent {
  readonly object: string
  readonly patch: Patch
}

export interface Played {
  readonly report: Report
  readonly sent: readonly Sent[]
  /** Whether a write met what another write of the same pass had changed. */
  readonly hasLost: boolean
}

const DEADLINE_MS = 20_000

/** One pass. @param kind of the dry run */
export async function play(cluster: World, dryRun: boolean, kind?: 'server'): Promise<Played> {
  const stored = new Cluster()
  for (const service of cluster.services) stored.putService(service)
  for (const { pod } of cluster.pods) stored.putPod(pod)
  const sent: Sent[] = []
  let hasLost = false
  const port = portOf(stored, (call, isLost) => {
    hasLost ||= isLost
    if (call.verb !== 'testService') sent.push(sentBy(call))
  })
  const unstored = portOf(stored, () => {}, true)
  // A pod stays as well as it is.
  const healthy = new Set(cluster.pods.flatMap(({ pod, passes }) => (passes.at(-1) ? [pod.uid] : [])))
  const probe = async ({ pod }: { readonly pod: Pod }) => {
    const isHealthy = healthy.has(pod.uid)
    return { healthy: isHealthy, text: isHealthy ? '200' : '500', ms: 1 }
  }
  const options: PassOptions = {
    ...{ namespaces: 'all' as const, services: [], roleLabel: ROLE, optIn: cluster.optIn, dryRun },
    ...{ deadlineMs: DEADLINE_MS, concurrency: 64, settings: DEFAULT_SETTINGS },
  }
  // Sleeps take no time, and the time of day stands still: a pass that writes waits more often.
  const time = new VirtualClock()
  const clock: Clock = { now: () => NOW, sleep: (ms, signal) => time.sleep(ms, signal) }
  const effects = { kube: port, clock, probe, random: seededRandom('one') }
  const server = kind ? { dryRunKube: unstored } : {}
  let report: Report | undefined
  const running = pass(options, { ...effects, ...server }, new AbortController().signal).then((ended) => {
    report = ended
  })
  for (await promisesSettled(); !report; await promisesSettled()) await time.wakeNext()
  await running
  expectNoDefect(report)
  return { report, sent, hasLost }
}

function sentBy(call: Exclude<WriteCall, { verb: 'testService' }>): Sent {
  switch (call.verb) {
    case 'patchPod':
      return { object: `pod/${call.pod.name}`, patch: jsonPatch(call.patch) }
    case 'patchPodMetadata':
      return { object: `pod/${call.pod.name}`, patch: metadataPatch(call.patch) }
    case 'patchService':
      return { object: `service/${call.service.name}`, patch: servicePatch(call.patch) }
  }
}

/** @param isDry nothing is stored, as with dryRun=All */
function portOf(stored: Cluster, wrote: (call: WriteCall, isLost: boolean) => void, isDry = false): Kube {
  const around = async (call: Call): Promise<never> => {
    if (call.verb === 'listPods' || call.verb === 'listServices') return stored.read(call) as never
    const scratch = isDry ? copyOf(stored, call) : stored
    const effect = scratch.write(
      call,
      (_, after) => after,
      () => {},
    )
    wrote(call, effect.kind !== 'applied')
    if (!isDry || effect.kind !== 'applied' || 'pod' in call) return effect as never
    // A dry run gives no new version.
    return { ...effect, object: { ...effect.object, resourceVersion: call.service.resourceVersion } } as never
  }
  return observed({} as Kube, around as never)
}

function copyOf(stored: Cluster, call: WriteCall): Cluster {
  const copy = new Cluster()
  const object: Pod | Service = 'pod' in call ? call.pod : call.service
  const pod = stored.pod(object.namespace, object.name)
  const service = stored.service(object.namespace, object.name)
  if ('pod' in call && pod) copy.putPod(pod)
  if ('service' in call && service) copy.putService(service)
  return copy
}
