// A Kubernetes control plane: etcd, kube-apiserver and kube-controller-manager on loopback, everything they write in
// one temporary folder. There is no node: pods stay Pending until somebody writes their status. It needs no root, any
// number of them live side by side, and none outlives the process that started it.
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binariesFolder, buildCommand, findBinaries } from './binaries.js'
import { createAuthority, createSigningKeys, type Subject } from './certificates.js'
import { type Kube, kube } from './client.js'
import {
  apiServerArguments,
  auditPolicy,
  controllerManagerArguments,
  controllersWithoutNodes,
  etcdArguments,
} from './components.js'
import { writeKubeconfig } from './kubeconfig.js'
import { freePort } from './ports.js'
import { type Process, startKeeper } from './processes.js'
import { Died, type Place, Programs } from './programs.js'

export interface ControlPlaneOptions {
  /** Where `etcd`, `kube-apiserver` and `kube-controller-manager` are; the built ones otherwise. */
  readonly binaries?: string
  /** Finds a port for the API server; `freePort` unless given. */
  readonly findPort?: typeof freePort
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
  /** Lets etcd do nothing, with all connections open, until `resumeEtcd`: the API server waits for it. */
  pauseEtcd(): Promise<void>
  /** Lets it go on, and waits until the API server is ready again. */
  resumeEtcd(): Promise<void>
  /** Kills etcd, starts it again with the same data, and waits until the API server is ready again. */
  restartEtcd(): Promise<void>
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
    throw new Error(`no Kubernetes binaries in ${binariesFolder()}: build them with \`${buildCommand()}\``)
  }
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-cluster-'))
  const programs = new Programs(startKeeper(folder), binaries, join(folder, 'logs'))
  try {
    const site = loopback(options.findPort ?? freePort)
    return { ...(await runControlPlane(programs, folder, site)), stop: () => programs.end() }
  } catch (error) {
    await programs.end()
    throw error
  }
}

/** Where a control plane runs, and how it is reached. */
export interface Site {
  /** Here, unless given. */
  readonly place?: Place
  /** The address on which the API server listens. */
  readonly bindAddress: string
  /** The one under which pods reach it; where there are none, the Service `kubernetes` gets no endpoints. */
  readonly advertiseAddress?: string
  /** The controllers to run, as kube-controller-manager's flag wants them. */
  readonly controllers: readonly string[]
  /** Calls `startOn` with a port for the API server. */
  onPort<T>(startOn: (port: ApiServerPort) => Promise<T>): Promise<T>
}

export interface ApiServerPort {
  readonly port: number
  /** The address for us. */
  readonly url: string
  /** The one for programs in the same place. */
  readonly localUrl: string
}

/** A control plane among programs that somebody else ends. */
export interface RunningControlPlane extends Omit<ControlPlane, 'stop'> {
  /** Writes a kubeconfig for a program in the same place. Returns its path. */
  kubeconfigFor(user: string, subject: Subject): Promise<string>
}

