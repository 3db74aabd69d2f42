import { describe, expect, test } from 'vitest'
import { cut, widthOf, wrap } from '../../../handler/util/width.js'

describe('widthOf', () => {
  test.each([
    ['', 0],
    ['db-0', 4],
    ['häß', 3],
    ['e\u0301', 1],
    ['日本', 4],
    ['한국', 4],
    ['👍', 2],
    ['…', 1],
  ])('%j takes %i columns', (text, width) => {
    expect(widthOf(text)).toBe(width)
  })
})

describe('cut', () => {
  test.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['abcd', 1, '…'],
    ['abcd', 0, ''],
    ['日本語', 6, '日本語'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['👍👍', 3, '👍…'],
  ])('%j in %i columns is %j', (text, width, shown) => {
    expect(cut(text, width)).toBe(shown)
    expect(widthOf(cut(text, width))).toBeLessThanOrEqual(width)
  })
})

describe('wrap', () => {
  test.each([
    ['one two three', 7, ['one two', 'three']],
    ['one two', 2, ['one', 'two']],
    ['', 10, ['']],
    ['日本 日本', 8, ['日本', '日本']],
    ['one two', Number.POSITIVE_INFINITY, ['one two']],
  ])('%j in %d columns', (text, width, lines) => {
    expect(wrap(text, width)).toEqual(lines)
  })
})
