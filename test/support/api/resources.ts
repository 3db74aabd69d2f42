/** The resources that the API serves, and what differs between them. */

export interface Resource {
  readonly kind: string
  readonly group: string
  readonly apiVersion: string
  /** Where its collections live. */
  readonly prefix: string
  /** What a fieldSelector may name. */
  readonly fields: readonly string[]
  readonly hasStatus: boolean
}

const metadataFields = ['metadata.name', 'metadata.namespace']

export const resources = {
  pods: {
    kind: 'Pod',
    group: '',
    apiVersion: 'v1',
    prefix: '/api/v1',
    fields: [...metadataFields, 'spec.nodeName', 'spec.schedulerName', 'status.phase', 'status.podIP'],
    hasStatus: true,
  },
  services: {
    kind: 'Service',
    group: '',
    apiVersion: 'v1',
    prefix: '/api/v1',
    fields: [...metadataFields, 'spec.clusterIP', 'spec.type'],
    hasStatus: true,
  },
  events: {
    kind: 'Event',
    group: 'events.k8s.io',
    apiVersion: 'events.k8s.io/v1',
    prefix: '/apis/events.k8s.io/v1',
    fields: metadataFields,
    hasStatus: false,
  },
} as const satisfies Record<string, Resource>

export type ResourceName = keyof typeof resources

/** What a path names. */
export interface Target {
  readonly resource: ResourceName
  /** Absent: all namespaces. */
  readonly namespace?: string
  /** Absent: the collection. */
  readonly name?: string
  readonly status: boolean
}

/** What this path names, or `undefined` when the API has nothing there. */
export function targetOf(path: string): Target | undefined {
  const match =
    /^(\/api\/v1|\/apis\/events\.k8s\.io\/v1)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(\/status)?$/.exec(path)
  if (match === null) return undefined
  const [, prefix, namespace, plural = '', name, status] = match
  if (!isResource(plural) || resources[plural].prefix !== prefix) return undefined
  if (name !== undefined && namespace === undefined) return undefined
  if (status !== undefined && !(name !== undefined && resources[plural].hasStatus)) return undefined
  return {
    resource: plural,
    ...(namespace === undefined ? {} : { namespace: decodeURIComponent(namespace) }),
    ...(name === undefined ? {} : { name: decodeURIComponent(name) }),
    status: status !== undefined,
  }
}

const isResource = (plural: string): plural is ResourceName => Object.hasOwn(resources, plural)
