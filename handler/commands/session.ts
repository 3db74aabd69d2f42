/** What the commands of a person share: the cluster that they are connected to, and the looks that they take at it. */
import type { CommandOptions } from '../cli/options.js'
import { probeFor } from '../health/exec.js'
import { defaultNamespace, loadConfig } from '../kube/auth/config.js'
import { connect } from '../kube/client.js'
import type { Events } from '../kube/events.js'
import { connectCommands } from '../kube/exec.js'
import type { Kube } from '../kube/port.js'
import { requestLimits } from '../kube/transport.js'
import { announcer } from '../notice/announcer.js'
import { openNotifier } from '../notice/notifier.js'
import { Posts } from '../notice/posts.js'
import { type PassOptions, pass } from '../pass/pass.js'
import type { Report } from '../report/report.js'
import { systemClock } from '../util/clock.js'
import type { Io } from './io.js'
import { passProgress } from './pass-progress.js'

export interface Session {
  readonly kube: Kube
  /** The API server evaluates its writes, and stores none. */
  readonly dryRunKube: Kube & Events
  /** As given, or the namespace of the context or of the pod. */
  readonly namespaces: PassOptions['namespaces']
  /** Makes a pass. @param rest changes to the options of the command */
  pass(rest: Partial<PassOptions>, stop: AbortSignal): Promise<Report>
}

/** @throws UsageError for a mistake in the kubeconfig */
export function openSession(options: CommandOptions, io: Pick<Io, 'env' | 'warn'>): Session {
  const config = loadConfig({ ...options, env: io.env })
  const namespaces = options.namespaces ?? [defaultNamespace(config)]
  const limits = requestLimits(options.requestTimeoutMs)
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
      const { done, onProgress } = passProgress(process.stderr, io.env)
      const own = { ...options, namespaces, isNamed, quickCheck: true, onProgress, ...rest }
      const notify = own.dryRun ? undefined : await openNotifier(options.notify, io.env, io.warn)
      const posts = notify && new Posts(notify)
      const announce = announcer({ createEvent: kube.createEvent, clock: systemClock, posts })
      const all = { ...effects, announce, ...(own.serverDryRun && { dryRunKube }) }
      return pass(own, all, stop).finally(done)
    },
  }
}
