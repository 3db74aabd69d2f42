// Signs what was pushed to a registry, with the identity of the workflow that runs this (keyless):
//   node release/sign.mjs REFERENCE@DIGEST [--sbom FILE] [-- FLAGS OF COSIGN]
// With --sbom it also attests that this is the list of what is in it (CycloneDX). It needs cosign.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runStep } from './facts.mjs'

await runStep(() => {
  const { reference, sbom, flags } = readArguments()
  cosign('sign', '--yes', ...flags, reference)
  if (sbom) cosign('attest', '--yes', '--type', 'cyclonedx', '--predicate', sbom, ...flags, reference)
})

function readArguments() {
  const usage = 'usage: node release/sign.mjs REFERENCE@DIGEST [--sbom FILE] [-- FLAGS OF COSIGN]'
  const end = process.argv.indexOf('--')
  const args = process.argv.slice(2, end < 0 ? undefined : end)
  try {
    const { values, positionals } = parseArgs({ args, options: { sbom: { type: 'string' } }, allowPositionals: true })
    const [reference = '', ...rest] = positionals
    // A tag may be moved between the push and the signature.
    if (!/@sha256:[0-9a-f]{64}$/.test(reference) || rest.length > 0) {
      throw new Error(
        `${positionals.join(' ') || 'nothing'}: not one REFERENCE@sha256:…, as release/image.mjs prints it`,
      )
    }
    if (values.sbom !== undefined && !existsSync(values.sbom)) throw new Error(`--sbom ${values.sbom}: no such file`)
    // The tag is left out: cosign takes a name with a digest.
    const named = reference.replace(/:[^:/@]+@/, '@')
    return { reference: named, sbom: values.sbom, flags: end < 0 ? [] : process.argv.slice(end + 1) }
  } catch (error) {
    console.error(`${error.message}\n${usage}`)
    process.exit(2)
  }
}

function cosign(...args) {
  try {
    execFileSync('cosign', args, { stdio: ['ignore', 'inherit', 'inherit'] })
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error('there is no cosign on the PATH: https://docs.sigstore.dev')
    throw new Error(`cosign ${args[0]} failed`)
  }
}
