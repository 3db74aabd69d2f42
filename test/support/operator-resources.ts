/** The CustomResourceDefinitions of prometheus-operator, from its own Go module, so that an API server knows its fields. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { pinsFolder } from './cluster/binaries.js'
import type { Kube } from './cluster/client.js'
import { until } from './cluster/poll.js'
import { go } from './go-programs.js'
import { type Applied, applierFor } from './server-side-apply.js'

const MODULE = 'github.com/prometheus-operator/prometheus-operator@v0.85.0'
/** What the module has to be, whoever serves it. */
const SUM = 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s='
const KINDS = ['podmonitors', 'prometheusrules', 'servicemonitors']

interface Api {
  readonly resources: readonly { readonly name: string }[]
}

/** Makes PodMonitors, PrometheusRules and ServiceMonitors known, and waits until they can be created. */
export async function installOperatorResources(admin: Kube): Promise<void> {
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
  const definitions = KINDS.map(async (kind) => {
    const file = join(Dir, 'example/prometheus-operator-crd', `monitoring.coreos.com_${kind}.yaml`)
    return load(await readFile(file, 'utf8')) as Applied
  })
  await applierFor(admin).apply(await Promise.all(definitions))
  await until(`${KINDS.join(', ')} can be created`, async () => {
    const api = await admin.get<Api>('/apis/monitoring.coreos.com/v1').catch(() => undefined)
    const served = api?.resources.map(({ name }) => name)
    return KINDS.every((kind) => served?.includes(kind)) || undefined
  })
}
