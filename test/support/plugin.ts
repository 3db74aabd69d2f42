/** The plugin of kubectl, called as a user does. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { findBinaries } from './cluster/binaries.js'
import { reportSkipped } from './skipped.js'

const run = promisify(execFile)

/** The folder with kubectl. `undefined`: this machine has none, which is reported. */
export function findKubectl(): string | undefined {
  const kubectl = findBinaries()
  if (!kubectl) reportSkipped('No kubectl: whether it finds its plugin is not tested (npm run cluster -- --build).')
  return kubectl
}

/** What a command says, whatever its exit code is. @param path a folder that is on PATH, before kubectl's */
export async function said(command: string, args: readonly string[], path: string) {
  const env = { PATH: `${path}:${findBinaries()}:${process.env.PATH}`, HOME: '/nowhere', KUBECONFIG: '/nowhere' }
  const ended = await run(command, args, { env }).catch(
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
  return { code: 'code' in ended ? ended.code : 0, stdout: ended.stdout, stderr: ended.stderr }
}

/** That a folder on PATH has the plugin, for kubectl. */
export async function expectPlugin(path: string): Promise<void> {
  expect((await said('kubectl', ['active-passive', 'pause', '--help'], path)).stdout).toContain(
    'kubectl active-passive pause SERVICE [FLAGS]\n',
  )
  expect(await said('kubectl', ['active-passive', 'statsu', '-n', 'a'], path)).toMatchObject({
    code: 2,
    stderr:
      'kubectl active-passive: unknown command "statsu": did you mean kubectl active-passive status [SERVICE]? See kubectl active-passive --help\n',
  })
  expect((await said('kubectl', ['plugin', 'list', '--name-only'], path)).stdout).toContain('kubectl-active_passive\n')
}
