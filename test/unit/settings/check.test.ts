import { describe, expect, test } from 'vitest'
import { type Check, parseCheck } from '../../../handler/settings/check.js'

const http = (port: number | string, path: string): Check => ({ kind: 'http', scheme: 'http', port, path })

describe('a check can be written as', () => {
  test.each<[string, Check]>([
    ['probe', { kind: 'probe' }],
    ['ready', { kind: 'ready' }],
    ['http://:8080', http(8080, '/')],
    ['http://:8080/', http(8080, '/')],
    ['http://:8080/health', http(8080, '/health')],
    ['http://:8080/health?full=1&x', http(8080, '/health?full=1&x')],
    ['http://:8080?full=1', http(8080, '/?full=1')],
    ['http://:8080//a:b@c', http(8080, '//a:b@c')],
    ['http://:web/health', http('web', '/health')],
    ['https://:8443/health', { kind: 'http', scheme: 'https', port: 8443, path: '/health' }],
    ['tcp://:5432', { kind: 'tcp', port: 5432 }],
    ['tcp://:1', { kind: 'tcp', port: 1 }],
    ['tcp://:65535', { kind: 'tcp', port: 65_535 }],
    ['tcp://:p-9', { kind: 'tcp', port: 'p-9' }],
    ['tcp://:1e3', { kind: 'tcp', port: '1e3' }],
    ['tcp://:abcdefghijklmno', { kind: 'tcp', port: 'abcdefghijklmno' }],
  ])('%s', (text, check) => {
    expect(parseCheck(text)).toEqual(check)
  })
})

describe('a check is not', () => {
  test.each([
    ['anything else', ['', 'Probe', 'readyz', 'http', 'http:', '/health', ':8080/health', '8080', 'exec', 'ftp://:21']],
    ['at another host than the pod', ['http://web:8080/', 'http://10.0.0.1:80/', 'http://[::1]:80/', 'tcp://db:5432']],
    [
      'at another host with a user’s name for a disguise',
      ['http://user@evil:80/', 'http://:80@evil/', 'http://:x@evil:80'],
    ],
    ['without a port', ['http://', 'http:///health', 'http://:/health', 'tcp://:', 'tcp://']],
    ['at an impossible port', ['tcp://:0', 'tcp://:65536', 'tcp://:-1', 'tcp://:1.5', 'tcp://:99999999999']],
    [
      'at a name no port can have',
      ['tcp://:Web', 'tcp://:a_b', 'tcp://:-a', 'tcp://:a-', 'tcp://:abcdefghijklmnop', 'tcp://:1-2'],
    ],
    ['with a path where there is none', ['tcp://:5432/', 'tcp://:5432/db', 'tcp://:5432?x']],
    [
      'with spaces, line ends or a fragment',
      [' probe', 'probe\n', 'http://:80/a b', 'http://:80/a\r\nX: y', 'http://:80/#x'],
    ],
  ])('%s', (_, texts) => {
    for (const text of texts) expect(parseCheck(text), text).toBeUndefined()
  })
})

test('a command behind as many spaces as an annotation can hold is read at once', () => {
  const startedAt = performance.now()
  expect(parseCheck(`exec:${' '.repeat(250_000)}a\rb`)).toEqual({ kind: 'exec', command: ['a', 'b'] })
  expect(performance.now() - startedAt).toBeLessThan(500)
})
