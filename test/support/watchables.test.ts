import { getEventListeners } from 'node:events'
import { beforeEach, expect, it } from 'vitest'
import { FakeWatchable, unreachable } from './watchables.js'

let source: FakeWatchable<string>
let end: AbortController
beforeEach(() => {
  source = new FakeWatchable()
  end = new AbortController()
})

const watched = async () => (await source.watch('1', end.signal))[Symbol.asyncIterator]()
const left = () => [source.open, getEventListeners(end.signal, 'abort').length]

it('a watch that has ended, has broken, or was left listens to its signal no longer', async () => {
  source.opening = [{ kind: 'end' }]
  await (await watched()).next()
  expect(left()).toEqual([0, 0])
  source.opening = [{ kind: 'error', error: unreachable }]
  await expect((await watched()).next()).rejects.toBe(unreachable)
  expect(left()).toEqual([0, 0])
  source.opening = [{ kind: 'bookmark', resourceVersion: '2' }]
  const changes = await watched()
  await changes.next()
  expect(left()).toEqual([1, 1])
  await changes.return?.()
  expect(left()).toEqual([0, 0])
})

it('a watch that waits ends with its signal', async () => {
  source.opening = []
  const waiting = (await watched()).next()
  expect(left()).toEqual([1, 1])
  end.abort()
  await expect(waiting).rejects.toBe(unreachable)
  expect(left()).toEqual([0, 0])
})
