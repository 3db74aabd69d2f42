/**
 * Runs on a node: the check `probe` of each container of a pod, alone. The pod is in the file that is named first; the
 * results go to stdout as JSON, by the names of the containers.
 */
import { readFile } from 'node:fs/promises'
import type { V1Pod } from '@kubernetes/client-node'
import { probeFor } from '../../handler/health/exec.js'
import { planCheck } from '../../handler/health/plan.js'
import { loadConfig } from '../../handler/kube/auth/config.js'
import { connectCommands } from '../../handler/kube/exec.js'
import { readPod } from '../../handler/kube/read.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'

const pod: V1Pod = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8'))
const settings = { ...DEFAULT_SETTINGS, 'allow-exec': true }
const probe = probeFor(settings, () => connectCommands(loadConfig({ env: process.env })))
const { signal } = new AbortController()
const results = await Promise.all(
  (pod.spec?.containers ?? []).map(async (container) => {
    const { targets, timeoutMs, ...plan } = planCheck(
      readPod({ ...pod, spec: { ...pod.spec, containers: [container] } }),
      settings,
      [],
    )
    return [container.name, await probe({ ...plan, targets, timeoutMs }, timeoutMs, signal)]
  }),
)
process.stdout.write(JSON.stringify(Object.fromEntries(results)))
