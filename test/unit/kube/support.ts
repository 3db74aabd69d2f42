/** Kubeconfigs, API servers that record who asks, credential plugins: for the length of one test. */
import { once, setMaxListeners } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { onTestFinished } from 'vitest'
import { loadConfig } from '../../../handler/kube/auth/config.js'
import { testCert, testKey } from '../../support/tls.js'

export const never = new AbortController().signal
setMaxListeners(0, never)

export const base64 = (text: string) => Buffer.from(text).toString('base64')

/** A folder with these files, by name. Those that begin with `#!` may be executed. */
export async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text, { mode: text.startsWith('#!') ? 0o700 : 0o600 })
  }
  return folder
}

export interface Draft {
  readonly server: string
  readonly cluster?: object
  readonly user?: object | null
  readonly context?: object
}

/** A kubeconfig's text, with cluster, user and context all named `name`. */
export function kubeconfig({ server, cluster, user = {}, context }: Draft, name = 'test'): string {
  return JSON.stringify({
    clusters: [{ name, cluster: { server, ...(server.startsWith('http:') && INSECURE), ...cluster } }],
    users: user && [{ name, user }],
    contexts: [{ name, context: { cluster: name, ...(user && { user: name }), ...context } }],
    'current-context': name,
  })
}

const INSECURE = { 'insecure-skip-tls-verify': true }

/** The same, loaded from a file as the program does it; `files` lie beside it. */
export async function load(draft: Draft, files: Readonly<Record<string, string>> = {}): Promise<KubeConfig> {
  const folder = await folderOf({ ...files, config: kubeconfig(draft) })
  return loadConfig({ kubeconfig: join(folder, 'config'), env: process.env })
}

export const trusted = { 'certificate-authority-data': base64(testCert) }
export const clientCertificate = {
  'client-certificate-data': base64(testCert),
  'client-key-data': base64(testKey),
}

export interface Recorder {
  /** How the next requests are answered: with an empty list unless set. */
  answer: RequestListener | undefined
  readonly url: string
  readonly port: number
  /** One for each request. */
  readonly seen: readonly { readonly authorization: string | undefined; readonly certificate: boolean }[]
  /** The same: each header as it came, its name in small letters. */
  readonly headers: readonly (readonly (readonly [name: string, value: string])[])[]
  /** Connections accepted, and those open. */
  readonly accepted: number
  readonly open: ReadonlySet<Socket>
}

export const EMPTY_LIST = JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [] })

/** Records who asks. With `tls` it asks for a client certificate. */
export async function startRecorder(
  kind: 'http' | 'tls',
  answer?: RequestListener,
  address = '127.0.0.1',
): Promise<Recorder> {
  const headers: (readonly (readonly [string, string])[])[] = []
  const seen: { authorization: string | undefined; certificate: boolean }[] = []
  const listener: RequestListener = (request, response) => {
    const socket = request.socket as TLSSocket
    const certificate = kind === 'tls' && socket.getPeerX509Certificate() !== undefined
    seen.push({ authorization: request.headers.authorization, certificate })
    const { rawHeaders } = request
    headers.push(rawHeaders.flatMap((name, i) => (i % 2 ? [] : [[name.toLowerCase(), rawHeaders[i + 1] ?? '']])))
    if (recorder.answer) recorder.answer(request, response)
    else response.end(EMPTY_LIST)
  }
  const tls = { key: testKey, cert: testCert, ca: testCert, requestCert: true, rejectUnauthorized: false }
  const server = kind === 'tls' ? createHttpsServer(tls, listener) : createHttpServer(listener)
  server.keepAliveTimeout = 60_000
  const { port, sockets, count } = await listen(server, address)
  const recorder: Recorder = {
    answer,
    url: `${kind === 'tls' ? 'https' : 'http'}://${bracketed(address)}:${port}`,
    port,
    seen,
    headers,
    get accepted() {
      return count()
    },
    open: sockets,
  }
  return recorder
}

export const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address)

/** Listens on a free port until the test is over. */
export async function listen(server: Server, address = '127.0.0.1') {
  const sockets = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, address)
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port, sockets, count: () => accepted }
}

/** A credential plugin that notes each run as a line in `runs`, then does what the script says. */
export const plugin = (script: string) => `#!/bin/sh\necho run >> "$(dirname "$0")/runs"\n${script}\n`

/** The answer of a plugin, as a command of its script. */
export const answers = (status: object) =>
  `cat <<'END'\n${JSON.stringify({ apiVersion: API_VERSION, kind: 'ExecCredential', status })}\nEND`

export const API_VERSION = 'client.authentication.k8s.io/v1'

/** What `exec` has to say beside its command. */
export const EXEC = { apiVersion: API_VERSION, interactiveMode: 'Never' }

/** Whether the process runs: one that has ended may wait a while for its parent to notice. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const status = `/proc/${pid}/status`
  return !(existsSync(status) && /^State:\s+Z/m.test(readFileSync(status, 'utf8')))
}
