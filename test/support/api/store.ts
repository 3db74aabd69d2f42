/**
 * What a cluster knows: objects, one revision counter over all of them, and the changes that led here. Every write is
 * one change with one revision. Objects are frozen; a change puts a new one in the place of the old.
 *
 * Tests come in here directly: these doors do what a user could do through the API in one or several requests, but
 * refuse nothing and need no preconditions. `verbs.ts` is the API itself over the same store.
 */
import { randomUUID } from 'node:crypto'
import { defaulted } from './defaults.js'
import { isDone, marked } from './deletion.js'
import { copyOf, equal, frozen, isObject, type JsonObject, jsonOf } from './json.js'
import { decode, type KubeObject, timestamp } from './objects.js'
import { type ResourceName, resources } from './resources.js'

export interface StoreOptions {
  /** The time, in epoch milliseconds. */
  readonly now?: () => number
  /** A new object's uid; `n` counts the objects created so far, from 1. */
  readonly uid?: (n: number) => string
  /** How many changes are remembered for watches and pages; older ones are answered with 410. */
  readonly history?: number
}

/** What it takes to make an object. Dates may be dates. */
export interface Draft {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown }
  readonly spec?: object
  readonly status?: object
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly resource: ResourceName
  readonly revision: number
  /** As it stands now; of a deleted one, as it stood at last, with the resourceVersion of the deletion. */
  readonly object: KubeObject
  /** As it stood before; absent for a new one. */
  readonly before?: KubeObject
}

/** Objects by `resource/namespace/name`. */
type Objects = Map<string, KubeObject>

const keyOf = (resource: ResourceName, namespace: string, name: string) => `${resource}/${namespace}/${name}`

export class Store {
  readonly now: () => number
  readonly #uid: (n: number) => string
  readonly #limit: number
  readonly #objects: Objects = new Map()
  readonly #changes: Change[] = []
  readonly #listeners = new Set<(change: Change) => void>()
  #revision = 1
  #created = 0
  #oldest = 1

  constructor({ now = Date.now, uid = () => randomUUID(), history = 10_000 }: StoreOptions = {}) {
    this.now = now
    this.#uid = uid
    this.#limit = history
  }

  /** The resourceVersion of the last change. */
  get revision(): number {
    return this.#revision
  }

