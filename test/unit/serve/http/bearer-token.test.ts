import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { guardedBy } from '../../../../handler/serve/http/bearer-token.js'
import { UsageError } from '../../../../handler/util/errors.js'

let folder: string
let file: string
let nowMs: number
let warnings: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'active-passive-token-'))
  file = join(folder, 'token')
  await writeFile(file, 'first\n')
  nowMs = 0
  warnings = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const guard = () =>
  guardedBy(
    file,
    (warning) => warnings.push(warning),
    () => nowMs,
  )
const request = (authorization?: string) =>
  new Request('http://localhost/run', { method: 'POST', ...(authorization ? { headers: { authorization } } : {}) })

describe('a request', () => {
  it.each(['Bearer first', 'bearer first', 'BEARER   first '])('with the header %j may go on', async (header) => {
    expect(await (await guard())(request(header))).toBeUndefined()
  })

  it.each(['second', 'firs', 'first1', 'FIRST', 'x'.repeat(64)])(
    'with the wrong token %s is refused',
    async (token) => {
      expect(await (await guard())(request(`Bearer ${token}`))).toBe('wrong bearer token')
    },
  )

  it.each([undefined, 'first', 'Basic first', 'Bearer', 'Bearer first second', 'Bearer first, Bearer second'])(
    'without one is told how to send it: %j',
    async (header) => {
      expect(await (await guard())(request(header))).toMatch(/^no bearer token: send the header Authorization/)
    },
  )
})

describe('the token file', () => {
  it.each([
    ['is not there', () => rm(file), /token: cannot be read: there is no such file/],
    ['is empty', () => writeFile(file, ' \n'), /is empty/],
    [
      'holds several words in a line',
      () => writeFile(file, 'first\n\nfirst second\n'),
      /line 3 holds more than one word/,
    ],
    ['is UTF-16', () => writeFile(file, 'first', 'utf16le'), /holds a control character/],
  ])('that %s is a wrong flag', async (_what, spoil, why) => {
    await spoil()
    const error = await guard().catch((error: unknown) => error)
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toMatch(why)
    expect((error as Error).message).not.toContain('first')
  })

  it('holds a token in each line, all of which are valid', async () => {
    await writeFile(file, '\r\nold\r\n\n  new  \n#third')
    const check = await guard()
    for (const token of ['old', 'new', '#third']) expect(await check(request(`Bearer ${token}`))).toBeUndefined()
    for (const token of ['first', 'oldnew', 'ol']) {
      expect(await check(request(`Bearer ${token}`))).toBe('wrong bearer token')
    }
  })

  it('may hold a token that is not in ASCII: what counts is its bytes', async () => {
    await writeFile(file, '\ufeffschlüssel-à')
    const check = await guard()
    const sent = Buffer.from('schlüssel-à').toString('latin1')
    expect(await check(request(`Bearer ${sent}`))).toBeUndefined()
    expect(await check(request('Bearer schlüssel-x'))).toBe('wrong bearer token')
  })

  it('is read again when it has changed, at most once a second however many ask', async () => {
    const check = await guard()
    await writeFile(file, 'second')
    nowMs = 999
    expect(await check(request('Bearer first'))).toBeUndefined()
    nowMs = 1_000
    expect(await check(request('Bearer second'))).toBeUndefined()
    expect(await check(request('Bearer first'))).toBe('wrong bearer token')
    await writeFile(file, 'third')
    nowMs = 1_999
    expect(await check(request('Bearer second'))).toBeUndefined()
    expect(warnings).toEqual([])
  })

  it.each([
    ['cannot be read', () => rm(file)],
    ['is empty', () => writeFile(file, '')],
  ])('that %s later on leaves the last token valid, and that is said once', async (_what, spoil) => {
    const check = await guard()
    await spoil()
    for (nowMs = 1_000; nowMs < 5_000; nowMs += 1_000) expect(await check(request('Bearer first'))).toBeUndefined()
    expect(await check(request('Bearer second'))).toBe('wrong bearer token')
    expect(warnings).toEqual([expect.stringMatching(/token: .*; what was read before is still valid$/)])
    await writeFile(file, 'second')
    nowMs += 1_000
    expect(await check(request('Bearer second'))).toBeUndefined()
    await spoil()
    nowMs += 1_000
    await check(request('Bearer second'))
    expect(warnings).toHaveLength(2)
  })
})
