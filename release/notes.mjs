// Prints what CHANGELOG.md says of the version in package.json: the notes of its release.
//   node release/notes.mjs
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { manifest, repository, runStep } from './facts.mjs'

/**
 * What CHANGELOG.md says of a version: its date, undefined where it has none yet, and the text below the heading.
 * @throws Error when it says nothing of it
 */
export function notesOf(version) {
  const file = 'CHANGELOG.md'
  const text = readFileSync(join(repository, file), 'utf8')
  const headings = [...text.matchAll(/^## \[([^\]]+)\](?: - (.*))?$/gm)]
  const at = headings.findIndex(([, name]) => name === version)
  const remedy = `move what is below "## [Unreleased]" to a heading of its own, "## [${version}] - YYYY-MM-DD"`
  if (at < 0) throw new Error(`${file} has no heading for ${version}: ${remedy}`)
  const [heading, , date] = headings[at]
  const end = headings[at + 1]?.index ?? text.search(/^\[[^\]]+\]: /m)
  const notes = text.slice(headings[at].index + heading.length, end < 0 ? undefined : end).trim()
  if (notes === '') throw new Error(`${file} has nothing below "${heading}": say what a user notices of ${version}`)
  return { date: /^\d{4}-\d{2}-\d{2}$/.test(date ?? '') ? date : undefined, notes }
}

if (process.argv[1] === import.meta.filename) await runStep(() => console.log(notesOf(manifest.version).notes))
