/** What waits to be sent, and in which order: handovers before troubles, and the namespaces in turn. */

export interface Addressed {
  readonly namespace: string
  /** It tells of a handover, not of a trouble. */
  readonly isHandover: boolean
}

/** A tenant with hundreds of groups holds up another by one thing at a time. Pure, except for what it holds. */
export class Waiting<T extends Addressed> {
  /** By namespace. The namespace that comes first is next. None is empty. */
  private readonly lines = { handovers: new Map<string, T[]>(), troubles: new Map<string, T[]>() }
  private readonly counts = { handovers: 0, troubles: 0 }

  get size(): number {
    return this.counts.handovers + this.counts.troubles
  }

  get handovers(): number {
    return this.counts.handovers
  }

  add(one: T): void {
    const kind = kindOf(one)
    const line = this.lines[kind].get(one.namespace)
    if (line) line.push(one)
    else this.lines[kind].set(one.namespace, [one])
    this.counts[kind]++
  }

  /** Takes out what is next. */
  next(): T | undefined {
    const kind = this.counts.handovers > 0 ? 'handovers' : 'troubles'
    const [first] = this.lines[kind]
    if (!first) return undefined
    const [namespace, line] = first
    const one = line.shift()
    this.counts[kind]--
    this.lines[kind].delete(namespace)
    if (line.length > 0) this.lines[kind].set(namespace, line) // behind the others
    return one
  }

  /** Takes out the last thing of the namespace that has the most: of the troubles, as long as there are any. */
  dropLast(): T | undefined {
    const kind = this.counts.troubles > 0 ? 'troubles' : 'handovers'
    let longest: [string, T[]] | undefined
    for (const one of this.lines[kind]) if (one[1].length > (longest?.[1].length ?? 0)) longest = one
    if (!longest) return undefined
    const [namespace, line] = longest
    this.counts[kind]--
    const one = line.pop()
    if (line.length === 0) this.lines[kind].delete(namespace)
    return one
  }

  /** Takes out all that match, in the order in which they would be next. */
  takeAll(isTaken: (one: T) => boolean): readonly T[] {
    const all: T[] = []
    for (let one = this.next(); one; one = this.next()) all.push(one)
    for (const one of all) if (!isTaken(one)) this.add(one)
    return all.filter(isTaken)
  }
}

function kindOf({ isHandover }: Addressed): 'handovers' | 'troubles' {
  return isHandover ? 'handovers' : 'troubles'
}

/** @returns a function that does work when its turn comes. The work must end by itself, even if something hangs */
export function inTurns(atOnce: number): <R>(about: Addressed, work: () => Promise<R>) => Promise<R> {
  const waiting = new Waiting<Addressed & { begin(): void }>()
  let running = 0
  const next = () => {
    if (running >= atOnce) return
    const one = waiting.next()
    if (!one) return
    running++
    one.begin()
  }
  return async ({ namespace, isHandover }, work) => {
    await new Promise<void>((begin) => {
      waiting.add({ namespace, isHandover, begin })
      next()
    })
    try {
      return await work()
    } finally {
      running--
      next()
    }
  }
}
