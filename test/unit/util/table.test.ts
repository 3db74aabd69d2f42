import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Cell, type TableStyle, table } from '../../../handler/util/table.js'
import { widthOf } from '../../../handler/util/width.js'

const plain: TableStyle = { colors: false }
const cells = (...texts: readonly string[]): readonly Cell[] => texts.map((text) => ({ text }))
const linesOf = (text: string) => text.split('\n').slice(0, -1)

describe('table', () => {
  test('aligns the columns, with three spaces between them and none at the end', () => {
    expect(
      linesOf(table(['POD', 'ROLE', 'WHY'], [cells('db-0', 'active', ''), cells('db-10', '-', 'x')], plain)),
    ).toEqual(['POD     ROLE     WHY', 'db-0    active', 'db-10   -        x'])
  })

  test('has no line for headers that are not there, and nothing for nothing', () => {
    expect(table([], [cells('a', 'b')], plain)).toBe('a   b\n')
    expect(table([], [], plain)).toBe('')
    expect(table(['A', 'B'], [], plain)).toBe('A   B\n')
  })

  test('aligns wide characters by the columns that they take', () => {
    expect(linesOf(table(['A', 'B'], [cells('日本', 'x'), cells('abcd', 'y')], plain))).toEqual([
      'A      B',
      '日本   x',
      'abcd   y',
    ])
  })

  test('colours a cell, and not the spaces beside it', () => {
    const rows = [[{ text: 'ok', tone: 'good' }, { text: '', tone: 'bad' }, { text: 'x' }]] as const
    expect(table([], rows, { colors: true })).toBe('\u001b[32mok\u001b[0m      x\n')
    expect(table([], rows, plain)).toBe('ok      x\n')
  })

  test('cuts the last column to the terminal', () => {
    expect(table([], [cells('a', 'one two three')], { ...plain, columns: 11 })).toBe('a   one tw…\n')
  })

  test('says the word that matters where the whole text has no room', () => {
    const rows = [[{ text: 'a' }, { text: 'blocked: a long story', brief: 'blocked: cooldown' }]]
    expect(table([], rows, { ...plain, columns: 25 })).toBe('a   blocked: a long story\n')
    expect(table([], rows, { ...plain, columns: 24 })).toBe('a   blocked: cooldown\n')
    expect(table([], rows, { ...plain, columns: 12 })).toBe('a   blocked…\n')
  })

  test('leaves out spare columns first, one by one, and only where the last one lacks room', () => {
    const at = (columns: number) =>
      table(['POD', 'NODE', 'MS', 'WHY'], [cells('db-0', 'node-1', '12', 'a reason')], {
        ...{ ...plain, columns },
        spare: ['NODE', 'MS'],
      }).split('\n')[0]
    expect(at(29)).toBe('POD    NODE     MS   WHY')
    expect(at(28)).toBe('POD    NODE     MS   WHY'.replace('NODE     ', ''))
    expect(at(19)).toBe('POD    WHY')
  })

  test('then cuts the widest column, so that the last one is seen', () => {
    const name = 'web-7d9f6c5b8-4xk2p-with-a-very-long-name'
    const lines = linesOf(
      table(['POD', 'ROLE', 'WHY'], [cells(name, 'passive', 'check-failed')], { ...plain, columns: 40 }),
    )
    expect(lines[0]).toMatch(/^POD +ROLE +WHY$/)
    expect(lines[1]).toMatch(/^web-7d9f\S+… {3}passive {3}check-failed$/)
    expect(lines[1]).toHaveLength(40)
  })

  test.each([10, 20, 40, 79, 80, 200])('has no line of more than %i columns, whatever is in it', (columns) => {
    const rows = [cells('a'.repeat(63), '日本語'.repeat(30), 'x', 'y'.repeat(500)), cells('a', '👍', '', '')]
    for (const colors of [true, false]) {
      const toned = rows.map((row) => row.map((one): Cell => ({ ...one, tone: 'bad' })))
      const lines = linesOf(table(['ONE', 'TWO', 'THREE', 'FOUR'], toned, { columns, colors, spare: ['TWO'] }))
      expect(lines).toHaveLength(3)
      for (const line of lines) expect(widthOf(stripVTControlCharacters(line))).toBeLessThanOrEqual(columns)
    }
  })
})
