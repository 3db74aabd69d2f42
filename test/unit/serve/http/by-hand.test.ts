import { describe, expect, it } from 'vitest'
import { readPause, readSwitchover } from '../../../../handler/serve/http/by-hand.js'

const switchover = (query: string) => readSwitchover(new URLSearchParams(query))
const pause = (query: string) => readPause(new URLSearchParams(query), 'pause')
const app = { namespace: undefined, name: 'app' }
const error = (text: string) => ({ error: text })

describe('readSwitchover', () => {
  it.each([
    ['service=app', app, { to: undefined, from: undefined, force: false }],
    ['service=shop/db&to=db-1', { namespace: 'shop', name: 'db' }, { to: 'db-1', from: undefined, force: false }],
    ['to=a.b&from=a&force=true&service=app', app, { to: 'a.b', from: 'a', force: true }],
    [
      'service=shop%2Fdb&force=false',
      { namespace: 'shop', name: 'db' },
      { to: undefined, from: undefined, force: false },
    ],
  ])('reads %s', (query, service, request) => {
    expect(switchover(query)).toEqual({ service, request })
  })

  it.each([
    ['', 'service is missing: give service=NAME or service=NAMESPACE/NAME'],
    ['service=', 'service is missing: give service=NAME or service=NAMESPACE/NAME'],
    ['to=b', 'service is missing: give service=NAME or service=NAMESPACE/NAME'],
    ['service=a/b/c', 'service="a/b/c" should be NAME or NAMESPACE/NAME'],
    ['service=App', 'service="App" should be NAME or NAMESPACE/NAME'],
    ['service=../app', 'service="../app" should be NAME or NAMESPACE/NAME'],
    ['service=app%0d%0aX:1', 'service="app\\r\\nX:1" should be NAME or NAMESPACE/NAME'],
    ['service=app&to=', 'to="" should be the name of a pod'],
    ['service=app&to=B', 'to="B" should be the name of a pod'],
    ['service=app&from=a..b', 'from="a..b" should be the name of a pod'],
    ['service=app&to=%1b[2J', 'to="\\u001b[2J" should be the name of a pod'],
    ['service=app&force=1', 'force="1" should be true or false'],
    ['service=app&force', 'force="" should be true or false'],
    ['service=app&pod=b', 'unknown parameter "pod": /switchover takes service, to, from, force'],
    ['service=app&__proto__=b', 'unknown parameter "__proto__": /switchover takes service, to, from, force'],
    ['service=app&TO=b', 'unknown parameter "TO": /switchover takes service, to, from, force'],
    ['service=app&service=app', 'service is given more than once: /switchover takes one'],
    ['service=app&to=a&to=b', 'to is given more than once: /switchover takes one'],
  ])('refuses %j', (query, why) => {
    expect(switchover(query)).toEqual(error(why))
  })

  it('quotes no more than the beginning of what is long', () => {
    for (const query of [
      `service=${'x'.repeat(100_000)}`,
      `service=app&to=${'B'.repeat(100_000)}`,
      'y'.repeat(100_000),
    ]) {
      expect((switchover(query) as { error: string }).error.length).toBeLessThan(250)
    }
  })
})

describe('readPause', () => {
  it.each([
    ['service=app', undefined],
    ['service=app&for=2h', 7_200_000],
    ['for=90s&service=app', 90_000],
    ['service=app&for=30d', 30 * 24 * 3_600_000],
  ])('reads %s', (query, forMs) => {
    expect(pause(query)).toEqual({ service: app, action: 'pause', forMs })
  })

  it('takes no time for the end of a pause', () => {
    expect(readPause(new URLSearchParams('service=app'), 'resume')).toMatchObject({
      service: { name: 'app' },
      action: 'resume',
    })
    expect(readPause(new URLSearchParams('service=app&for=1h'), 'resume')).toEqual(
      error('unknown parameter "for": /resume takes service'),
    )
  })

  it.each(['', '0s', '-1h', 'soon', '2', '1e9h', 'Infinity', '99999999999999h', '2y'])('refuses for=%j', (text) => {
    expect(pause(`service=app&for=${encodeURIComponent(text)}`)).toEqual(
      error(`for=${JSON.stringify(text)} should be a positive duration of at most a year, such as 2h or 3d`),
    )
  })
})
