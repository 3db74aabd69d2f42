// Helm and helm-docs, built once from the Go module proxy at the versions that `go.mod` pins; and what Prometheus' operator
// has an API server know.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheFolder, makeOnce } from '../cluster/cache.js'

const run = promisify(execFile)
const moduleFolder = fileURLToPath(new URL('.', import.meta.url))
const goMod = readFileSync(join(moduleFolder, 'go.mod'), 'utf8')
const tools = (/^tool \(\n([^)]*)\)/m.exec(goMod)?.[1] ?? '').trim().split(/\s+/)
const flags = ['-trimpath', '-ldflags', '-s -w']
/** What else would make the result another one, or depend on the machine's settings. */
const environment = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' }

/** The module whose files define the kinds of prometheus-operator, and what the checksum database says of it. */
const operator = {
  module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
  sum: 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=',
  files: ['podmonitors', 'prometheusrules', 'servicemonitors'].map((name) => `monitoring.coreos.com_${name}.yaml`),
}

/** The folder of `helm`, `helm-docs` and the operator's definitions: named after all that decides what they are. */
function programsFolder(): string {
  const goSum = readFileSync(join(moduleFolder, 'go.sum'), 'utf8')
  const inputs = [goMod, goSum, flags, environment, operator, process.platform, process.arch]
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12)
  const version = /^\s*helm\.sh\/helm\/v4 (v\S+)/m.exec(goMod)?.[1]
  return join(cacheFolder(), `helm-${version}-${hash}`)
}

/** The same if they have been built. */
export function findHelm(): string | undefined {
  const folder = programsFolder()
  return existsSync(folder) ? folder : undefined
}

/** Paths of the CustomResourceDefinitions of prometheus-operator. */
export function operatorDefinitions(folder: string): readonly string[] {
  return operator.files.map((file) => join(folder, file))
}

/** Builds them. Takes a minute or two on an empty cache. @throws Error when the build fails */
export async function buildHelm({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
  const go = (...args: readonly string[]) =>
    run('go', args, { cwd: moduleFolder, env: { ...process.env, ...environment }, ...(signal && { signal }) })
  await makeOnce(programsFolder(), async (unfinished) => {
    await go('build', ...flags, '-o', `${unfinished}/`, ...tools)
    const { Dir, Sum } = JSON.parse((await go('mod', 'download', '-json', operator.module)).stdout) as {
      readonly Dir: string
      readonly Sum: string
    }
    if (Sum !== operator.sum) throw new Error(`${operator.module}: ${Sum} is not what we know of it`)
    for (const file of operator.files) {
      await copyFile(join(Dir, 'example/prometheus-operator-crd', file), join(unfinished, file))
    }
  })
}
