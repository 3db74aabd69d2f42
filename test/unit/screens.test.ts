// The screens in the documents are those of docs/screens. `npm run screens` writes both.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { embedded, PAGES } from '../screens/embedded.js'
import { repository } from '../support/handler.js'

test.each(PAGES)('%s shows the screens as they are', async (page) => {
  const path = join(repository, page)
  await expect(embedded(readFileSync(path, 'utf8'))).toMatchFileSnapshot(path)
})
