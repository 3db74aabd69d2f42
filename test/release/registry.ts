// A registry of images and charts on loopback, which is gone with all that it holds when it is stopped.
import { join } from 'node:path'
import { until } from '../support/cluster/poll.js'
import { freePort } from '../support/cluster/ports.js'
import { lastLines, startKeeper } from '../support/cluster/processes.js'
import { releaseProgram } from './programs.js'

export interface Registry {
  /** `localhost:PORT` */
  readonly host: string
  /** A manifest or an index: what it says, and its digest. @throws Error when it is not there */
  manifest(name: string, reference: string): Promise<{ readonly digest: string; readonly body: Manifest }>
  /** Puts a manifest under a tag. @throws Error when the registry does not take it */
  put(name: string, tag: string, body: Manifest): Promise<void>
  /** A blob, as JSON. @throws Error when it is not there */
  json<T>(name: string, digest: string): Promise<T>
  stop(): Promise<void>
}

export interface Manifest {
  readonly mediaType: string
  readonly manifests?: readonly {
    readonly digest: string
    readonly platform: { readonly os: string; readonly architecture: string }
  }[]
  readonly config?: { readonly mediaType: string; readonly digest: string }
  readonly layers?: readonly { readonly mediaType: string; readonly digest: string }[]
  readonly annotations?: Readonly<Record<string, string>>
}

const KINDS = ['index', 'manifest'].map((kind) => `application/vnd.oci.image.${kind}.v1+json`).join(', ')

/**
 * @param folder for its log; removed when it is stopped, or when this process is gone
 * @throws Error when it does not start, with what it said
 */
export async function startRegistry(folder: string): Promise<Registry> {
  const command = await releaseProgram('registry')
  const keeper = startKeeper(folder)
  const [log, port] = [join(folder, 'registry.log'), await freePort()]
  const host = `localhost:${port}`
  const send = async (path: string, how: RequestInit): Promise<Response> => {
    const response = await fetch(`http://${host}/v2/${path}`, how)
    if (!response.ok) throw new Error(`${host}/v2/${path}: status ${response.status}`)
    return response
  }
  const get = (path: string): Promise<Response> => send(path, { headers: { accept: KINDS } })
  const running = await keeper.run({ name: 'registry', command, args: ['-port', `${port}`], log })
  await until('the registry answers', async () => {
    if (running.ended !== undefined) throw new Error(`the registry: ${running.ended}: ${await lastLines(log)}`)
    return await get('').catch(() => undefined)
  })
  return {
    host,
    manifest: async (name, reference) => {
      const response = await get(`${name}/manifests/${reference}`)
      const digest = response.headers.get('docker-content-digest') ?? ''
      return { digest, body: (await response.json()) as Manifest }
    },
    put: async (name, tag, body) => {
      const headers = { 'content-type': body.mediaType }
      await send(`${name}/manifests/${tag}`, { method: 'PUT', headers, body: JSON.stringify(body) })
    },
    json: async <T>(name: string, digest: string) => (await (await get(`${name}/blobs/${digest}`)).json()) as T,
    stop: () => keeper.end(),
  }
}
