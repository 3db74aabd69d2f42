import { describe, expect, test } from 'vitest'
import { parseChecks } from '../../../handler/settings/check.js'
import { mistakeInChecks } from '../../../handler/settings/check-mistakes.js'

const mistakeIn = (text: string) => mistakeInChecks(text, JSON.stringify)

describe('What is wrong with a check is said, and what was probably meant:', () => {
  test.each<[text: string, why: string, instead?: string]>([
    ['ftp://:21', 'begins with "ftp://", and a check begins with http://, https://, tcp://, grpc:// or grpcs://'],
    ['htttp://:8080/', 'begins with "htttp://"', 'http://:8080/'],
    ['HTTP://:8080/', 'begins with "HTTP://"', 'http://:8080/'],
    ['tpc://:web', 'begins with "tpc://"', 'tcp://:web'],
    ['htttp://web:8080/', 'begins with "htttp://"', 'http://:8080/'],
    ['htttp://web/', 'begins with "htttp://"'],
    [
      'http://web:8080/',
      'names the host "web", and a check has none: it goes to the pod\'s own address',
      'http://:8080/',
    ],
    ['http://[::1]:80/', 'names the host "[::1]"', 'http://:80/'],
    ['http://[::1]/', 'names the host "[::1]"'],
    ['https://web.shop.svc/x', 'It names no port: write https://:PORT/x'],
    ['tcp://db:5432', 'names the host "db"', 'tcp://:5432'],
    ['grpc://:x@evil:80', 'has a user or a password before @'],
    ['http://8080/health', 'has no : before the port', 'http://:8080/health'],
    ['http:///health', 'names no port: write http://:PORT/health'],
    ['http://:/health?key=1', 'names no port: write http://:PORT/PATH'],
    ['tcp://:0', 'has the port "0", and a port is a number from 1 to 65535'],
    ['tcp://:65536', 'a number from 1 to 65535'],
    ['tcp://:Web', 'has the port "Web", and the name of a port has', 'tcp://:web'],
    ['tcp://:a_b', 'has the port "a_b", and the name of a port has'],
    ['tcp://:5432/db', 'has a path, and a TCP connection asks for none', 'tcp://:5432'],
    ['grpc://:9000?x', 'has a query, and gRPC has none', 'grpc://:9000'],
    ['http://:80/#x', 'has a fragment (#), which is sent to no server', 'http://:80/'],
    ['http://:80/a b', 'holds a space: in a URL it is written %20'],
    [`http://:80/${'a'.repeat(2_048)}`, 'has a path of 2049 characters, and may have at most 2048'],
    ['Probe', 'is not known', 'probe'],
    ['redy', 'is not known', 'ready'],
    [':8080/health', 'does not say how to ask: write http://:8080/health'],
    ['5432', 'does not say how to ask: write http://:5432/ or tcp://:5432'],
    ['tcp:5432', 'has no :// behind tcp', 'tcp://:5432'],
    ['http:/8080/x', 'has no :// behind http', 'http://:8080/x'],
    ['/health', 'names no port: write http://:PORT/health'],
    ['probe,tcp://:80', 'holds several checks: each has a line of its own'],
    ['tcp://:80 tcp://:81', 'holds several checks: each has a line of its own'],
    ['exec', 'names no command: write exec: COMMAND'],
    ['exec: ["sh", 1]', 'has no JSON array of texts behind exec:'],
    ['anything', 'should be probe, ready, http://:PORT/PATH'],
  ])('%s', (text, why, instead) => {
    const mistake = mistakeIn(text)
    expect(mistake?.says.startsWith(JSON.stringify(text))).toBe(true)
    expect(mistake?.says).toContain(why)
    expect(mistake?.instead).toBe(instead)
    if (instead !== undefined) expect(parseChecks(instead)).toHaveLength(1)
  })
})

test('Of several lines the first wrong one is named', () => {
  expect(mistakeIn('probe\n\ntcp://9090\nhttp://web:1/')).toEqual({
    says: 'line 3: "tcp://9090" has no : before the port',
    instead: 'tcp://:9090',
  })
  expect(mistakeIn('ready\n'.repeat(9))?.says).toMatch(/^9 lines should be .* at most 8 of these/)
})

test('Text that tenants write without end takes no time', () => {
  const begin = performance.now()
  for (const one of [':', '/', ',', ' a', ']:', '1', '@:', 'probe ', '[', 'exec ']) {
    for (const start of ['', 'http://', 'x://', 'exec:[', 'tcp:']) mistakeIn(start + one.repeat(100_000))
  }
  expect(performance.now() - begin).toBeLessThan(5_000)
})
