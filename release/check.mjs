// The first step of a release: is this commit what its tag says?
//   node release/check.mjs TAG [--rehearsal]
// In a rehearsal CHANGELOG.md may still be without the date of the version.
import { parseArgs } from 'node:util'
import { git, manifest, runStep, tag } from './facts.mjs'
import { notesOf } from './notes.mjs'

await runStep(() => {
  const { wanted, isRehearsal } = readArguments()
  const found = complaints(wanted, isRehearsal)
  if (found.length > 0) throw new Error(['This cannot be released:', ...found.map((one) => `- ${one}`)].join('\n'))
  console.log(`${wanted} is ${git('rev-parse', 'HEAD')}`)
})

function readArguments() {
  try {
    const { values, positionals } = parseArgs({ options: { rehearsal: { type: 'boolean' } }, allowPositionals: true })
    if (positionals.length !== 1) throw new Error('one TAG, please')
    return { wanted: positionals[0], isRehearsal: values.rehearsal === true }
  } catch (error) {
    console.error(`${error.message}\nusage: node release/check.mjs TAG [--rehearsal]`)
    process.exit(2)
  }
}

/** All that is wrong, each with its remedy. */
function complaints(wanted, isRehearsal) {
  return [...tagComplaints(wanted), ...treeComplaints(), ...changelogComplaints(isRehearsal)]
}

function tagComplaints(wanted) {
  if (wanted === tag) return []
  return [
    `the tag is ${wanted}, and package.json has version ${manifest.version}: ` +
      `tag this commit ${tag}, or set the version of the tag in package.json and tag that commit`,
  ]
}

function treeComplaints() {
  // Untracked files are asked for: a user's git may be set to leave them out.
  const changed = git('status', '--porcelain', '--untracked-files=normal').split('\n').filter(Boolean)
  if (changed.length === 0) return []
  const [shown, rest] = [changed.slice(0, 5), changed.length - 5]
  const more = rest > 0 ? `, and ${rest} more` : ''
  return [
    `the checkout differs from its commit (${shown.map((line) => line.trim()).join(', ')}${more}): ` +
      'commit that, or take it out (git stash --include-untracked)',
  ]
}

function changelogComplaints(isRehearsal) {
  try {
    const { date } = notesOf(manifest.version)
    if (date !== undefined || isRehearsal) return []
    const heading = `## [${manifest.version}] - YYYY-MM-DD`
    return [`CHANGELOG.md has no date for ${manifest.version}: write the heading as "${heading}"`]
  } catch (error) {
    return [error.message]
  }
}
