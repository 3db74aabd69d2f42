// Writes the types of the package into dist/types, or into dist/types of the folder given as an argument (there: types):
//   node release/types.mjs [FOLDER]
// They are those that index.d.ts leads to: the others need packages that users of this one do not install.
import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('..', import.meta.url))
const [folder = join(repository, 'dist')] = process.argv.slice(2).map((path) => resolve(path))
const types = join(folder, 'types')

rmSync(types, { recursive: true, force: true })
tsc('--project', 'tsconfig.types.json', '--outDir', types)

const needed = tsc(
  '--ignoreConfig',
  '--listFilesOnly',
  '--module',
  'NodeNext',
  '--types',
  'node',
  join(types, 'index.d.ts'),
)
const files = new Set(needed.split('\n').map((path) => resolve(path)))
for (const entry of readdirSync(types, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name)
  if (entry.isFile() && !files.has(path)) rmSync(path)
}
for (const entry of readdirSync(types, { recursive: true, withFileTypes: true }).reverse()) {
  const path = join(entry.parentPath, entry.name)
  if (entry.isDirectory() && readdirSync(path).length === 0) rmSync(path, { recursive: true })
}

function tsc(...args) {
  const program = join(repository, 'node_modules/.bin/tsc')
  const options = { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }
  return execFileSync(process.execPath, [program, ...args], options)
}
