/** One handover by a real pass against the in-process API, step by step: the picture in the README is drawn from this. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startInProcess } from './in-process.js'
import { observed } from './observed-kube.js'
import type { Call } from './stored.js'

/** `before` is what stands when the pass has read and probed. `settle` is a wait, all others but `check` are writes. */
export type StepName = 'before' | 'claim' | 'seal' | 'check' | 'promote' | 'settle' | 'release'

/** How things stand after a step. */
export interface HandoverStep {
  readonly name: StepName
  /** Of the Service. */
  readonly selector: Readonly<Record<string, string>>
  /** By pod: the old one, then the new one. */
  readonly roles: Readonly<Record<string, string>>
  /** The pods that the Service selects. */
  readonly selected: readonly string[]
}

export interface RecordedHandover {
  readonly oldPod: string
  readonly newPod: string
  /** How long a pass waits by default before the release. */
  readonly settleMs: number
  readonly steps: readonly HandoverStep[]
}

const SERVICE = 'app'
const [OLD, NEW] = ['my-app-0', 'my-app-1']
/** Told from all other times that a pass sleeps. */
const SETTLE_MS = 23

/** @throws Error when the pass does not move the role from the first pod to the second */
export async function recordHandover(): Promise<RecordedHandover> {
  const world = await startInProcess([OLD, NEW])
  try {
    const settleMs = (await world.pass()).groups[0]?.settings.settle ?? Number.NaN
    world.health.set(OLD, '500')
    const state = (name: StepName): HandoverStep => {
      const { selector } = world.service(SERVICE)
      const selects = (pod: string) =>
        Object.entries(selector).every(([key, value]) => world.labels(pod)[key] === value)
      const roles = Object.fromEntries([OLD, NEW].map((pod) => [pod, world.labels(pod).role ?? '']))
      return { name, selector, roles, selected: [OLD, NEW].filter(selects) }
    }
    const steps = [state('before')]
    const note = (name: StepName): void => void steps.push(state(name))
    const kube = observed(world.connect(), async (call, send) => {
      const answer = await send()
      const step = stepOf(call, steps.length === 1)
      if (step) note(step)
      return answer
    })
    const clock = {
      now: () => Date.now(),
      sleep: async (ms: number, signal?: AbortSignal) => {
        if (ms === SETTLE_MS) note('settle')
        else await sleep(ms, undefined, signal && { signal }).catch(() => {})
      },
    }
    const report = await world.pass({ settings: { settle: SETTLE_MS, period: 0 } }, { kube, clock })
    if (report.groups[0]?.activeAfter !== NEW) throw new Error(`no handover: ${JSON.stringify(report.groups)}`)
    return { oldPod: OLD, newPod: NEW, settleMs, steps }
  } finally {
    await world.close()
  }
}

/** @param isFirst no step was made before: the pass reads, or claims */
function stepOf(call: Call, isFirst: boolean): StepName | undefined {
  switch (call.verb) {
    case 'listServices':
      return isFirst ? undefined : 'check'
    case 'patchPod':
      return call.pod.name === OLD ? 'seal' : 'promote'
    case 'patchService':
      return isFirst ? 'claim' : 'release'
    default:
      return undefined
  }
}
