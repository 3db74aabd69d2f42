// `npm run cluster`: a Kubernetes control plane to play with, until Ctrl-C.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { hideBin } from 'yargs/helpers'
import yargs from 'yargs/yargs'
import { binariesFolder, buildBinaries, findBinaries, goVersion, kubernetesVersion } from './binaries.js'
import { startControlPlane } from './control-plane.js'
import { progressLine } from './progress.js'

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())

process.exitCode = await main()

async function main(): Promise<number> {
  const flags = parse()
  if (typeof flags === 'number') return flags
  try {
    return flags.build ? await build() : await run()
  } catch (error) {
    if (interrupted.signal.aborted) return 1
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    return 1
  }
}

/** The flags, or the exit code when there is nothing more to do. */
function parse(): { readonly build: boolean } | number {
  let exit: number | undefined
  const parsed = yargs(hideBin(process.argv))
    .scriptName('npm run cluster --')
    .usage(
      '$0 [--build]\n\nStarts a Kubernetes control plane on this machine (etcd, API server, controllers; no node), ' +
        'prints how to use it, and removes it on Ctrl-C.',
    )
    .option('build', {
      type: 'boolean',
      default: false,
      describe: `Only build Kubernetes ${kubernetesVersion} from source, once (needs Go ${goVersion} or newer)`,
    })
    .version(false)
    .strict()
    .demandCommand(0, 0, undefined, 'It takes no words, only flags.')
    .exitProcess(false)
    .fail((message, error) => {
      // Called once for each complaint; one is enough.
      if (exit === undefined) process.stderr.write(`${message ?? error.message}\nTry \`npm run cluster -- --help\`.\n`)
      exit = 2
    })
    .parseSync()
  if ('help' in parsed && parsed.help) exit ??= 0
  return exit ?? { build: parsed.build }
}

async function build(): Promise<number> {
  const existing = findBinaries()
  if (existing !== undefined) {
    process.stdout.write(`Kubernetes ${kubernetesVersion} is built: ${existing}\n`)
    return 0
  }
  const { onProgress, done } = progressLine(process.stderr, `building Kubernetes ${kubernetesVersion}`)
  const folder = await buildBinaries({ onProgress, signal: interrupted.signal }).finally(done)
  process.stdout.write(`Kubernetes ${kubernetesVersion} is built: ${folder}\n`)
  return 0
}

async function run(): Promise<number> {
  const binaries = findBinaries()
  if (binaries === undefined) {
    process.stderr.write(
      `Kubernetes ${kubernetesVersion} is not built yet (it would be in ${binariesFolder()}).\n` +
        `Build it, once, in about 5 minutes: npm run cluster -- --build   (needs Go ${goVersion} or newer)\n`,
    )
    return 1
  }
  const cluster = await startControlPlane({ binaries })
  try {
    const kubectl = isOnPath('kubectl') ? [] : [`export PATH="${binaries}:$PATH"   # for kubectl`]
    const lines = [
      `Kubernetes ${kubernetesVersion} at ${cluster.url}`,
      'No node: pods stay Pending, nothing runs in them.',
      `logs       ${cluster.logs}`,
      `audit log  ${cluster.auditLog}`,
      '',
      'In another terminal:',
      ...kubectl,
      `export KUBECONFIG=${cluster.kubeconfig}`,
      '',
      'Ctrl-C ends it and removes everything.',
    ]
    process.stdout.write(`${lines.join('\n')}\n`)
    const end = await Promise.race([interruption(), cluster.broken])
    if (end instanceof Error) throw end
    return 0
  } finally {
    await cluster.stop()
  }
}

/** Resolves on Ctrl-C. */
function interruption(): Promise<undefined> {
  const { signal } = interrupted
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
