// Finds the Kubernetes that the tests run against, once for a test run: the one that TEST_KUBE_CONTEXT names, or a
// control plane started for this run, or none. Tests ask for it with `inject('cluster')`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import type { TestProject } from 'vitest/node'
import { buildCommand, findBinaries, goVersion } from './cluster/binaries.js'
import { kube } from './cluster/client.js'
import { startControlPlane } from './cluster/control-plane.js'
import type { Cluster } from './cluster-context.js'
import { reportSkipped } from './skipped.js'

interface Found extends Cluster {
  stop(): Promise<void>
}

let found: Found | undefined

/** Called by vitest before all tests. */
export async function setup(project: TestProject): Promise<void> {
  const context = process.env.TEST_KUBE_CONTEXT
  if (context) found = await existingCluster(context)
  else if (findBinaries() !== undefined) found = await startControlPlane()
  else {
    reportSkipped(
      'NO KUBERNETES: the tests that need one are SKIPPED. ' +
        `Build it once with \`${buildCommand()}\` (needs Go ≥ ${goVersion}), ` +
        'or name the context of a throw-away cluster in TEST_KUBE_CONTEXT.',
    )
  }
  project.provide(
    'cluster',
    found && { kubeconfig: found.kubeconfig, ...(found.auditLog !== undefined && { auditLog: found.auditLog }) },
  )
}

/** Called by vitest after all tests. */
export async function teardown(): Promise<void> {
  await found?.stop()
  found = undefined
}

/** Tests get a kubeconfig of their own: they look at no other, whatever the user's current context is. */
async function existingCluster(context: string): Promise<Found> {
  const config = new KubeConfig()
  config.loadFromDefault()
  if (config.getContextObject(context) === null) {
    const names = config.getContexts().map(({ name }) => name)
    throw new Error(
      `TEST_KUBE_CONTEXT: the kubeconfig has no context "${context}"; it has ${names.join(', ') || 'none'}`,
    )
  }
  config.setCurrentContext(context)
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-context-'))
  const stop = (): Promise<void> => rm(folder, { recursive: true, force: true })
  const kubeconfig = join(folder, 'kubeconfig')
  try {
    await writeFile(kubeconfig, config.exportConfig(), { mode: 0o600 })
    await kube(kubeconfig).text('/readyz')
  } catch (error) {
    await stop()
    throw new Error(`TEST_KUBE_CONTEXT: the cluster of context "${context}" is not ready`, { cause: error })
  }
  return { kubeconfig, stop }
}
