/** Does this for all of them, so many at once at most. */
export async function inBatches<T>(
  all: readonly T[],
  atOnce: number,
  work: (one: T, index: number) => Promise<void>,
): Promise<void> {
  const waiting = all.entries()
  const worker = async () => {
    for (const [index, one] of waiting) await work(one, index)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
