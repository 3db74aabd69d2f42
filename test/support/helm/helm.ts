/** The real helm, as a user runs it. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from '../handler.js'
import { reportSkipped } from '../skipped.js'
import { findHelm } from './programs.js'

const run = promisify(execFile)

/** Whether Helm has been built. */
export const hasHelm = findHelm() !== undefined
if (!hasHelm) {
  reportSkipped(
    'NO HELM: the tests of the chart are SKIPPED because it has not been built: `npm run cluster -- --build`, once (Go).',
  )
}

/** The chart, as a user in a checkout names it. */
export const CHART = 'jobs/chart'

/** Runs helm in the repository's folder; resolves with its stdout. @throws Error with its stderr otherwise */
export type Helm = (...args: readonly string[]) => Promise<string>

/** @param kubeconfig path of the one it uses; without one it reaches no cluster */
export function helmFor(kubeconfig = '/dev/null'): Helm {
  const command = join(findHelm() ?? '', 'helm')
  const env = { ...process.env, KUBECONFIG: kubeconfig }
  return async (...args) => (await run(command, args, { cwd: repository, env, maxBuffer: 64 << 20 })).stdout
}

/** What is given to helm for these values: `--set-json kind="Deployment"`, … */
export function valueFlags(values: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(values).flatMap(([path, value]) => ['--set-json', `${path}=${JSON.stringify(value)}`])
}
