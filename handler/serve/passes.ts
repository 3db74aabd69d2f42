/**
 * Makes the passes of one process. They share the turns of their groups, the overview of all groups and the backoff,
 * and no two of them serve the same group at a time.
 */
import type { SwitchoverRequest } from '../group/switchover.js'
import { Backoff } from '../pass/backoff.js'
import type { Effects } from '../pass/context.js'
import { fairShares } from '../pass/fair-share.js'
import { Overview } from '../pass/overview.js'
import { type PassOptions, pass, type Shared } from '../pass/pass.js'
import type { Selection } from '../pass/scope.js'
import { SingleFlight } from '../pass/single-flight.js'
import type { Report } from '../report/report.js'
import type { Run } from './coalesce.js'
import { Progress } from './progress.js'

/** The same for every pass of the process. */
export type PassSettings = Omit<PassOptions, 'targets' | 'quickCheck' | 'shared'>

interface Wish {
  readonly dryRun: boolean
  readonly switchover: SwitchoverRequest | undefined
}

export class Passes {
  private readonly turns: Shared['turns']
  private readonly overview: Overview
  private readonly singleFlight = new SingleFlight()
  private readonly backoff = new Backoff()

  /** @param signal ends every pass early; a swap that has begun is finished first */
  constructor(
    private readonly settings: PassSettings,
    private readonly effects: Omit<Effects, 'kube'>,
    private readonly signal: AbortSignal,
  ) {
    this.turns = fairShares(effects.clock, settings.concurrency)
    this.overview = new Overview(effects.clock)
  }

  /**
   * Makes a pass that acts.
   * @param busy whether it waits for groups that another pass serves, or leaves them to that pass
   * @param onGroup called with each group, as soon as this pass has served it
   * @param switchover takes the place of the pass's own decision. The selection names one group then
   */
  serve(
    kube: Effects['kube'],
    selection: Selection,
    busy: Shared['busy'],
    onGroup: Shared['onGroup'],
    switchover?: SwitchoverRequest,
  ): Run {
    const { singleFlight, backoff, settings } = this
    const { dryRun } = settings
    return this.make(kube, selection, { dryRun, switchover }, { singleFlight, backoff, busy, onGroup })
  }

  /**
   * Makes a dry run. It writes nothing, so it waits for no other pass, and no other pass for it.
   * @param switchover what the dry run is about. Absent: what a pass would do
   */
  look(kube: Effects['kube'], selection: Selection = 'all', switchover?: SwitchoverRequest): Run {
    const shared = { singleFlight: new SingleFlight(), busy: 'awaited', onGroup: () => {} } as const
    return this.make(kube, selection, { dryRun: true, switchover }, shared)
  }

  /**
   * A loop begins, with a tick every `intervalMs`. After its second fault, a group is left alone by the ticks for that
   * long; after each further one, for twice as long.
   */
  loopBegins(intervalMs: number): void {
    this.backoff.startAt(intervalMs)
  }

  /** Serves no more groups; resolves when none is being served. */
  async close(): Promise<void> {
    await this.singleFlight.close()
  }

  private make(
    kube: Effects['kube'],
    selection: Selection,
    { dryRun, switchover }: Wish,
    shared: Pick<Shared, 'singleFlight' | 'backoff' | 'busy' | 'onGroup'>,
  ): Run {
    const { settings, effects, turns, overview } = this
    const stop = linkedTo(this.signal)
    const progress = new Progress()
    let onRead = () => {}
    const read = new Promise<void>((resolve) => {
      onRead = resolve
    })
    const onGroup = (group: Report) => {
      shared.onGroup(group)
      progress.add(group)
    }
    const options: PassOptions = {
      ...settings,
      dryRun,
      ...(switchover && { switchover }),
      quickCheck: true,
      shared: { turns, overview, ...shared, onRead, onGroup },
      ...(selection === 'all' ? {} : { targets: selection }),
    }
    const report = pass(options, { ...effects, kube }, stop.signal).finally(stop.unlink)
    return { read, report, part: (targets) => progress.part(targets) }
  }
}

/** A signal that aborts with the other one. A pass hangs its listeners on it, and they go with the pass. */
function linkedTo(signal: AbortSignal): { readonly signal: AbortSignal; unlink(): void } {
  const own = new AbortController()
  const abort = () => own.abort()
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  return { signal: own.signal, unlink: () => signal.removeEventListener('abort', abort) }
}
