import { expect, test } from 'vitest'
import { handoverPicture } from '../bench/handover-picture.js'
import { recordHandover } from '../support/handover-steps.js'

test('docs/one-handover.svg is what `npm run draw` draws of a real pass', async () => {
  await expect(handoverPicture(await recordHandover())).toMatchFileSnapshot('../../docs/one-handover.svg')
})

test('The steps of the picture are those of a handover, and the Service selects one pod after each', async () => {
  const { steps } = await recordHandover()
  expect(steps.map(({ name, selected }) => [name, ...selected])).toEqual([
    ['before', 'my-app-0'],
    ['claim', 'my-app-0'],
    ['seal', 'my-app-0'],
    ['check', 'my-app-0'],
    ['promote', 'my-app-0'],
    ['settle', 'my-app-0'],
    ['release', 'my-app-1'],
  ])
})
