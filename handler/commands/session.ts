/** What `run` and the commands of a person share: the cluster that they are connected to, and the passes over it. */
import type { CommandOptions } from '../cli/options.js'
import { probeFor } from '../health/exec.js'
import { connect } from '../kube/client.js'
import type { Events } from '../kube/events.js'
import { connectCommands } from '../kube/exec.js'
import type { Kube } from '../kube/port.js'
import { announcer } from '../notice/announcer.js'
import { openNotifier } from '../notice/notifier.js'
import { Posts } from '../notice/posts.js'
import { type PassOptions, pass } from '../pass/pass.js'
import type { Report } from '../report/report.js'
import { systemClock } from '../util/clock.js'
import { clusterOf } from './cluster.js'
import type { Io } from './io.js'

export interface Session {
  readonly kube: Kube
  /** The API server evaluates its writes, and stores none. */
  readonly dryRunKube: Kube & Events
  /** As given, or the namespace of the context or of the pod. */
  readonly namespaces: PassOptions['namespaces']
  /** Makes a pass. @param rest changes to the options of the command; nobody is notified of one with `dryRun` */
  pass(rest: Partial<PassOptions>, stop: AbortSignal): Promise<Report>
}

/** @throws UsageError for a mistake in the kubeconfig */
export function openSession(options: CommandOptions, io: Pick<Io, 'env' | 'warn'>): Session {
  const { config, namespaces, limits } = clusterOf(options, io.env)
  const kube = connect(config, limits)
  const dryRunKube = connect(config, limits, { dryRun: 'All' })
  const probe = probeFor(options.settings, () => connectCommands(config, limits))
  const effects = { kube, clock: systemClock, probe, random: Math.random }
  const isNamed = options.namespaces !== undefined
  return {
    kube,
    dryRunKube,
    namespaces,
    pass: async (rest, stop) => {
      const progress = process.stderr.isTTY ? await progressOn(process.stderr, io.env) : undefined
      const onProgress = progress?.onProgress
      const own = { ...options, namespaces, isNamed, quickCheck: true, onProgress, ...rest }
      const notify = rest.dryRun ? undefined : await openNotifier(options.notify, io.env, io.warn)
      const posts = notify && new Posts(notify)
      const announce = announcer({ createEvent: kube.createEvent, clock: systemClock, posts })
      const all = { ...effects, announce, ...(own.serverDryRun && { dryRunKube }) }
      return pass(own, all, stop).finally(progress?.done)
    },
  }
}

async function progressOn(stream: NodeJS.WriteStream, env: Io['env']) {
  const { passProgress } = await import('./pass-progress.js') // a pass without a terminal starts faster
  return passProgress(stream, env)
}
