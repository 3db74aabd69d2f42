// Who gets this version without asking for it: by npm, a dist-tag; on GitHub, the release that is "latest".
//   node release/channel.mjs
//   latest        the highest version of all tags
//   next          a version such as 0.2.0-rc.1, if it is the highest
//   release-0.1   a patch of a line that has a successor; next-0.1 is a candidate for one
import { git, manifest, runStep } from './facts.mjs'

const FORM = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/

/** The channel of a version beside those that there are: tags, or versions. Other texts among them are passed over. */
export function channelOf(version, others) {
  // Build metadata (+…) has no place in the tag of an image, and says nothing of the order.
  if (!FORM.test(version)) throw new Error(`version ${version} in package.json should be X.Y.Z or X.Y.Z-CANDIDATE`)
  const isCandidate = version.includes('-')
  // Before a candidate come candidates and versions alike; before a version no candidate does.
  const rivals = others.filter((other) => FORM.test(other) && (isCandidate || !other.includes('-')))
  const isHighest = rivals.every((other) => compare(version, other) >= 0)
  if (isHighest) return isCandidate ? 'next' : 'latest'
  const [, major, minor] = FORM.exec(version)
  return `${isCandidate ? 'next' : 'release'}-${major}.${minor}`
}

/**
 * The channel of the version in package.json, by the tags of the checkout.
 * @throws Error in a checkout that may lack some of them
 */
export function channel() {
  if (git('rev-parse', '--is-shallow-repository') === 'true') {
    throw new Error('this checkout is shallow, so that tags are missing: git fetch --unshallow --tags')
  }
  return channelOf(manifest.version, git('tag', '--list', 'v*').split('\n'))
}

/** By the rules of Semantic Versioning: below 0, 0 or above 0. */
function compare(a, b) {
  const [[, ...left], [, ...right]] = [FORM.exec(a), FORM.exec(b)]
  const order = compareParts(left.slice(0, 3), right.slice(0, 3))
  const [before, after] = [left[3], right[3]]
  // 0.2.0-rc.1 comes before 0.2.0.
  if (order !== 0 || before === after) return order
  if (before === undefined || after === undefined) return before === undefined ? 1 : -1
  return compareParts(before.split('.'), after.split('.'))
}

function compareParts(left, right) {
  for (const [n, part] of left.entries()) {
    const other = right[n]
    if (other === undefined) return 1
    if (part === other) continue
    const [isNumber, isOtherNumber] = [part, other].map((one) => /^\d+$/.test(one))
    if (isNumber && isOtherNumber) return Number(part) - Number(other)
    if (isNumber !== isOtherNumber) return isNumber ? -1 : 1
    return part < other ? -1 : 1
  }
  return left.length - right.length
}

if (process.argv[1] === import.meta.filename) await runStep(() => console.log(channel()))
