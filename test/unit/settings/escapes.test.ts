import { expect, test } from 'vitest'
import { describeBytes, describeLines, parseBytes, parseLines } from '../../../handler/settings/escapes.js'

test.each([
  ['PING\\r\\n', 'PING\r\n'],
  ['\\x00\\xfF\\0\\t', '\x00\xff\0\t'],
  ['a\\\\n', 'a\\n'],
  ['é', '\xc3\xa9'],
  ['two\nlines', 'two\nlines'],
  ['220 ', '220 '],
])('%j is read as bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes)
})

test('Each line is a text, and spaces are part of it', () => {
  expect(parseLines('220 \n\nrole:master\\r\\n\n')).toEqual(['220 ', 'role:master\r\n'])
})

test.each([
  ['', 'empty'],
  ['s3cret\\q', 'a text with an unknown escape at character 7'],
  ['\\\\\\x1', 'a text with an unknown escape at character 3'],
  ['\\', 'a text with an unknown escape at character 1'],
  ['é'.repeat(2_049), '4098 bytes long'],
])('%j makes no sense, which is said without showing it', (text, words) => {
  expect(parseBytes(text)).toBeUndefined()
  expect(parseLines(text)).toBeUndefined()
  expect(describeBytes(text)).toBe(words)
  expect(describeLines(text)).toBe(words)
})

test('Too many lines are counted, and none at all are empty', () => {
  expect(parseLines('a\n'.repeat(17))).toBeUndefined()
  expect(describeLines('a\n'.repeat(17))).toBe('17 lines')
  expect(parseLines('\n\n')).toBeUndefined()
  expect(describeLines('\n\n')).toBe('empty')
})
