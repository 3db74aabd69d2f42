/** Implements the Kubernetes port against a real API server. */

import type { V1Pod, V1Service } from '@kubernetes/client-node'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { redacted } from '../util/printable.js'
import { proxyOf } from './auth/identity.js'
import { createEvent, type Events } from './events.js'
import { collectionPath, isObject, listAll, parse } from './list.js'
import { jsonPatch, metadataPatch, type Patch, servicePatch } from './patch.js'
import { annotationPath } from './pointer.js'
import { FIELD_MANAGER, type Kube, KubeError, type ListOptions, type Written } from './port.js'
import { readPod, readService } from './read.js'
import { Rights } from './rights.js'
import { type Access, outcomeOf, unanswered } from './status.js'
import { LIMITS, type Limits, openTransport } from './transport.js'

const CONTENT_TYPES: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
}

interface ObjectRef {
  readonly namespace: string
  readonly name: string
}

interface Connection {
  /** The API server evaluates every write, with authorization and admission, and stores none. Absent: it stores them. */
  readonly dryRun?: 'All'
}

/** Sends nothing before the first call. */
export function connect(config: KubeConfig, limits: Partial<Limits> = {}, { dryRun }: Connection = {}): Kube & Events {
  const transport = openTransport(config, { ...LIMITS, ...limits })
  const server = describeServer(config)
  const rights = new Rights()
  const query = `fieldManager=${FIELD_MANAGER}${dryRun === undefined ? '' : `&dryRun=${dryRun}`}`

  const list = async <M>(resource: Access['resource'], options: ListOptions, signal: AbortSignal): Promise<M[]> =>
    (await listAll<M>(transport, server, resource, options, signal, rights)).items

  async function patch<M, T>(
    resource: 'pods' | 'services',
    { namespace, name }: ObjectRef,
    { type, body }: Patch,
    signal: AbortSignal,
    read: (model: M) => T,
  ): Promise<Written<T>> {
    const access: Access = { verb: 'patch', resource, namespace, name, server }
    const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}?${query}`
    try {
      const answer = await transport.patch(path, CONTENT_TYPES[type], body, signal)
      const outcome = outcomeOf(access, answer, rights)
      return outcome.kind === 'applied'
        ? { kind: 'applied', object: read(parse(access, answer, isObject<M>(name))) }
        : outcome
    } catch (error) {
      const known = error instanceof KubeError ? error : unanswered(access, error)
      return { kind: known.code === 'unauthenticated' ? 'unauthenticated' : 'unknown', error: known }
    }
  }

  return {
    get requests() {
      return transport.requests
    },
    listServices: async (options, signal) => (await list<V1Service>('services', options, signal)).map(readService),
    listPods: async (options, signal) => (await list<V1Pod>('pods', options, signal)).map(readPod),
    patchPod: (pod, operations, signal) => patch('pods', pod, jsonPatch(operations), signal, readPod),
    patchPodMetadata: (pod, metadata, signal) => patch('pods', pod, metadataPatch(metadata), signal, readPod),
    // Without a version the server would write over any state.
    patchService: async (service, changes, signal) =>
      changes.resourceVersion === ''
        ? { kind: 'lost' }
        : patch('services', service, servicePatch(changes), signal, readService),
    testService: (service, annotation, value, signal) => {
      const tests = jsonPatch([
        { op: 'test', path: '/metadata/uid', value: service.uid },
        { op: 'test', path: annotationPath(annotation), value },
      ])
      return patch('services', service, tests, signal, readService)
    },
    createEvent: (event, signal) => createEvent({ transport, server, rights, query }, event, signal),
  }
}

/** The server, and the proxy if there is one, for messages. */
export function describeServer(config: KubeConfig): string {
  const cluster = config.getCurrentCluster()
  const [server = '', proxy] = [cluster?.server, proxyOf(cluster)]
  // Without a password: reports are also sent as JSON to anybody who asks for a pass.
  const shown = redacted(server)
  return proxy ? `${shown} through the proxy ${new URL(proxy).host}` : shown
}
