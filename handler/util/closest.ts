/**
 * Words that were probably meant. Pure, and cheap whatever somebody wrote: words whose lengths differ by more than the
 * edits that are allowed are not looked at, so that a long one costs no more than a short one.
 *
 * `closest` looks for a word in a list of ours, where a wrong guess costs a question mark. `isSlip` compares two names
 * that users gave, both of which may be right: it is much stricter.
 */

/**
 * The nearest of `known`, in any case, within an edit (two in a word of eight letters or more): a letter too many, too
 * few or wrong, or two neighbours swapped. A word that is known is its own nearest. `undefined`: none is near.
 */
export function closest(word: string, known: readonly string[]): string | undefined {
  if (known.includes(word)) return word
  for (const edits of [0, 1, 2]) {
    const found = known.find((one) => edits <= tolerance(one) && isWithin(word, one, edits))
    if (found !== undefined) return found
  }
  return undefined
}

/** Edits that a word bears without becoming another one. */
function tolerance({ length }: string): number {
  return length < 3 ? 0 : length < 8 ? 1 : 2
}

function isWithin(one: string, other: string, edits: number): boolean {
  return Math.abs(one.length - other.length) <= edits && differsBy(one.toLowerCase(), other.toLowerCase(), edits)
}

/** Whether so many edits are enough. To take equal beginnings off first loses no shorter way. */
function differsBy(one: string, other: string, edits: number): boolean {
  const start = sharedStart(one, other)
  const [a, b] = [one.slice(start), other.slice(start)]
  if (a === '' || b === '' || edits === 0) return Math.max(a.length, b.length) <= edits
  const isSwap = a[0] === b[1] && a[1] === b[0]
  return (
    differsBy(a.slice(1), b, edits - 1) ||
    differsBy(a, b.slice(1), edits - 1) ||
    differsBy(a.slice(1), b.slice(1), edits - 1) ||
    (isSwap && differsBy(a.slice(2), b.slice(2), edits - 1))
  )
}

function sharedStart(one: string, other: string): number {
  let n = 0
  while (n < one.length && one[n] === other[n]) n++
  return n
}

/**
 * Whether two different names are probably meant to be one: they differ in case or separators, or in one slip of the
 * finger in one of their parts. Never where a number differs (`web-1`, `web-2`), nor in a part so short, or at an end
 * so usual, that both are words of their own: `shop-a` and `shop-b`, `order` and `orders`, `reader` and `leader`.
 */
export function isSlip(one: string, other: string): boolean {
  if (numbersIn(one) !== numbersIn(other)) return false
  if (plain(one) === plain(other)) return true
  const [parts, others] = [partsOf(one), partsOf(other)]
  const differing = parts.flatMap((part, n) => (part === others[n] ? [] : [[part, others[n] ?? ''] as const]))
  const [only, ...more] = differing
  return parts.length === others.length && more.length === 0 && only !== undefined && isSlipInWord(...only)
}

/** Words that are one edit apart, swaps included, have one of these in common, and words that are equal have all. */
export function shortened(word: string): readonly string[] {
  return [word, ...Array.from(word, (_, n) => word.slice(0, n) + word.slice(n + 1))]
}

/** A name without what is mistaken most easily: upper case, and what stands between its parts. */
export function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-._/]/g, '')
}

export function numbersIn(name: string): string {
  return (name.match(/\d+/g) ?? []).join()
}

function partsOf(name: string): readonly string[] {
  return name.toLowerCase().split(/[-._/]/)
}

function isSlipInWord(one: string, other: string): boolean {
  const [shorter, longer] = one.length <= other.length ? [one, other] : [other, one]
  const start = sharedStart(shorter, longer)
  const [less, more] = [shorter.slice(start), longer.slice(start)]
  const isDoubled = more[0] === longer[start - 1]
  if (less === more.slice(1)) {
    if (isDoubled) return longer.length >= 4
    return less === '' ? shorter.length >= 8 && !ENDINGS.includes(more) : shorter.length >= 6
  }
  if (less.slice(1) === more.slice(1)) return less.length > 1 && longer.length >= 8
  const isSwap = less[0] === more[1] && less[1] === more[0] && less.slice(2) === more.slice(2)
  return isSwap && longer.length >= 3
}

/** What makes another word of a long one: `consumer` and `consumers`; and of a name, the next one: `frontenda`, `frontendb`. */
const ENDINGS = 'srabc'
