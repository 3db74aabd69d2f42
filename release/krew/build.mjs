// Builds the archive of the plugin for krew, and the manifest that names it:
//   npm run krew -- [--url https://HOST/PATH] [FOLDER]     without the URL, people load it from the release
// The same sources give the same archive: no time, user or order of the machine is in it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { address, manifest, repository, tag } from '../facts.mjs'

const { version, homepage } = manifest
const { url, folder } = readArguments()

mkdirSync(folder, { recursive: true })
const archive = gzipped(tarOf(files()))
const sha256 = createHash('sha256').update(archive).digest('hex')
const name = `active-passive-${tag}.tar.gz`
const values = { version, homepage, url, sha256 }
const template = readFileSync(new URL('active-passive.yaml', import.meta.url), 'utf8').replace(/^#.*\n/, '')
writeFileSync(join(folder, name), archive)
writeFileSync(
  join(folder, 'active-passive.yaml'),
  template.replace(/\{\{(\w+)\}\}/g, (_, key) => values[key]),
)
console.log(`${join(folder, name)}\n${join(folder, 'active-passive.yaml')}`)

function readArguments() {
  try {
    const { values, positionals } = parseArgs({ options: { url: { type: 'string' } }, allowPositionals: true })
    const { url = `${address}/releases/download/${tag}` } = values
    if (!URL.canParse(url) || new URL(url).protocol !== 'https:') throw new Error(`--url ${url}: no https:// URL`)
    if (positionals.length > 1) throw new Error(`unexpected word ${positionals[1]}: one FOLDER is enough`)
    return { url: url.replace(/\/$/, ''), folder: positionals[0] ?? join(repository, 'release', 'krew', 'dist') }
  } catch (error) {
    console.error(`${error.message}\nusage: npm run krew -- [--url https://HOST/PATH] [FOLDER]`)
    process.exit(2)
  }
}

/** The program, built afresh and without its source map, and the licences of all that it is made of. */
function files() {
  const built = mkdtempSync(join(tmpdir(), 'active-passive-krew-'))
  try {
    for (const script of ['build.mjs', 'release/sbom.mjs']) {
      execFileSync(process.execPath, [script, built], { cwd: repository, stdio: ['ignore', 'ignore', 'inherit'] })
    }
    const program = readFileSync(join(built, 'program.cjs'), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n')
    return [
      { name: 'main.cjs', mode: 0o755, bytes: readFileSync(join(built, 'main.cjs')) },
      { name: 'program.cjs', mode: 0o644, bytes: Buffer.from(program) },
      { name: 'LICENSE', mode: 0o644, bytes: readFileSync(join(repository, 'LICENSE')) },
      { name: 'LICENSES', mode: 0o644, bytes: readFileSync(join(built, 'LICENSES')) },
    ]
  } finally {
    rmSync(built, { recursive: true })
  }
}

/** The files as a tar archive of the form ustar. */
function tarOf(files) {
  const blocks = files.flatMap(({ name, mode, bytes }) => [
    header(name, mode, bytes.length),
    bytes,
    Buffer.alloc((512 - (bytes.length % 512)) % 512),
  ])
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function header(name, mode, size) {
  const block = Buffer.alloc(512)
  const octal = (value, length) => `${value.toString(8).padStart(length - 1, '0')}\0`
  block.write(name, 0)
  block.write(octal(mode, 8), 100)
  block.write(octal(0, 8), 108) // user
  block.write(octal(0, 8), 116) // group
  block.write(octal(size, 12), 124)
  block.write(octal(0, 12), 136) // time
  block.write(' '.repeat(8), 148) // the checksum counts as spaces while it is made
  block.write('0', 156) // a file
  block.write('ustar\0' + '00', 257)
  const sum = block.reduce((sum, byte) => sum + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** Without the operating system, which is the only other thing of the machine in the header. */
function gzipped(bytes) {
  const zipped = gzipSync(bytes, { level: 9 })
  zipped[9] = 255
  return zipped
}
