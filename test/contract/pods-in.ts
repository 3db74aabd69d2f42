/** Pods of a namespace, over raw HTTP. */
import { expect } from 'vitest'
import type { Json, JsonObject } from '../support/api/json.js'
import type { Connection, Received, Sent } from './wire.js'

type More = Pick<Sent, 'query' | 'userAgent'>

export interface PodsIn {
  readonly path: string
  /** What comes of a POST, of a pod that no node has and nothing but the test writes. */
  post(metadata: JsonObject, more?: More): Promise<Received>
  /** The pod that a POST has made. */
  create(metadata: JsonObject, more?: More): Promise<JsonObject>
  get(name: string): Promise<JsonObject>
  /** A JSON patch. */
  patch(name: string, operations: Json, more?: More): Promise<Received>
  /** A merge patch; of the subresource where the name ends in `/status`. */
  merge(name: string, document: Json, more?: More): Promise<Received>
}

/** The query that makes somebody the manager of what is written. */
export const by = (fieldManager: string): More => ({ query: { fieldManager } })

export function podsIn(api: Connection, namespace: string): PodsIn {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const spec = {
    schedulerName: 'none',
    automountServiceAccountToken: false,
    containers: [{ name: 'app', image: 'app' }],
  }
  const post: PodsIn['post'] = (metadata, more) =>
    api.send('POST', path, { ...more, body: { metadata, spec }, type: 'application/json' })
  return {
    path,
    post,
    create: async (metadata, more) => {
      const { status, text, body } = await post(metadata, more)
      expect(status, text).toBe(201)
      return body
    },
    get: async (name) => (await api.send('GET', `${path}/${name}`)).body,
    patch: (name, body, more) =>
      api.send('PATCH', `${path}/${name}`, { ...more, body, type: 'application/json-patch+json' }),
    merge: (name, body, more) =>
      api.send('PATCH', `${path}/${name}`, { ...more, body, type: 'application/merge-patch+json' }),
  }
}
