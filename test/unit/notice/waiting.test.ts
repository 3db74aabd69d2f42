import { describe, expect, it } from 'vitest'
import { inTurns, Waiting } from '../../../handler/notice/waiting.js'

const one = (name: string) => ({ namespace: name.slice(0, 1), isHandover: name.includes('H'), name })
const waitingFor = (...names: readonly string[]) => {
  const waiting = new Waiting<ReturnType<typeof one>>()
  for (const name of names) waiting.add(one(name))
  return waiting
}
const rest = (waiting: ReturnType<typeof waitingFor>) => waiting.takeAll(() => true).map(({ name }) => name)

describe('what waits to be sent', () => {
  it('has handovers before troubles, and the namespaces in turn', () => {
    const waiting = waitingFor('aT1', 'aT2', 'bT1', 'aH1', 'aH2', 'aH3', 'bH1', 'cH1')
    expect([waiting.size, waiting.handovers]).toEqual([8, 5])
    expect(rest(waiting)).toEqual(['aH1', 'bH1', 'cH1', 'aH2', 'aH3', 'aT1', 'bT1', 'aT2'])
    expect([waiting.size, waiting.handovers, waiting.next()]).toEqual([0, 0, undefined])
  })

  it('loses the last trouble of the namespace with the most, and then the last handover', () => {
    const waiting = waitingFor('aT1', 'bT1', 'bT2', 'aH1', 'bH1', 'aH2')
    const lost = Array.from({ length: 7 }, () => waiting.dropLast()?.name)
    expect(lost).toEqual(['bT2', 'aT1', 'bT1', 'aH2', 'aH1', 'bH1', undefined])
    expect(waiting.size).toBe(0)
  })

  it('keeps what is not taken out', () => {
    const waiting = waitingFor('aH1', 'bH1', 'aT1')
    expect(waiting.takeAll(({ namespace }) => namespace === 'a').map(({ name }) => name)).toEqual(['aH1', 'aT1'])
    expect(rest(waiting)).toEqual(['bH1'])
  })
})

it('work in turns is done two at a time, and goes on after work that fails', async () => {
  const take = inTurns(2)
  const begun: string[] = []
  const ends: (() => void)[] = []
  const all = ['aT1', 'aT2', 'aT3', 'bT1', 'cH1'].map((name) =>
    take(one(name), () => {
      begun.push(name)
      return new Promise<void>((resolve, reject) => {
        ends.push(() => (name === 'aT1' ? reject(new Error(name)) : resolve()))
      })
    }),
  )
  const results = Promise.allSettled(all)
  await new Promise(setImmediate)
  expect(begun).toEqual(['aT1', 'aT2'])
  for (let n = 0; n < all.length; n++) {
    ends[n]?.()
    await new Promise(setImmediate)
  }
  expect(begun).toEqual(['aT1', 'aT2', 'cH1', 'aT3', 'bT1'])
  expect((await results).map(({ status }) => status)).toEqual(['rejected', ...Array(4).fill('fulfilled')])
})
