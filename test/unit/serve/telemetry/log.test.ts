import { describe, expect, it } from 'vitest'
import { createLog, describeDefect, type Fields, logDefect } from '../../../../handler/serve/telemetry/log.js'
import { NOW } from '../../../support/builders.js'

function logOf(format: 'text' | 'json') {
  const lines: string[] = []
  return {
    lines,
    log: createLog(
      format,
      (line) => void lines.push(line),
      () => NOW,
    ),
  }
}
const textOf = (msg: string, fields?: Fields) => {
  const { log, lines } = logOf('text')
  log.warn(msg, fields)
  return lines[0]
}
const TS = '2026-01-01T12:00:00.000Z'

/** What a tenant may write into annotations, and pods into their answers. */
const HOSTILE = `x\n${TS} ERROR shop/db: forged\r\x1b[2J\x9b31m\u2028\u202e{"level":"error"}\ud800\u{e0041}`

describe('a line of text', () => {
  it('has the time, the level and what it is about', () => {
    expect(textOf('odd')).toBe(`${TS} WARN odd`)
    expect(textOf('odd', { namespace: 'shop' })).toBe(`${TS} WARN shop: odd`)
    expect(textOf('odd', { namespace: 'shop', service: 'db' })).toBe(`${TS} WARN shop/db: odd`)
    expect(textOf('odd', { namespace: 'shop', service: 'a', services: ['a', 'b'] })).toBe(`${TS} WARN shop/a,b: odd`)
    expect(textOf('odd', { namespace: 'shop', doc: 'https://x/#y' })).toBe(`${TS} WARN shop: odd | see https://x/#y`)
  })

  it('stays one line that shows itself, whatever others have written, and has no secret', () => {
    const line = textOf(`${HOSTILE} token=hunter2abc`, { namespace: HOSTILE }) ?? ''
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
    expect(line).toContain('x\\n2026')
    expect(line).not.toContain('hunter2')
  })
})

describe('a line of JSON', () => {
  it('begins with the time, the level and the message, and has what programs ask for', () => {
    const { log, lines } = logOf('json')
    log.info('kept', { namespace: 'shop', service: 'db', active: null, requests: 2 })
    expect(lines).toEqual([
      `{"ts":"${TS}","level":"info","msg":"kept","namespace":"shop","service":"db","active":null,"requests":2}`,
    ])
  })

  it('stays one line that shows itself, and is the same text for whoever parses it', () => {
    const { log, lines } = logOf('json')
    log.error(HOSTILE, { namespace: `${HOSTILE} token=hunter2abc` })
    expect(lines[0]).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      ...{ ts: TS, level: 'error', msg: HOSTILE },
      namespace: `${HOSTILE} token=…`,
    })
  })
})

describe('a defect', () => {
  const error = new TypeError('a\nb')
  error.stack = 'TypeError: a\nb\n    at one (x.js:1:2)\n    at two (y.js:3:4)'

  it('is one line of text, with its places', () => {
    const { log, lines } = logOf('text')
    logDefect(log, error)
    logDefect(log, 'thrown')
    expect(lines).toEqual([
      `${TS} ERROR defect: TypeError: a\\nb | at one (x.js:1:2) | at two (y.js:3:4)`,
      `${TS} ERROR defect: thrown`,
    ])
    expect(describeDefect(error)).toBe('defect: TypeError: a\nb | at one (x.js:1:2) | at two (y.js:3:4)')
  })

  it('has its stack in a field of JSON', () => {
    const { log, lines } = logOf('json')
    logDefect(log, error)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      msg: 'defect: TypeError: a\nb',
      stack: error.stack,
    })
  })
})
