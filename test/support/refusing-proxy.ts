/** An HTTPS proxy before a real API server that answers 401 in its place, or changes requests, where it is told to. */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { unauthorized } from './api/status.js'
import { testCert, testKey } from './tls.js'

export interface PassingRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly body: string
  readonly authorization: string | undefined
  /** How many have passed or were refused since `refuse`. */
  readonly nth: number
}

export interface RefusingProxy {
  /** A kubeconfig that leads through it. */
  readonly kubeconfig: string
  /** How often it has answered 401 since `refuse`. */
  readonly refusals: number
  /** From now on, of these requests. */
  refuse(which: (request: PassingRequest) => boolean): void
  /** From now on, the body that is passed on in place of the one that came. */
  alter(change: (request: PassingRequest) => string): void
  close(): Promise<void>
}

/** @param kubeconfig as `writeKubeconfig` writes it */
export async function startRefusingProxy(kubeconfig: string): Promise<RefusingProxy> {
  const config = JSON.parse(await readFile(kubeconfig, 'utf8'))
  const [{ cluster }] = config.clusters
  const { hostname, port } = new URL(cluster.server)
  const ca = Buffer.from(cluster['certificate-authority-data'], 'base64')
  const agent = new HttpsAgent({ keepAlive: true, ca })
  let isRefused: (request: PassingRequest) => boolean = () => false
  let altered = ({ body }: PassingRequest) => body
  const counts = { seen: 0, refused: 0 }

  const server = createServer({ key: testKey, cert: testCert }, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = '', url: path = '', headers } = request
    const { authorization } = headers
    const passing = { method, path, body: `${Buffer.concat(chunks)}`, authorization, nth: ++counts.seen }
    if (isRefused(passing)) {
      counts.refused++
      const said = unauthorized()
      response.writeHead(said.status, { 'content-type': 'application/json' }).end(JSON.stringify(said.body))
      return
    }
    const body = altered(passing)
    const length = body === '' ? {} : { 'content-length': `${Buffer.byteLength(body)}` }
    const options = { hostname, port, path, method, headers: { ...headers, ...length }, agent }
    const upstream = httpsRequest(options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    upstream.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = (server.address() as AddressInfo).port
  const ours = { server: `https://127.0.0.1:${own}`, 'certificate-authority-data': btoa(testCert) }
  const file = `${kubeconfig}-${own}`
  await writeFile(file, JSON.stringify({ ...config, clusters: [{ ...config.clusters[0], cluster: ours }] }))
  return {
    kubeconfig: file,
    get refusals() {
      return counts.refused
    },
    refuse: (which) => {
      Object.assign(counts, { seen: 0, refused: 0 })
      isRefused = which
    },
    alter: (change) => {
      altered = change
    },
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      agent.destroy()
      await closed
    },
  }
}
