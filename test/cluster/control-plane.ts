// A Kubernetes control plane: etcd, kube-apiserver and kube-controller-manager on loopback, everything they write in
// one temporary folder. There is no node: pods stay Pending until somebody writes their status. It needs no root, any
// number of them live side by side, and none outlives the process that started it.
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binariesFolder, findBinaries } from './binaries.js'
import { type Certificate, createAuthority, createSigningKeys } from './certificates.js'
import { type Kube, kube } from './client.js'
import { apiServerArguments, auditPolicy, controllerManagerArguments, etcdArguments } from './components.js'
import { writeKubeconfig } from './kubeconfig.js'
import { until } from './poll.js'
import { freePort } from './ports.js'
import { type Keeper, lastLines, type Process, startKeeper } from './processes.js'

export interface ControlPlaneOptions {
  /** Where `etcd`, `kube-apiserver` and `kube-controller-manager` are; the built ones otherwise. */
  readonly binaries?: string
}

export interface ControlPlane {
  /** Path of the administrator's kubeconfig. Nothing in it refers to other files. */
  readonly kubeconfig: string
  readonly url: string
  /** Holds everything; removed by `stop`. */
  readonly folder: string
  readonly caFile: string
  /** Path of the audit log: one JSON event a line, written before the answer of its request is complete. */
  readonly auditLog: string
  /** Folder of the processes' logs, `<program>.log`. */
  readonly logs: string
  /** Resolves when a process ends that nobody asked to end, with an error that names it and shows its last words. */
  readonly broken: Promise<Error>
  /** Stops the API server alone: its clients find nobody at its address. */
  stopApiServer(): Promise<void>
  /** Starts it again, at the same address with the same data, and waits until it is ready. */
  startApiServer(): Promise<void>
  /** Ends all processes and removes the folder. */
  stop(): Promise<void>
}

/** How often another port is tried when somebody else took the one that was free a moment before. */
const portAttempts = 5

/**
 * Starts a control plane and waits until its API server is ready and pods can be created in the namespace `default`.
 * @throws Error when there are no binaries, or when a process ends before that, with the end of its log
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = options.binaries ?? findBinaries()
  if (binaries === undefined) {
    throw new Error(`no Kubernetes binaries in ${binariesFolder()}: build them with \`npm run cluster -- --build\``)
  }
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-cluster-'))
  const programs = new Programs(startKeeper(folder), binaries, join(folder, 'logs'))
  try {
    return await start(programs, folder)
  } catch (error) {
    await programs.end()
    throw error
  }
}

async function start(programs: Programs, folder: string): Promise<ControlPlane> {
  const pki = join(folder, 'pki')
  const auditLog = join(programs.logs, 'audit.jsonl')
  const auditPolicyFile = join(folder, 'audit-policy.json')
  await mkdir(programs.logs)
  await writeFile(auditPolicyFile, JSON.stringify(auditPolicy))
  await programs.run('etcd', etcdArguments(join(folder, 'etcd')))

  const authority = await createAuthority(pki)
  const { caFile } = authority
  const [signing, serving, admin, manager] = await Promise.all([
    createSigningKeys(pki),
    authority.issue('kube-apiserver', {
      commonName: 'kube-apiserver',
      alternativeNames: ['IP:127.0.0.1', 'DNS:localhost', 'DNS:kubernetes.default.svc', 'IP:10.96.0.1'],
    }),
    authority.issue('admin', { commonName: 'admin', organization: 'system:masters' }),
    authority.issue('kube-controller-manager', { commonName: 'system:kube-controller-manager' }),
  ])
  const ca = await readFile(caFile)
  const kubeconfigOf = async (user: string, { certFile, keyFile }: Certificate, server: string): Promise<string> => {
    const [certificate, key] = await Promise.all([readFile(certFile), readFile(keyFile)])
    const file = join(folder, `${user}.kubeconfig`)
    await writeKubeconfig(file, { server, ca, user, credentials: { certificate, key } })
    return file
  }

  const startApiServer = async ({ port, api }: Endpoint): Promise<Process> => {
    const args = apiServerArguments({ port, caFile, serving, signing, auditPolicyFile, auditLog })
    const process = await programs.run('kube-apiserver', args)
    await programs.ready(process, () => api.text('/readyz'))
    return process
  }

  const { endpoint, first } = await onFreePort(async (port) => {
    const url = `https://127.0.0.1:${port}`
    const kubeconfig = await kubeconfigOf('admin', admin, url)
    const endpoint = { port, url, kubeconfig, api: kube(kubeconfig) }
    return { endpoint, first: await startApiServer(endpoint) }
  })
  let apiServer = first
  const { url, kubeconfig, api } = endpoint
  const managerArguments = controllerManagerArguments({
    kubeconfig: await kubeconfigOf('kube-controller-manager', manager, url),
    caFile,
    signing,
  })
  // Pods are refused until their namespace's ServiceAccount exists.
  await programs.ready(await programs.run('kube-controller-manager', managerArguments), () =>
    api.get('/api/v1/namespaces/default/serviceaccounts/default'),
  )

  programs.started()
  return {
    kubeconfig,
    url,
    folder,
    caFile,
    auditLog,
    logs: programs.logs,
    broken: programs.broken,
    stopApiServer: () => programs.stop(apiServer),
    startApiServer: async () => {
      apiServer = await startApiServer(endpoint)
    },
    stop: () => programs.end(),
  }
}

/** Where the API server is, for as long as the control plane lives. */
interface Endpoint {
  readonly port: number
  readonly url: string
  readonly kubeconfig: string
  readonly api: Kube
}

