import { PassThrough } from 'node:stream'
import { beforeEach, describe, expect, test } from 'vitest'
import { Cancelled } from '../../../handler/commands/io.js'
import { openTerminal, type Streams } from '../../../handler/commands/terminal.js'

let streams: { readonly stdin: PassThrough; readonly stdout: PassThrough; readonly stderr: PassThrough }
let stop: AbortController
beforeEach(() => {
  streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() }
  stop = new AbortController()
})

const open = (env: Readonly<Record<string, string>> = {}) =>
  openTerminal(streams as unknown as Streams, env, 'kubectl active-passive', 'prefix', stop.signal)
const said = () => String(streams.stderr.read() ?? '')

describe('a question', () => {
  test.each([
    ['y\n', true],
    ['yes\n', true],
    ['Y\n', true],
    [' yes \n', true],
    ['n\n', false],
    ['\n', false],
    ['yess\n', false],
    ['no\ny\n', false],
  ])('is answered by %j: %s', async (text, expected) => {
    const answer = open().ask('Move it?')
    expect(said()).toBe('Move it? [y/N] ')
    streams.stdin.write(text)
    expect(await answer).toBe(expected)
  })

  test('is answered with no by the end of the input', async () => {
    const answer = open().ask('Move it?')
    streams.stdin.end()
    expect(await answer).toBe(false)
  })

  test('is given up when the process is told to stop, and says that nothing was changed', async () => {
    const answer = open().ask('Move it?')
    stop.abort()
    await expect(answer).rejects.toThrow(new Cancelled('nothing was changed'))
    expect(said()).toBe('Move it? [y/N] \n')
  })

  test('is not asked by a process that was told to stop before', async () => {
    stop.abort()
    await expect(open().ask('Move it?')).rejects.toThrow(Cancelled)
    expect(said()).not.toContain('Move it?')
  })
})

describe('the streams', () => {
  test('are no terminal when they are piped', () => {
    expect(open()).toMatchObject({ isTerminal: false, columns: undefined, colors: false })
  })

  test.each<[Readonly<Record<string, string>>, boolean]>([
    [{}, true],
    [{ NO_COLOR: '' }, true],
    [{ NO_COLOR: '1' }, false],
    [{ TERM: 'dumb' }, false],
  ])('of a terminal have its width, and colours unless %j', (env, colors) => {
    for (const stream of Object.values(streams)) Object.assign(stream, { isTTY: true, columns: 80 })
    expect(open(env)).toMatchObject({ isTerminal: true, columns: 80, colors, program: 'kubectl active-passive' })
  })

  test('hold one line for each message, whatever is in it', () => {
    open().warn('a\nb\u001b[2J')
    expect(said()).toBe('prefix: a\\nb\\u{1b}[2J\n')
  })
})
