import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../support/handler.js'
import type { Sources } from './syntax.js'

/** Reads the files of handler/, and those of test/, because their imports count as uses. */
export function readSources(): Sources {
  const paths = ['handler', 'test'].flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
      .map((path) => join(folder, path).replaceAll('\\', '/')),
  )
  return new Map(paths.sort().map((path) => [path, readFileSync(join(repository, path), 'utf8')]))
}
