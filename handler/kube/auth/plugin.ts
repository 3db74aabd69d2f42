/**
 * Runs credential plugins: `exec` of a kubeconfig's user. client-node's own runner starts a plugin for each request
 * unless the answer names an expiry, tells it nothing about the request, and waits for it without limit.
 *
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
import { type ExecFileException, execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { redacted } from '../../util/printable.js'
import type { KubeCluster } from './kubeconfig.js'

/** `exec` of a kubeconfig's user. */
export interface Plugin {
  readonly apiVersion?: string
  readonly command?: string
  readonly args?: readonly string[] | null
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null
  readonly provideClusterInfo?: boolean
  readonly installHint?: string
  readonly interactiveMode?: string
}

/** The answer of a plugin. The certificate and its key are PEM. */
export interface Credential {
  readonly token?: string
  readonly clientCertificateData?: string
  readonly clientKeyData?: string
  readonly expirationTimestamp?: string
}

interface Run {
  readonly result: Promise<Credential>
  readonly stop: AbortController
  waiting: number
}

const MAX_OUTPUT_BYTES = 1024 * 1024
const MESSAGE_LENGTH = 200

/** A plugin with its last answer, which is used until it expires or the API server refuses it. */
export class Credentials {
  private current: Credential | undefined
  private run: Run | undefined

  constructor(
    private readonly plugin: Plugin,
    private readonly cluster: KubeCluster | null,
    private readonly timeoutMs: number,
  ) {}

  /**
   * The credential. Runs the plugin if necessary, once for all callers that wait. @throws Error with the name of the
   * command
   */
  async get(signal: AbortSignal): Promise<Credential> {
    if (this.current && !isExpired(this.current)) return this.current
    this.run ??= this.start()
    const { run } = this
    run.waiting++
    try {
      return await unlessAborted(run.result, signal)
    } finally {
      if (--run.waiting === 0) this.end(run)
    }
  }

  /** Drops a credential that the API server refused, unless there is a newer one already. */
  forget(credential: Credential): void {
    if (this.current === credential) this.current = undefined
  }

  private start(): Run {
    const stop = new AbortController()
    const result = runPlugin(this.plugin, this.cluster, this.timeoutMs, stop.signal).then((credential) => {
      this.current = credential
      return credential
    })
    return { result, stop, waiting: 0 }
  }

  /** Kills the plugin if it still runs: nobody waits for it any more. */
  private end(run: Run): void {
    run.stop.abort()
    if (this.run === run) this.run = undefined
  }
}

function isExpired({ expirationTimestamp }: Credential): boolean {
  return expirationTimestamp !== undefined && Date.parse(expirationTimestamp) <= Date.now()
}

function runPlugin(
  plugin: Plugin,
  cluster: KubeCluster | null,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Credential> {
  const { command = '', args, env } = plugin
  const options = {
    env: {
      ...process.env,
      ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify(question(plugin, cluster)),
    },
    timeout: timeoutMs,
    maxBuffer: MAX_OUTPUT_BYTES,
    killSignal: 'SIGKILL' as const,
    signal,
  }
  return new Promise((resolve, reject) => {
    const child = execFile(command, args ?? [], options, (error, stdout, stderr) => {
      const credential = error ? undefined : readCredential(stdout)
      if (credential) resolve(credential)
      else reject(new Error(`credential plugin ${command} ${error ? failure(error, stderr, timeoutMs) : GARBAGE}`))
    })
    child.stdin?.end() // a plugin that asks a question must not wait for an answer
  })
}

/** The input of the plugin, the same as kubectl's. It says that nobody can answer questions. */
function question({ apiVersion, provideClusterInfo }: Plugin, cluster: KubeCluster | null): unknown {
  const known = provideClusterInfo && cluster ? { cluster: clusterInfo(cluster) } : {}
  return { kind: 'ExecCredential', apiVersion, spec: { ...known, interactive: false } }
}

/**
 * Information about the cluster. Empty fields are left out, except `config`: the kubeconfig's extension for plugins.
 */
function clusterInfo({ server, given, caFile, caData, tlsServerName, skipTLSVerify, proxyUrl }: KubeCluster): unknown {
  const authority = caData ?? (caFile && readFileSync(caFile).toString('base64'))
  return {
    server: given?.server ?? server,
    ...(tlsServerName && { 'tls-server-name': tlsServerName }),
    ...(skipTLSVerify && { 'insecure-skip-tls-verify': true }),
    ...(authority && { 'certificate-authority-data': authority }),
    ...(proxyUrl && { 'proxy-url': proxyUrl }),
    ...(given?.['disable-compression'] && { 'disable-compression': true }),
    config: given?.extensions.find(({ name }) => name === FOR_PLUGINS)?.value ?? null,
  }
}

const FOR_PLUGINS = 'client.authentication.k8s.io/exec'

/** The plugin's output is never shown: it may hold a token. */
const GARBAGE = 'printed no ExecCredential with a token or a certificate'

function readCredential(stdout: string): Credential | undefined {
  try {
    const { status } = JSON.parse(stdout) as { readonly status?: Credential }
    return status?.token || (status?.clientCertificateData && status.clientKeyData) ? status : undefined
  } catch {
    return undefined
  }
}

/** Why a plugin failed. Node's own message is not used: it holds the command's arguments, and perhaps a token. */
function failure({ code, signal, killed }: ExecFileException, stderr: string, timeoutMs: number): string {
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'printed more than an ExecCredential'
  if (typeof code === 'string') return `could not be run: ${code}`
  if (killed) return `gave no answer within ${timeoutMs / 1_000}s`
  const said = redacted(stderr).replace(/\s+/g, ' ').trim().slice(-MESSAGE_LENGTH)
  return `${signal ? `was ended by ${signal}` : `exited with ${code}`}: ${said || 'it said nothing'}`
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: () => void = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(new Error('no time left'))
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
