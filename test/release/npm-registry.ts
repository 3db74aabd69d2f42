// An npm registry on loopback, as far as `npm publish` and `npm install` of one package need it. It refuses what the real one
// refuses: a version twice, and a tarball that is not what was announced.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

interface Document {
  readonly name: string
  readonly 'dist-tags': Readonly<Record<string, string>>
  readonly versions: Readonly<
    Record<string, { readonly dist: { readonly integrity: string; readonly tarball: string } }>
  >
}

interface Publication extends Document {
  readonly _attachments: Readonly<Record<string, { readonly data: string }>>
}

export interface NpmRegistry {
  readonly url: string
  /** The packages that were published, by name. */
  readonly documents: ReadonlyMap<string, Document>
  stop(): Promise<void>
}

export async function startNpmRegistry(): Promise<NpmRegistry> {
  const documents = new Map<string, Document>()
  const tarballs = new Map<string, Buffer>()
  const server = createServer((request, response) => {
    const answer = request.method === 'PUT' ? publish(request, documents, tarballs) : read(request, documents, tarballs)
    answer.then(
      ({ status, body }) => send(response, status, body),
      (error: Error) => send(response, 500, { error: error.message }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    documents,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

async function publish(
  request: IncomingMessage,
  documents: Map<string, Document>,
  tarballs: Map<string, Buffer>,
): Promise<Answer> {
  if (!request.headers.authorization) return { status: 401, body: { error: 'log in first' } }
  const { _attachments, ...sent } = (await json(request)) as Publication
  const before = documents.get(sent.name)
  for (const [version, { dist }] of Object.entries(sent.versions)) {
    if (before?.versions[version]) {
      return { status: 403, body: { error: `You cannot publish over the previously published versions: ${version}.` } }
    }
    const data = Buffer.from(Object.values(_attachments)[0]?.data ?? '', 'base64')
    if (integrityOf(data) !== dist.integrity) return { status: 400, body: { error: `${version} is not what it says` } }
    tarballs.set(new URL(dist.tarball).pathname, data)
  }
  documents.set(sent.name, {
    ...sent,
    'dist-tags': { ...before?.['dist-tags'], ...sent['dist-tags'] },
    versions: { ...before?.versions, ...sent.versions },
  })
  return { status: 201, body: { ok: true } }
}

async function read(
  { url = '' }: IncomingMessage,
  documents: ReadonlyMap<string, Document>,
  tarballs: ReadonlyMap<string, Buffer>,
): Promise<Answer> {
  const body = tarballs.get(url) ?? documents.get(decodeURIComponent(url.slice(1)))
  return body === undefined ? { status: 404, body: { error: 'not found' } } : { status: 200, body }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status
  if (Buffer.isBuffer(body)) response.end(body)
  else response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
}

function integrityOf(data: Buffer): string {
  return `sha512-${createHash('sha512').update(data).digest('base64')}`
}