  get(resource: ResourceName, namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name))
  }

  /** @returns them in the order of namespace and name. */
  list(resource: ResourceName, namespace?: string): readonly KubeObject[] {
    return sorted(this.#objects, resource, namespace)
  }

  /** The list as it was, or `undefined` if that is too long ago. */
  listAt(revision: number, resource: ResourceName, namespace?: string): readonly KubeObject[] | undefined {
    if (revision < this.#oldest) return undefined
    const objects = new Map(this.#objects)
    for (const change of this.#changes.filter((each) => each.revision > revision).reverse()) {
      const { metadata } = change.object
      const key = keyOf(change.resource, metadata.namespace, metadata.name)
      if (change.before === undefined) objects.delete(key)
      else objects.set(key, change.before)
    }
    return sorted(objects, resource, namespace)
  }

  /** The changes after a revision, or `undefined` if that is too long ago. */
  changesAfter(revision: number): readonly Change[] | undefined {
    return revision < this.#oldest ? undefined : this.#changes.filter((change) => change.revision > revision)
  }

  /** The revision before which nothing is remembered. */
  get oldest(): number {
    return this.#oldest
  }

  /** Forgets the past: what a watch or a page of an older resourceVersion asks for is 410 from now on. */
  compact(): void {
    this.#changes.length = 0
    this.#oldest = this.#revision
  }

  /** Calls back synchronously for each change, in order. @returns a function that ends it. */
  on(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** An object with a new uid and all defaults, not stored. */
  drafted(resource: ResourceName, draft: JsonObject): KubeObject {
    const metadata = isObject(draft.metadata) ? draft.metadata : {}
    const { name, generateName } = metadata
    const uid = this.#uid(this.#created + 1)
    const given = typeof name === 'string' && name !== '' ? name : `${generateName}${suffix(uid)}`
    return {
      ...draft,
      kind: resources[resource].kind,
      apiVersion: resources[resource].apiVersion,
      metadata: {
        ...metadata,
        name: given,
        namespace: typeof metadata.namespace === 'string' ? metadata.namespace : 'default',
        uid,
        resourceVersion: '',
        ...(resource === 'pods' ? { generation: 1 } : {}),
        creationTimestamp: timestamp(this.now()),
      },
      ...defaulted(resource, draft, this.#created + 1),
    }
  }

  /** Stores an object under its name, whatever is there. The one way in. @returns it with its resourceVersion. */
  put(resource: ResourceName, object: KubeObject): KubeObject {
    const { namespace, name } = object.metadata
    const before = this.get(resource, namespace, name)
    if (before === undefined) this.#created++
    const revision = ++this.#revision
    const stored = frozen(versioned(object, revision))
    this.#objects.set(keyOf(resource, namespace, name), stored)
    this.#announce({
      type: before === undefined ? 'ADDED' : 'MODIFIED',
      resource,
      revision,
      object: stored,
      ...(before === undefined ? {} : { before }),
    })
    return stored
  }

  /** Takes a stored object out, whatever holds it. The one way out. @returns it as it stood at last. */
  remove(resource: ResourceName, namespace: string, name: string): KubeObject | undefined {
    const before = this.get(resource, namespace, name)
    if (before === undefined) return undefined
    const revision = ++this.#revision
    const object = frozen(versioned(before, revision))
    this.#objects.delete(keyOf(resource, namespace, name))
    this.#announce({ type: 'DELETED', resource, revision, object, before })
    return object
  }

  /** Puts `next` in the place of `current`: nothing if they are equal, a removal if nothing holds it any more. */
  replace(resource: ResourceName, current: KubeObject, next: KubeObject): KubeObject {
    if (equal(current, next)) return current
    if (!isDone(next)) return this.put(resource, counted(current, next))
    this.remove(resource, current.metadata.namespace, current.metadata.name)
    return next
  }

  /**
   * Creates an object, with the status that the draft gives it. A pod without containers gets one: there are none
   * without. @throws if there is an object of that name.
   */
  create(resource: ResourceName, draft: Draft): KubeObject {
    const spec = { ...(resource === 'pods' ? { containers: [{ name: 'app', image: 'app' }] } : {}), ...draft.spec }
    const object = this.drafted(resource, jsonOf({ ...draft, spec }))
    const { namespace, name } = object.metadata
    if (this.get(resource, namespace, name) !== undefined) throw new Error(`${resource} ${namespace}/${name} exists`)
    return this.put(resource, canonical(resource, object))
  }

  /** Changes an object in any way but its identity; `change` gets a copy to work on. @throws if there is none. */
  update(resource: ResourceName, namespace: string, name: string, change: (object: KubeObject) => void): KubeObject {
    const current = this.#expect(resource, namespace, name)
    const next = copyOf(current) as KubeObject
    change(next)
    return this.replace(resource, current, canonical(resource, jsonOf(next) as KubeObject))
  }

  /** Deletes an object as a DELETE does: it may be only marked. @throws if there is none. */
  delete(resource: ResourceName, namespace: string, name: string, graceSeconds?: number): KubeObject {
    const current = this.#expect(resource, namespace, name)
    const next = marked(resource, current, this.now(), graceSeconds)
    if (!isDone(next)) return next === current ? current : this.put(resource, next)
    // a pod shows its deletionTimestamp before it is gone, as the real one does
    if (resource === 'pods' && next !== current) this.put(resource, next)
    return this.remove(resource, namespace, name) ?? next
  }

  /** Removes an object for good, whatever holds it. @throws if there is none. */
  finalise(resource: ResourceName, namespace: string, name: string): void {
    this.#expect(resource, namespace, name)
    this.remove(resource, namespace, name)
  }

  /** Another store in the same state, with no listeners. */
  fork(): Store {
    const copy = new Store({ now: this.now, uid: this.#uid, history: this.#limit })
    for (const [key, object] of this.#objects) copy.#objects.set(key, object)
    copy.#changes.push(...this.#changes)
    copy.#revision = this.#revision
    copy.#created = this.#created
    copy.#oldest = this.#oldest
    return copy
  }

  #expect(resource: ResourceName, namespace: string, name: string): KubeObject {
    const object = this.get(resource, namespace, name)
    if (object === undefined) throw new Error(`no ${resource} ${namespace}/${name}`)
    return object
  }

  #announce(change: Change): void {
    this.#changes.push(change)
    while (this.#changes.length > this.#limit) this.#oldest = this.#changes.shift()?.revision ?? this.#oldest
    for (const listener of [...this.#listeners]) listener(change)
  }
}

/** A pod's generation counts the changes of its spec. */
function counted(current: KubeObject, next: KubeObject): KubeObject {
  const { generation } = current.metadata
  if (typeof generation !== 'number' || equal(current.spec, next.spec)) return next
  return { ...next, metadata: { ...next.metadata, generation: generation + 1 } }
}

const versioned = (object: KubeObject, revision: number): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(revision) },
})

/** As it would come out of a real server: without empty maps, with the server's own fields. */
function canonical(resource: ResourceName, object: KubeObject): KubeObject {
  const decoding = decode(resource, object)
  if ('problem' in decoding) throw new Error(decoding.problem)
  return { ...decoding.object, metadata: { ...decoding.object.metadata, ...identityOf(object) } }
}

export function identityOf({ metadata }: KubeObject): KubeObject['metadata'] {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata
  return { name, namespace, uid, resourceVersion, creationTimestamp }
}

const suffix = (uid: string) => uid.replaceAll(/[^a-z0-9]/g, '').slice(0, 5)

function sorted(objects: Objects, resource: ResourceName, namespace?: string): readonly KubeObject[] {
  const prefix = namespace === undefined ? `${resource}/` : `${resource}/${namespace}/`
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort()
  return keys.flatMap((key) => objects.get(key) ?? [])
}
