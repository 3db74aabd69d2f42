/** A watchable thing for tests: what it lists and tells is the test's, and what is asked of it is counted. */
import { type Change, KubeError, type Watchable } from '../../handler/kube/port.js'

export type Step<T> = Change<T> | { readonly kind: 'end' } | { readonly kind: 'error'; readonly error: Error }

export class FakeWatchable<T> implements Watchable<T> {
  objects: readonly T[] = []
  resourceVersion = '1'
  /** What the next calls reject with, one each; after that they are served. */
  readonly refuseList: Error[] = []
  readonly refuseWatch: Error[] = []
  /** What each watch begins with. */
  opening: readonly Step<T>[] = []
  /** How long the answers take. */
  listTakes = async () => {}
  watchTakes = async () => {}
  lists = 0
  /** The versions after which watches were begun. */
  readonly watches: string[] = []
  /** Watches that nobody has left. */
  open = 0
  private tell: ((step: Step<T>) => void) | undefined

  async list() {
    this.lists++
    this.expectPauses()
    await this.listTakes()
    const error = this.refuseList.shift()
    if (error) throw error
    const { objects, resourceVersion } = this
    return { objects, resourceVersion }
  }

  async watch(resourceVersion: string, signal: AbortSignal): Promise<AsyncIterable<Change<T>>> {
    this.watches.push(resourceVersion)
    this.expectPauses()
    await this.watchTakes()
    const error = this.refuseWatch.shift()
    if (error) throw error
    return this.steps(signal)
  }

  /** Without them time would never move on. */
  private expectPauses(): void {
    if (this.lists + this.watches.length > 10_000) throw new Error('asked again and again without a pause')
  }

  /** Tells whoever watches at the moment. */
  emit(change: Change<T>): void {
    this.tell?.(change)
  }

  /** The server ends the watch. */
  end(): void {
    this.tell?.({ kind: 'end' })
  }

  /** The watch breaks. */
  fail(error: Error): void {
    this.tell?.({ kind: 'error', error })
  }

  private async *steps(signal: AbortSignal): AsyncGenerator<Change<T>> {
    const queue: Step<T>[] = [...this.opening]
    let wake: (() => void) | undefined
    this.tell = (step) => {
      queue.push(step)
      wake?.()
    }
    const wakeUp = () => wake?.()
    this.open++
    signal.addEventListener('abort', wakeUp)
    try {
      for (;;) {
        const step = queue.shift()
        if (signal.aborted) throw unreachable
        if (step === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          continue
        }
        if (step.kind === 'end') return
        if (step.kind === 'error') throw step.error
        yield step
      }
    } finally {
      this.open--
      signal.removeEventListener('abort', wakeUp)
    }
  }
}

export const unreachable = new KubeError('unreachable', 'no answer', 'Look at the network.')