/** Starts the programs of a control plane and waits until pods can be created. @throws Died when one of them ends */
export async function runControlPlane(programs: Programs, folder: string, site: Site): Promise<RunningControlPlane> {
  const { place, bindAddress, advertiseAddress } = site
  const pki = join(folder, 'pki')
  const auditLog = join(programs.logs, 'audit.jsonl')
  const auditPolicyFile = join(folder, 'audit-policy.json')
  await mkdir(programs.logs, { recursive: true })
  await writeFile(auditPolicyFile, JSON.stringify(auditPolicy))
  const startEtcd = () =>
    programs.run({ name: 'etcd', command: 'etcd', args: etcdArguments(join(folder, 'etcd')), place })
  let etcd = await startEtcd()

  const authority = await createAuthority(pki)
  const { caFile } = authority
  const ca = await readFile(caFile)
  const [signing, serving, kubeletClient] = await Promise.all([
    createSigningKeys(pki),
    authority.issue('kube-apiserver', {
      commonName: 'kube-apiserver',
      alternativeNames: [
        ...['IP:127.0.0.1', 'DNS:localhost', 'DNS:kubernetes.default.svc', 'IP:10.96.0.1'],
        ...(advertiseAddress ? [`IP:${advertiseAddress}`] : []),
      ],
    }),
    authority.issue('kube-apiserver-kubelet-client', { commonName: 'kube-apiserver', organization: 'system:masters' }),
  ])
  const writeKubeconfigOf = async (file: string, user: string, subject: Subject, server: string): Promise<string> => {
    const { certFile, keyFile } = await authority.issue(user, subject)
    const [certificate, key] = await Promise.all([readFile(certFile), readFile(keyFile)])
    await writeKubeconfig(file, { server, ca, user, credentials: { certificate, key } })
    return file
  }

  const startApiServer = async ({ port, api }: Endpoint): Promise<Process> => {
    const keys = { caFile, serving, signing, kubeletClient }
    const args = apiServerArguments({ port, bindAddress, advertiseAddress, ...keys, auditPolicyFile, auditLog })
    const process = await programs.run({ name: 'kube-apiserver', command: 'kube-apiserver', args, place })
    await programs.ready(process, () => api.text('/readyz'))
    return process
  }

  const { endpoint, first } = await site.onPort(async ({ port, url, localUrl }) => {
    const file = join(folder, 'admin.kubeconfig')
    const kubeconfig = await writeKubeconfigOf(
      file,
      'admin',
      { commonName: 'admin', organization: 'system:masters' },
      url,
    )
    const endpoint = { port, url, localUrl, kubeconfig, api: kube(kubeconfig) }
    return { endpoint, first: await startApiServer(endpoint) }
  })
  let apiServer = first
  const { url, localUrl, kubeconfig, api } = endpoint
  const kubeconfigFor = (user: string, subject: Subject): Promise<string> =>
    writeKubeconfigOf(join(folder, `${user}.kubeconfig`), user, subject, localUrl)

  const user = 'kube-controller-manager'
  const managerArguments = controllerManagerArguments({
    kubeconfig: await kubeconfigFor(user, { commonName: 'system:kube-controller-manager' }),
    caFile,
    signing,
    controllers: site.controllers,
  })
  // Pods are refused until their namespace's ServiceAccount exists.
  await programs.ready(await programs.run({ name: user, command: user, args: managerArguments, place }), () =>
    api.get('/api/v1/namespaces/default/serviceaccounts/default'),
  )

  programs.started()
  return {
    ...{ kubeconfig, url, folder, caFile, auditLog, kubeconfigFor },
    logs: programs.logs,
    broken: programs.broken,
    stopApiServer: () => programs.stop(apiServer),
    startApiServer: async () => {
      apiServer = await startApiServer(endpoint)
    },
    pauseEtcd: () => etcd.signal('SIGSTOP'),
    resumeEtcd: async () => {
      await etcd.signal('SIGCONT')
      await programs.ready(etcd, () => api.text('/readyz'))
    },
    restartEtcd: async () => {
      await programs.stop(etcd)
      etcd = await startEtcd()
      await programs.ready(etcd, () => api.text('/readyz'))
    },
  }
}

/** Where the API server is, for as long as the control plane lives. */
interface Endpoint extends ApiServerPort {
  readonly kubeconfig: string
  readonly api: Kube
}

function loopback(findPort: typeof freePort): Site {
  return {
    bindAddress: '127.0.0.1',
    controllers: controllersWithoutNodes,
    onPort: (startOn) => onFreePort(findPort, startOn),
  }
}

/** Tries other ports as long as somebody else is quicker to take the one found free. */
async function onFreePort<T>(findPort: typeof freePort, startOn: (port: ApiServerPort) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const port = await findPort()
    const url = `https://127.0.0.1:${port}`
    try {
      return await startOn({ port, url, localUrl: url })
    } catch (error) {
      if (attempt === portAttempts || !(error instanceof Died) || !/address already in use/i.test(error.message))
        throw error
    }
  }
}
