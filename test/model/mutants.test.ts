/** complete.test.ts and bounded.test.ts show that the program without mutations breaks nothing within such bounds. */
import { describe, expect, it } from 'vitest'
import { withoutStacks } from '../support/stacks.js'
import { begin } from './explorations.js'
import { mutants } from './mutants.js'
import { mutated } from './mutate.js'
import { shortestStory } from './search.js'

const MOST_STATES = 200_000

describe('the search finds, and tells in the shortest story, what goes wrong when', () => {
  it.each(mutants)('$name', { timeout: 120_000 }, async ({ name, edits, bounds, views, finds }) => {
    const { world, first, atEnd } = await begin({ ...bounds, code: await mutated(edits) }, views)
    const found = await withoutStacks(() => shortestStory(world, first, atEnd, MOST_STATES))
    console.log([`${name}: ${found?.broken}`, ...(found?.story ?? [])].join('\n  '))
    expect(found?.broken).toMatch(finds)
  })
})
