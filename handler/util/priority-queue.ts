/** A queue whose order changes all the time: a binary heap that knows the place of each thing. Pure. */
export class PriorityQueue<T> {
  private readonly heap: T[] = []
  private readonly places = new Map<T, number>()

  /** @param isBefore whether one thing comes before another. A thing whose answer has changed must be `put` again. */
  constructor(private readonly isBefore: (one: T, other: T) => boolean) {}

  get first(): T | undefined {
    return this.heap[0]
  }

  /** Adds a thing, or moves it to its present place. */
  put(thing: T): void {
    const place = this.places.get(thing) ?? this.heap.length
    this.place(thing, place)
    this.settle(thing)
  }

  remove(thing: T): void {
    const place = this.places.get(thing)
    if (place === undefined) return
    this.places.delete(thing)
    const last = this.heap.pop()
    if (last === undefined || last === thing) return
    this.place(last, place)
    this.settle(last)
  }

  private settle(thing: T): void {
    let place = this.places.get(thing) ?? 0
    const move = (other: T, to: number) => {
      this.place(other, place)
      this.place(thing, to)
      place = to
    }
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = this.heap[parent] as T
      if (!this.isBefore(thing, above)) break
      move(above, parent)
    }
    for (;;) {
      const [left, right] = [2 * place + 1, 2 * place + 2]
      if (left >= this.heap.length) return
      const isRight = right < this.heap.length && this.isBefore(this.heap[right] as T, this.heap[left] as T)
      const child = isRight ? right : left
      const below = this.heap[child] as T
      if (!this.isBefore(below, thing)) return
      move(below, child)
    }
  }

  private place(thing: T, place: number): void {
    this.heap[place] = thing
    this.places.set(thing, place)
  }
}
