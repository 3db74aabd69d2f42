/** The real kubectl, as a user runs it. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findBinaries } from './cluster/binaries.js'
import { repository } from './handler.js'

const run = promisify(execFile)

/** Runs kubectl in the repository's folder; resolves with its stdout. @throws Error with its stderr otherwise */
export type Kubectl = (...args: readonly string[]) => Promise<string>

/**
 * A flag of apply and replace, for manifests of tests that have no mistakes: kubectl does not read the API's whole schema
 * first, which is two thirds of a server-side apply. It writes the same, under the same name.
 */
export const WITHOUT_SCHEMA = '--validate=false'

/** @param kubeconfig path of the one it uses */
export function kubectlFor(kubeconfig: string): Kubectl {
  const command = join(findBinaries() ?? '', 'kubectl')
  return async (...args) =>
    (await run(command, ['--kubeconfig', kubeconfig, ...args], { cwd: repository, maxBuffer: 64 << 20 })).stdout
}
