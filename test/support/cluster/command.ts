// `npm run cluster`: a Kubernetes control plane to play with, until Ctrl-C.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { hideBin } from 'yargs/helpers'
import yargs from 'yargs/yargs'
import type { BuildOptions } from '../go-programs.js'
import { buildHelm, findHelm } from '../helm/programs.js'
import { prepareImages } from '../node/images.js'
import { type NodeCluster, startCluster } from '../node/node-cluster.js'
import { requireNode } from '../node/requirements.js'
import { packageVersion } from '../package-version.js'
import { startWork } from '../work.js'
import {
  binariesFolder,
  buildBinaries,
  buildCommand,
  buildReference,
  findBinaries,
  findReference,
  goVersion,
  newest,
  type Release,
  releaseNamed,
  releases,
} from './binaries.js'
import { type ControlPlane, startControlPlane } from './control-plane.js'

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())
// npm may be killed without a word to us.
const parent = process.ppid
setInterval(() => process.ppid === parent || interrupted.abort(), 1_000).unref()

const exitCode = await main()
// What is still being started, or built, ends with us.
if (interrupted.signal.aborted) process.exit(exitCode)
process.exitCode = exitCode

async function main(): Promise<number> {
  const flags = parse()
  if (typeof flags === 'number') return flags
  try {
    const kubernetes = flags.kubernetes === undefined ? newest : releaseNamed(flags.kubernetes)
    if (flags.build) return await build(kubernetes)
    return await run(kubernetes, flags.nodes)
  } catch (error) {
    if (interrupted.signal.aborted) return 1
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    return 1
  }
}

interface Flags {
  readonly build: boolean
  readonly nodes: number
  readonly kubernetes: string | undefined
}

/** The flags, or the exit code when there is nothing more to do. */
function parse(): Flags | number {
  let exit: number | undefined
  const parsed = yargs(hideBin(process.argv))
    .scriptName('npm run cluster --')
    .usage(
      '$0 [--build | --node | --nodes 2] [--kubernetes 1.33]\n\nStarts a Kubernetes on this machine, prints how to use it, and removes it on ' +
        'Ctrl-C. Without a flag it is a control plane alone (etcd, API server, controllers), for which no root is needed.',
    )
    .option('build', {
      type: 'boolean',
      describe: `Only build Kubernetes from source, once (needs Go ${goVersion} or newer)`,
    })
    .option('kubernetes', {
      type: 'string',
      requiresArg: true,
      describe: `Another release than the newest: ${releases()
        .map(({ name }) => name)
        .join(', ')}`,
    })
    .option('node', {
      type: 'boolean',
      describe: 'With a node that runs pods (needs root, Linux and some packages, which it names)',
    })
    .option('nodes', { type: 'number', requiresArg: true, describe: 'The same with more than one' })
    .conflicts({ build: ['node', 'nodes'], node: 'nodes' })
    .check(({ nodes }) => {
      if (nodes === undefined || (Number.isInteger(nodes) && nodes >= 1 && nodes <= 9)) return true
      throw new Error(`--nodes ${nodes}: a number from 1 to 9, please.`)
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
  const { build, nodes, node, kubernetes } = parsed
  return exit ?? { build: build === true, nodes: nodes ?? (node ? 1 : 0), kubernetes }
}

async function build(release: Release): Promise<number> {
  const folder =
    findBinaries(release) ??
    (await showing(`building Kubernetes ${release.version}`, (options) => buildBinaries(options, release)))
  // It is made of the newest, which alone the tests compare with.
  if (release === newest && findReference() === undefined) {
    await showing('building the reference of its rules', buildReference)
  }
  if (findHelm() === undefined) await showing('building Helm', buildHelm)
  process.stdout.write(`Kubernetes ${release.version} is built: ${folder}\n`)
  return 0
}

async function showing<T>(task: string, build: (options: BuildOptions) => Promise<T>): Promise<T> {
  const { at, done } = startWork(task)
  return await build({ onPackage: at, signal: interrupted.signal }).finally(done)
}

async function start(release: Release, binaries: string, nodes: number): Promise<ControlPlane | NodeCluster> {
  return nodes > 0 ? startCluster({ nodes, images: await prepareImages(), release }) : startControlPlane({ binaries })
}

/** @param nodes how many; none for a control plane alone */
async function run(release: Release, nodes: number): Promise<number> {
  if (nodes > 0) requireNode(release)
  const binaries = findBinaries(release)
  if (binaries === undefined) {
    process.stderr.write(
      `Kubernetes ${release.version} is not built yet (it would be in ${binariesFolder(release)}).\n` +
        `Build it, once, in about 5 minutes: ${buildCommand(release)}   (needs Go ${goVersion} or newer)\n`,
    )
    return 1
  }
  const starting = start(release, binaries, nodes)
  const cluster = await Promise.race([starting, interruption()])
  if (cluster === undefined) {
    process.stderr.write('interrupted while it started\n')
    return 1
  }
  try {
    const kubectl = isOnPath('kubectl') ? [] : [`export PATH="${binaries}:$PATH"   # for kubectl`]
    const [first] = 'nodes' in cluster ? cluster.nodes : []
    const lines = [
      `Kubernetes ${release.version} at ${cluster.url}`,
      ...(first
        ? [
            `Its images: node:26-slim, and active-passive:${packageVersion} as it is in this folder. No other can be pulled.`,
            // The Services' addresses exist inside of the nodes only.
            `on a node  nsenter --target ${first.machine.pid} --net -- curl http://…   (a Service's cluster IP, a pod)`,
          ]
        : ['No node: pods stay Pending, nothing runs in them. With one: npm run cluster -- --node']),
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
