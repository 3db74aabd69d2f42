// Tells what is in the bundles of dist/, or of the folder given as an argument: sbom.json lists the packages (CycloneDX),
// and LICENSES has the text of their licences.
//   node release/sbom.mjs [FOLDER]
// Both say what esbuild has bundled, not what is installed. The same bundles give the same files.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('..', import.meta.url))
const [folder = join(repository, 'dist')] = process.argv.slice(2).map((path) => resolve(path))
const inFolder = (name) => join(folder, name)

try {
  if (!existsSync(inFolder('meta.json'))) {
    throw new Error(`${inFolder('meta.json')} is not there: node build.mjs ${folder}`)
  }
  const { components } = writeSbom()
  writeFileSync(inFolder('LICENSES'), licences(components))
  console.log(`${inFolder('sbom.json')}: ${components.length} packages\n${inFolder('LICENSES')}`)
} catch (error) {
  console.error(`sbom: ${error.message}`)
  process.exitCode = 1
}

/** Of the packages in esbuild's metafile, held to the schema of CycloneDX, without a random number and the time. */
function writeSbom() {
  const scratch = mkdtempSync(join(tmpdir(), 'active-passive-sbom-'))
  try {
    const metafile = join(scratch, 'meta.json')
    writeFileSync(metafile, JSON.stringify(withOwnFilesAsOne(JSON.parse(readFileSync(inFolder('meta.json'), 'utf8')))))
    const program = join(repository, 'node_modules/.bin/cyclonedx-esbuild')
    const args = ['--spec-version', '1.6', '--output-reproducible', '--validate', '--gather-license-texts']
    execFileSync(process.execPath, [program, ...args, '-o', inFolder('sbom.json'), metafile], {
      cwd: repository, // paths in the metafile begin here
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  } catch (error) {
    throw error.stderr ? new Error(`cyclonedx-esbuild failed:\n${error.stderr}`) : error
  } finally {
    rmSync(scratch, { recursive: true })
  }
  return JSON.parse(readFileSync(inFolder('sbom.json'), 'utf8'))
}

/**
 * The metafile with all of our own files as one, package.json, so that they belong to this package. As they are,
 * handler/package.json would make handler/ a package without a name, and a module of the build's plugin one of its own.
 */
function withOwnFilesAsOne(metafile) {
  const one = (path) => (path.includes('node_modules/') ? path : 'package.json')
  const inputs = {}
  for (const [path, { imports }] of Object.entries(metafile.inputs)) {
    inputs[one(path)] ??= { bytes: 0, imports: [] }
    inputs[one(path)].imports.push(...imports.map((each) => (each.external ? each : { ...each, path: one(each.path) })))
  }
  const outputs = {}
  for (const [name, output] of Object.entries(metafile.outputs)) {
    const own = Object.entries(output.inputs).map(([path, size]) => [one(path), size])
    outputs[name] = { ...output, entryPoint: undefined, inputs: Object.fromEntries(own) }
  }
  return { inputs, outputs }
}

/** @throws Error which names each package that has no licence, or no text of it */
function licences(components) {
  const unlicensed = components.filter((one) => !one.licenses?.length || texts(one).length === 0)
  if (unlicensed.length > 0) {
    const names = unlicensed.map((one) => `${fullName(one)} ${one.version}`).join(', ')
    throw new Error(`a licence or its text is missing in the package of ${names}: bundle another package or version`)
  }
  const parts = components.map((one) => {
    const terms = one.licenses.map(({ license, expression }) => expression ?? license.id ?? license.name).join(', ')
    const title = `${fullName(one)} ${one.version} (${terms})`
    return [title, '='.repeat(title.length), '', ...texts(one)].join('\n')
  })
  return ['active-passive contains these packages. Their licences:', ...parts].join('\n\n\n').concat('\n')
}

function fullName({ group, name }) {
  return group ? `${group}/${name}` : name
}

/** What the package has in files such as LICENSE and NOTICE. */
function texts({ evidence }) {
  return (evidence?.licenses ?? []).map(({ license: { text } }) =>
    Buffer.from(text.content, text.encoding === 'base64' ? 'base64' : 'utf8')
      .toString()
      .replaceAll('\r\n', '\n')
      .trim(),
  )
}
