import { readFile } from 'node:fs/promises'
import { describe as about, expect, it } from 'vitest'
import { carryOut, describe, explorations, tidy } from './explorations.js'

const small = tidy.filter(({ isSmall }) => isSmall)

about('whatever order things happen in, and whatever goes wrong', () => {
  it.each(small)('$name: no promise is broken', { timeout: 300_000 }, async (exploration) => {
    const result = await carryOut(exploration, Number.POSITIVE_INFINITY)
    console.log(describe(exploration, result))
    expect(result.found).toBeUndefined()
    expect(result.isComplete).toBe(true)
  })
})

about('docs/safety.md', () => {
  it('has a row for each search', async () => {
    const page = await readFile(new URL('../../docs/safety.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| ((?:labels|latch),[^|]*) \|/gm)].map(([, name]) => name)
    expect(rows).toEqual(explorations.map(({ name }) => name))
  })
})
