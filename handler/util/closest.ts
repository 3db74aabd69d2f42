/**
 * Finds the word that a user probably meant. Pure. Words whose lengths differ by more than the allowed edits are not
 * compared, so a long word costs no more than a short one.
 *
 * `closest` searches a list of our own words, where a wrong guess costs a question mark. `isSlip` compares two names
 * that users chose. Both may be right, so it is much stricter.
 */

/**
 * The nearest of `known`, ignoring case, within one edit (two for a known word of eight letters or more). An edit is a
 * letter too many, too few or wrong, or two neighbours swapped. A known word is its own nearest. `undefined`: none is
 * near.
 */
export function closest(word: string, known: readonly string[]): string | undefined {
  if (known.includes(word)) return word
  for (const edits of [0, 1, 2]) {
    const found = known.find((one) => edits <= tolerance(one) && isWithin(word, one, edits))
    if (found !== undefined) return found
  }
  return undefined
}

/** The edits that a word of this length bears without becoming another word. */
function tolerance({ length }: string): number {
  return length < 3 ? 0 : length < 8 ? 1 : 2
}

function isWithin(one: string, other: string, edits: number): boolean {
  return Math.abs(one.length - other.length) <= edits && differsBy(one.toLowerCase(), other.toLowerCase(), edits)
}

/** Whether at most `edits` edits turn one word into the other. Skipping the equal start first loses no shorter way. */
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
 * Whether two different names are probably meant to be the same: they differ in case or separators, or by one slip of
 * the finger in one of their parts. Never where a number differs (`web-1`, `web-2`), nor in a part so short, or at an
 * end so usual, that both are words of their own: `shop-a` and `shop-b`, `order` and `orders`, `reader` and `leader`.
 */
export function isSlip(one: string, other: string): boolean {
  if (numbersIn(one) !== numbersIn(other)) return false
  if (plain(one) === plain(other)) return true
  const [parts, others] = [partsOf(one), partsOf(other)]
  const differing = parts.flatMap((part, n) => (part === others[n] ? [] : [[part, others[n] ?? ''] as const]))
  const [only, ...more] = differing
  return parts.length === others.length && more.length === 0 && only !== undefined && isSlipInWord(...only)
}

/**
 * The word, and the word without each one of its letters. Two words that are one edit apart (or one swap) share one of
 * these.
 */
export function shortened(word: string): readonly string[] {
  return [word, ...Array.from(word, (_, n) => word.slice(0, n) + word.slice(n + 1))]
}

/** The name in lower case and without separators, which are mistaken most easily. */
export function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-._/]/g, '')
}

/** The numbers in a name, separated by commas. */
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

/**
 * Letters that, at the end of a long word, make another word (`consumer` and `consumers`) or the next name (`frontenda`
 * and `frontendb`).
 */
const ENDINGS = 'srabc'
