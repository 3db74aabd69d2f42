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
import { copyOf, equal, frozen, isObject, type Json, type JsonObject, jsonOf, member } from './json.js'
import { managedFields } from './managed-fields.js'
import { at, decode, type KubeObject, timestamp } from './objects.js'
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
  /** Who has made it; `kubectl-create` unless told. */
  readonly manager?: string
  /** Who has set a label or an annotation of it since then, by its key. Its own maker has set the others. */
  readonly setBy?: Readonly<Record<string, string>>
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
   * Creates an object, with the status that the draft gives it, which is a kubelet's. A pod without containers gets
   * one: there are none without. @throws if there is an object of that name.
   */
  create(resource: ResourceName, { manager = 'kubectl-create', setBy = {}, ...draft }: Draft): KubeObject {
    const spec = { ...(resource === 'pods' ? { containers: [{ name: 'app', image: 'app' }] } : {}), ...draft.spec }
    const object = this.drafted(resource, jsonOf({ ...draft, spec }))
    const { namespace, name } = object.metadata
    if (this.get(resource, namespace, name) !== undefined) throw new Error(`${resource} ${namespace}/${name} exists`)
    const whole = canonical(resource, object)
    const left = new Set(Object.keys(setBy))
    let made = this.#owned(undefined, without(whole, left), at(object, 'metadata', 'managedFields'), manager)
    for (const setter of new Set(Object.values(setBy))) {
      for (const key of left) if (setBy[key] === setter) left.delete(key)
      made = this.#owned(made, without(whole, left), undefined, setter)
    }
    return this.put(resource, draft.status === undefined ? made : this.#reported({ ...made, status: {} }, made))
  }

  /**
   * Changes an object in any way but its identity; `change` gets a copy to work on. What it does to the status is a
   * kubelet's doing. @param manager who changes the rest @throws if there is none.
   */
  update(
    resource: ResourceName,
    namespace: string,
    name: string,
    change: (object: KubeObject) => void,
    manager = 'kubectl-edit',
  ): KubeObject {
    const current = this.#expect(resource, namespace, name)
    const copy = copyOf(current) as KubeObject
    change(copy)
    const next = canonical(resource, jsonOf(copy) as KubeObject)
    const owned = this.#owned(current, next, at(copy, 'metadata', 'managedFields'), manager)
    return this.replace(resource, current, this.#reported({ ...owned, status: current.status ?? {} }, owned))
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

  /** `next` with its managers, when `manager` puts all but its status in the place of `current`. */
  #owned(current: KubeObject | undefined, next: KubeObject, given: Json | undefined, manager: string): KubeObject {
    return withManagers(next, managedFields(current, next, given, { manager, status: false }, this.now()))
  }

  /** `next` with its managers, when a kubelet puts its status in the place of `current`'s. */
  #reported(current: KubeObject, next: KubeObject): KubeObject {
    const kubelet = { manager: 'kubelet', status: true }
    return withManagers(next, managedFields(current, next, undefined, kubelet, this.now()))
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

/** The object with these managedFields. */
export function withManagers(object: KubeObject, managers: readonly JsonObject[]): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata
  if (managers.length === 0) return { ...object, metadata: metadata as KubeObject['metadata'] }
  return { ...object, metadata: { ...object.metadata, managedFields: [...managers] } }
}

/** The object without its labels and annotations of these keys. */
function without(object: KubeObject, keys: ReadonlySet<string>): KubeObject {
  const metadata = { ...object.metadata }
  for (const field of ['labels', 'annotations']) {
    const map = member(metadata, field)
    if (!isObject(map)) continue
    const kept = Object.entries(map).filter(([key]) => !keys.has(key))
    if (kept.length === 0) delete metadata[field]
    else metadata[field] = Object.fromEntries(kept)
  }
  return { ...object, metadata }
}

const suffix = (uid: string) => uid.replaceAll(/[^a-z0-9]/g, '').slice(0, 5)

function sorted(objects: Objects, resource: ResourceName, namespace?: string): readonly KubeObject[] {
  const prefix = namespace === undefined ? `${resource}/` : `${resource}/${namespace}/`
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort()
  return keys.flatMap((key) => objects.get(key) ?? [])
}
