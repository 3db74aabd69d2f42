import { expect, it } from 'vitest'
import { type PauseResult, pauseWords } from '../../../handler/report/pause.js'

const resumed: PauseResult = {
  ...{ namespace: 'default', services: ['web'], pausedUntil: null, pausedBefore: 'forever' },
  ...{ isHandoverUnderWay: false, writes: [], warnings: [] },
}

it('A group whose pause has ended is served by the next pass, unless a warning says why none serves it', () => {
  expect(pauseWords(resumed, 'resume', false)).toBe('is not paused: the next pass serves it (it was so before)')
  const warned = { ...resumed, warnings: ['no pass serves it before this is put right: …'] }
  expect(pauseWords(warned, 'resume', false)).toBe('is not paused (it was so before)')
})
