// Makes the files of a release in the folder OUT, which is empty or not there yet:
//   node release/files.mjs OUT
//   OUT/package/    the npm package
//   OUT/assets/     what people download: the archive and the manifest for krew, the list of what is bundled, their sums
//   OUT/image/      what the Dockerfile's first stage would make, at the paths that it has there
//   OUT/notes.md    the notes, from CHANGELOG.md
// The same commit gives the same files, byte for byte.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { manifest, repository, runStep } from './facts.mjs'
import { notesOf } from './notes.mjs'

await runStep(() => {
  const [out, ...rest] = process.argv.slice(2)
  if (out === undefined || rest.length > 0) throw new Error('usage: node release/files.mjs OUT')
  if (existsSync(out) && readdirSync(out).length > 0) {
    throw new Error(`${out} is not empty: remove it, or name another folder, so that nothing else is released`)
  }
  const [packages, assets] = ['package', 'assets'].map((name) => join(resolve(out), name))
  for (const folder of [packages, assets]) mkdirSync(folder, { recursive: true })
  writeFileSync(join(out, 'notes.md'), `${notesOf(manifest.version).notes}\n`)
  pack(packages)
  run(process.execPath, 'release/krew/build.mjs', assets)
  forImage(join(resolve(out), 'image'))
  // It was made for the package.
  const sbom = join(repository, 'dist', 'sbom.json')
  if (existsSync(sbom)) copyFileSync(sbom, join(assets, 'sbom.json'))
  writeFileSync(join(assets, 'SHA256SUMS'), sums(assets))
  console.log(out)
})

/** Writes the npm package: of a build that is new, and with the same modes for whatever umask files were made with. */
function pack(folder) {
  const dist = join(repository, 'dist')
  rmSync(dist, { recursive: true, force: true })
  run('npm', 'run', '--silent', 'prepack')
  const built = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const others = ['LICENSE', 'README.md', 'package.json'].map((name) => join(repository, name))
  for (const path of [...others, ...built.map(({ parentPath, name }) => join(parentPath, name))]) {
    chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644)
  }
  run('npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder)
}

function forImage(folder) {
  mkdirSync(join(folder, 'src'), { recursive: true })
  copyFileSync(join(repository, 'LICENSE'), join(folder, 'src', 'LICENSE'))
  for (const script of ['build.mjs', 'release/sbom.mjs']) run(process.execPath, script, join(folder, 'out'))
}

function run(command, ...args) {
  execFileSync(command, args, { cwd: repository, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** As `sha256sum --check` takes it. */
function sums(folder) {
  const names = readdirSync(folder).sort()
  const lines = names.map(
    (name) =>
      `${createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex')}  ${name}`,
  )
  return `${lines.join('\n')}\n`
}
