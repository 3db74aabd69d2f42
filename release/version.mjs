// package.json is the one place that says the version. This writes it wherever version-places.json says:
//   npm run set-version -- [VERSION]     VERSION goes into package.json first
//   npm run set-version -- --check       writes nothing, and fails where a place says another version
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** What an image's tag can be too: a tag has no `+`. */
const VERSION = String.raw`\d+\.\d+\.\d+(?:-[0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*)?`
const repository = fileURLToPath(new URL('..', import.meta.url))
const read = (file) => readFileSync(join(repository, file), 'utf8')

try {
  const { isCheck, wanted } = readArguments()
  if (wanted !== undefined) setInPackage(wanted)
  const { version } = JSON.parse(read('package.json'))
  const places = JSON.parse(read('release/version-places.json')).flatMap(({ form, files }) =>
    files.map((file) => ({ form, file })),
  )
  const found = places.flatMap(occurrences)
  const others = [...found, ...inLock()].filter((one) => one.version !== version)
  if (isCheck && others.length > 0) {
    const lines = others.map(({ file, line, text }) => `  ${file}:${line}: ${text}`)
    throw new Error(
      [`package.json says ${version}. Other versions:`, ...lines, 'Mend it: npm run set-version'].join('\n'),
    )
  }
  if (!isCheck) {
    if (others.some(({ file }) => file === 'package-lock.json')) setInPackage(version)
    for (const place of places) setIn(place, version)
  }
  console.log(`${version}, in ${found.length} places`)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true })
    const [wanted, ...more] = positionals
    if (more.length > 0 || (values.check && wanted)) throw new Error(`unexpected word ${more[0] ?? wanted}`)
    if (wanted !== undefined && !new RegExp(`^${VERSION}$`).test(wanted)) {
      throw new Error(`${wanted}: no version such as 0.2.0 or 0.2.0-rc.1`)
    }
    return { isCheck: values.check === true, wanted }
  } catch (error) {
    console.error(`${error.message}\nusage: npm run set-version -- [--check | VERSION]`)
    process.exit(2)
  }
}

/** Where a file has a form, with the version that it says there. @throws Error if it has it nowhere */
function occurrences({ form, file }) {
  const lines = read(file).split('\n')
  const found = lines.flatMap((text, n) =>
    [...text.matchAll(pattern(form))].map(([, , version]) => ({ file, line: n + 1, text: text.trim(), version })),
  )
  if (found.length > 0) return found
  throw new Error(`release/version-places.json: ${file} has no ${form}: correct the form, or take the file out`)
}

function setIn({ form, file }, version) {
  const text = read(file)
  const changed = text.replace(pattern(form), (_, before, __, after) => `${before}${version}${after}`)
  if (changed !== text) writeFileSync(join(repository, file), changed)
}

/** What is before the version, the version, and what is behind it. */
function pattern(form) {
  const [before, after] = form.split('{version}').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`(${before})(${VERSION})(${after})`, 'g')
}

/** The lock repeats the version, and npm writes both. */
function inLock() {
  const { version, packages } = JSON.parse(read('package-lock.json'))
  const versions = [version, packages[''].version]
  return versions.map((version) => ({ file: 'package-lock.json', line: 3, text: `"version": "${version}"`, version }))
}

function setInPackage(version) {
  const options = ['--no-git-tag-version', '--ignore-scripts', '--allow-same-version', '--silent']
  execFileSync('npm', ['version', version, ...options], { cwd: repository, stdio: ['ignore', 'ignore', 'inherit'] })
}
