/**
 * Credential plugins: `exec` of a kubeconfig's user. client-node's own runner starts one for each request unless it
 * names an expiry, tells it nothing of what is asked of it, and waits for it without end.
 *
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
import { type ExecFileException, execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { redacted } from '../../util/printable.js'
import type { KubeCluster } from './kubeconfig.js'

/** `exec` as in the kubeconfig. */
export interface Plugin {
  readonly apiVersion?: string
  readonly command?: string
  readonly args?: readonly string[] | null
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null
  readonly provideClusterInfo?: boolean
  readonly installHint?: string
  readonly interactiveMode?: string
}

/** What a plugin answers with. The certificate and its key are PEM. */
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

/** A plugin with its last answer, which is good until it expires or the API server refuses it. */
export class Credentials {
  private current: Credential | undefined
  private run: Run | undefined

  constructor(
    private readonly plugin: Plugin,
    private readonly cluster: KubeCluster | null,
    private readonly timeoutMs: number,
  ) {}

  /** Runs the plugin when it must, once for all who ask meanwhile. @throws Error which names the command */
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

  /** The API server did not accept this answer, which may be no longer the last. */
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

  /** Kills the plugin if it is still running: nobody waits for it any more. */
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
    child.stdin?.end() // one that asks a question must not wait for an answer
  })
}

/** The plugin is told what kubectl tells it, in the same words. Nobody is there to answer a question of its. */
function question({ apiVersion, provideClusterInfo }: Plugin, cluster: KubeCluster | null): unknown {
  const known = provideClusterInfo && cluster ? { cluster: clusterInfo(cluster) } : {}
  return { kind: 'ExecCredential', apiVersion, spec: { ...known, interactive: false } }
}

/** What is empty is left out, but for `config`, which is what the kubeconfig has for plugins among its extensions. */
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

/** Never shown: it may hold a token all the same. */
const GARBAGE = 'printed no ExecCredential with a token or a certificate'

function readCredential(stdout: string): Credential | undefined {
  try {
    const { status } = JSON.parse(stdout) as { readonly status?: Credential }
    return status?.token || (status?.clientCertificateData && status.clientKeyData) ? status : undefined
  } catch {
    return undefined
  }
}

/** Not in Node's words, which are the command with its arguments: a token may be among them. */
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
