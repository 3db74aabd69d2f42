import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { whyUnreadable } from '../../../handler/util/unreadable.js'

const folder = mkdtempSync(join(tmpdir(), 'active-passive-unreadable-'))
writeFileSync(join(folder, 'file'), '')
afterAll(() => rmSync(folder, { recursive: true }))

it.each([
  ['none', 'there is no such file'],
  ['file/below', 'a part of its path is a file, not a folder'],
  ['.', 'it is a folder'],
  ['a\0b', expect.stringContaining('null bytes')],
])('why %j is not read', async (name, why) => {
  expect(await readFile(join(folder, name)).catch(whyUnreadable)).toEqual(why)
})
