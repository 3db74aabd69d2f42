import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printable, printableJson, redacted } from '../../../handler/util/printable.js'

describe('what is printed', () => {
  test.each([
    ['a line break', 'x\nError: forged', 'x\\nError: forged'],
    ['what a terminal obeys', '\x1b[2J\x9b1A\x07', '\\u{1b}[2J\\u{9b}1A\\u{7}'],
    ['what turns a text around', 'web\u202egnp\u2066', 'web\\u{202e}gnp\\u{2066}'],
    ['other ends of lines', 'a\u2028b\u2029c\u0085d', 'a\\u{2028}b\\u{2029}c\\u{85}d'],
    ['half a character', 'a\ud800', 'a\\u{d800}'],
    ['ordinary letters of any language, as they are', 'größer, 日本, 😀, …', 'größer, 日本, 😀, …'],
  ])('has %s', (_what, text, shown) => {
    expect(printable(text)).toBe(shown)
  })

  test('is one line, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u)
      }),
      { numRuns: 500, seed: 20260101 },
    )
  })

  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl'
  test.each([
    ['the password of a URL', 'no answer from https://me:pa55word@10.0.0.1:6443/api', 'pa55word'],
    ['a password with an @ in it', 'no answer from https://me:pa55@word@10.0.0.1/api', 'word'],
    ['an argument of a program', 'usage: login --client-secret hunter2 --user me', 'hunter2'],
    ['a password that is cut off', `${'.'.repeat(9_980)} https://me:pa55word@10.0.0.1`, 'pa55'],
    ['a token', `exited with 1: refused ${token} of me`, token],
    ['a header', 'health-headers is "Authorization: Bearer s3cr3t-s3cr3t"', 's3cr3t'],
    ['basic credentials', 'Authorization: Basic bWU6cGE1NXdvcmQ=', 'bWU6cGE1NXdvcmQ'],
    ['the answer of a plugin', '{"status":{"token":"abcdef","clientKeyData":"PEMPEM"}}', 'abcdef'],
    ['the key in the answer of a plugin', '{"status":{"clientKeyData":"PEMPEM"}}', 'PEMPEM'],
    ['what a program was started with', 'login --password=hunter2 --user me', 'hunter2'],
    ['a command without a shell', 'exec: "MYSQL_PWD=hunter2": executable file not found in $PATH', 'hunter2'],
    ['a password in words', 'tried password: hunter2000', 'hunter2000'],
  ])('does not have %s', (_what, text, secret) => {
    expect(text).toContain(secret)
    expect(printable(text)).not.toContain(secret)
    expect(printable(text)).toContain('…')
  })

  test.each(['a-', 'eyJ-', 'token-', 'a://a@', 'a@', ' --token', 'token="', 'bearer '])(
    'takes time in proportion to its length: %s again and again',
    (part) => {
      const text = part.repeat(300_000)
      expect(printable(text).length).toBeGreaterThan(0) // or the test would end by its timeout
    },
  )

  test.each([
    'could not list pods in namespace a: status 503: the server is currently unable to handle the request',
    'Check the credentials: a token may have expired.',
    '--token-file /run/token: is empty, which should hold a token',
    'wrong bearer token',
    'kubectl patch service web -n a --type=merge -p \'{"metadata":{"annotations":{"active-passive/swap":null}}}\'',
    'no bearer token: send the header Authorization: Bearer TOKEN',
  ])('has our own words as they are: %s', (text) => {
    expect(redacted(text)).toBe(text)
  })
})

test('a line of JSON shows every character, and holds the same text without its secrets', () => {
  const text = 'a\nb\x1b[2J\x9b1m\u2028\u202e\u{e0041}\ud800 token=hunter2abc'
  const line = printableJson({ text, list: [text, 1, null] })
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
  const shown = text.replace('hunter2abc', '…')
  expect(JSON.parse(line)).toEqual({ text: shown, list: [shown, 1, null] })
})
