/** The CustomResourceDefinitions of prometheus-operator, from its own Go module, so that an API server knows its fields. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pinsFolder } from './cluster/binaries.js'
import { go } from './go-programs.js'
import type { Kubectl } from './kubectl.js'

const MODULE = 'github.com/prometheus-operator/prometheus-operator@v0.85.0'
/** What the module has to be, whoever serves it. */
const SUM = 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s='
const KINDS = ['podmonitors', 'prometheusrules', 'servicemonitors']

/** Makes PodMonitors, PrometheusRules and ServiceMonitors known, and waits until they can be created. */
export async function installOperatorResources(kubectl: Kubectl): Promise<void> {
  const { output } = await go(pinsFolder, ['mod', 'download', '-json', MODULE])
  const {
    Dir = '',
    Sum,
    Error: trouble,
  } = JSON.parse(output.join('\n')) as {
    readonly Dir?: string
    readonly Sum?: string
    readonly Error?: string
  }
  if (Sum !== SUM || !existsSync(Dir)) throw new Error(`${MODULE}: ${trouble ?? `its sum is ${Sum}, and not ${SUM}`}`)
  for (const kind of KINDS) {
    const file = join(Dir, 'example/prometheus-operator-crd', `monitoring.coreos.com_${kind}.yaml`)
    // On the server: they are too long for the annotation that kubectl would write.
    await kubectl('apply', '--server-side', '-f', file)
    await kubectl('wait', `crd/${kind}.monitoring.coreos.com`, '--for=condition=Established', '--timeout=30s')
  }
}