/** Tries other ports as long as somebody else is quicker to take the one found free. */
async function onFreePort<T>(startOn: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(await freePort())
    } catch (error) {
      if (attempt === portAttempts || !(error instanceof Died) || !/address already in use/i.test(error.message))
        throw error
    }
  }
}

/** A program ended that was needed. */
class Died extends Error {}

/** The running programs of one control plane, and which of them are meant to end. */
class Programs {
  readonly broken: Promise<Error>
  readonly #keeper: Keeper
  readonly #binaries: string
  readonly #running = new Set<Process>()
  #report: (error: Error) => void = () => undefined
  #started = false

  constructor(
    keeper: Keeper,
    binaries: string,
    readonly logs: string,
  ) {
    this.#keeper = keeper
    this.#binaries = binaries
    this.broken = new Promise((resolve) => {
      this.#report = resolve
    })
  }

  async run(name: string, args: readonly string[]): Promise<Process> {
    const command = join(this.#binaries, name)
    const log = join(this.logs, `${name}.log`)
    // No grace: the API server would wait for its watches to end, and nothing of it is to be kept.
    const process = await this.#keeper.run({ name, command, args, log, graceMs: 0 })
    this.#running.add(process)
    void process.exit.then(async () => {
      if (this.#started && this.#running.has(process)) this.#report(await died(process))
    })
    return process
  }

  /** Waits until `ask` is answered. @throws Died when a program ends meanwhile */
  async ready(process: Process, ask: () => Promise<unknown>): Promise<void> {
    await until(`${process.name} is ready (its log: ${process.log})`, async () => {
      for (const needed of this.#running) {
        if (needed.ended === undefined) continue
        // It was started in vain, and is no loss to those that run.
        this.#running.delete(needed)
        throw await died(needed)
      }
      return await ask().then(
        () => true,
        () => undefined,
      )
    })
  }

  /** From here on, an end that nobody asked for is reported. */
  started(): void {
    this.#started = true
  }

  async stop(process: Process): Promise<void> {
    this.#running.delete(process)
    await process.stop()
  }

  async end(): Promise<void> {
    this.#running.clear()
    await this.#keeper.end()
  }
}

async function died({ name, ended, log }: Process): Promise<Died> {
  return new Died(`${name} ended (${ended}). The end of ${log}:\n${await lastLines(log)}`)
}
