/**
 * The verbs of the API over a store, without HTTP: what goes in is what a request carries, what comes out is a status
 * and a body. The order of the checks is that of a real server, because it decides which error a client sees.
 *
 * Not served: PUT, server-side apply and strategic merge patches, DELETE of collections, namespaces (every namespace
 * exists), RBAC, and immutable fields of Services. Words of JSON syntax errors are JavaScript's.
 */
import { type Admission, admitted, type Denial } from './admission.js'
import { isDone, isTerminating, marked } from './deletion.js'
import { copyOf, equal, isObject, type Json, type JsonObject, member } from './json.js'
import { applyJsonPatch, maxOperations, patchProblem } from './json-patch.js'
import { managedFields, managerOf, withTimesOf } from './managed-fields.js'
import { applyMergePatch } from './merge-patch.js'
import { at, type Decoded, decode, type KubeObject, textAt } from './objects.js'
import { type ResourceName, resources, type Target } from './resources.js'
import { fieldSelector, labelSelector, type Matcher, SelectorError } from './selectors.js'
import type { Answer } from './status.js'
import * as status from './status.js'
import { identityOf, type Store, withManagers } from './store.js'
import { creationCauses, statusCauses, updateCauses } from './validation.js'

/** The parameters after the question mark. */
export type Query = Readonly<Record<string, string>>

/** A target with a name. */
export interface ObjectTarget extends Target {
  readonly namespace: string
  readonly name: string
}

export type PatchType = 'json' | 'merge'

/** Who writes, and what he has to get past. */
export interface Client {
  readonly userAgent: string | undefined
  readonly admissions: Iterable<Admission>
}

/** What a dry run leaves out. */
interface Options {
  readonly dryRun: boolean
}

export function get(store: Store, { resource, namespace, name }: ObjectTarget): Answer {
  const object = store.get(resource, namespace, name)
  return object === undefined ? status.notFound(resource, name) : { status: 200, body: object }
}

/** A list, or a page of one: all pages of a list show the revision of its first. */
export function list(store: Store, { resource, namespace }: Target, query: Query): Answer {
  const matches = matcher(resource, query)
  if ('status' in matches) return matches
  const { limit = '0', continue: token = '', resourceVersion = '', resourceVersionMatch = '' } = query
  if (!/^-?\d+$/.test(limit)) return status.badRequest(`strconv.ParseInt: parsing "${limit}": invalid syntax`)
  const asked = token === '' ? versionAsked(resourceVersion, resourceVersionMatch) : pageAsked(token, resourceVersion)
  if ('status' in asked) return asked
  if (asked.revision > store.revision) return status.futureVersion(asked.revision, store.revision)
  const revision = asked.exact ? asked.revision : store.revision
  const found = asked.exact ? store.listAt(revision, resource, namespace) : store.list(resource, namespace)
  if (found === undefined) return tooOld(token)
  const left = found.filter((object) => keyOf(object) > asked.after && matches.holds(object))
  // a list of any age is served whole
  const paged = Number(limit) > 0 && resourceVersion !== '0'
  const page = paged ? left.slice(0, Number(limit)) : left
  const last = page.at(-1)
  const metadata: JsonObject = { resourceVersion: String(revision) }
  if (last !== undefined && page.length < left.length) {
    metadata.continue = tokenOf({ rv: revision, after: keyOf(last) })
    if (matches.all) metadata.remainingItemCount = left.length - page.length
  }
  const { kind, apiVersion } = resources[resource]
  return { status: 200, body: { kind: `${kind}List`, apiVersion, metadata, items: page.map(itemOf) } }
}

/** Which objects a query selects, or what is wrong with it. */
export function matcher(
  resource: ResourceName,
  { labelSelector: labels = '', fieldSelector: fields = '' }: Query,
): { readonly holds: Matcher; readonly all: boolean } | Answer {
  try {
    const byLabels = labelSelector(labels)
    const byFields = fieldSelector(fields, resources[resource].fields)
    return { holds: (object) => byLabels(object) && byFields(object), all: labels === '' && fields === '' }
  } catch (error) {
    if (error instanceof SelectorError) return status.badRequest(error.message)
    throw error
  }
}

export function create(
  store: Store,
  { resource, namespace = 'default' }: Target,
  body: string,
  query: Query,
  { userAgent, admissions }: Client,
): Answer {
  const options = optionsOf('CreateOptions', query)
  if ('status' in options) return options
  const { kind, apiVersion } = resources[resource]
  const parsed = parse(body)
  if ('error' in parsed || !isObject(parsed.value)) {
    const problem = 'error' in parsed ? parsed.error : 'not an object'
    return status.badRequest(
      `the object provided is unrecognized (must be of type ${kind}): ` +
        `couldn't get version/kind; json parse error: ${problem}`,
    )
  }
  const decoding = decode(resource, {
    ...parsed.value,
    kind: parsed.value.kind ?? kind,
    apiVersion: parsed.value.apiVersion ?? apiVersion,
  })
  if ('problem' in decoding) {
    const given = textAt(parsed.value, 'kind') || kind
    return status.badRequest(`${given} in version "${apiVersion}" cannot be handled as a ${kind}: ${decoding.problem}`)
  }
  const { status: _, ...given } = decoding.object
  const ownNamespace = textAt(given, 'metadata', 'namespace')
  if (ownNamespace !== '' && ownNamespace !== namespace) return wrongNamespace()
  if (member(decoding.object.metadata, 'resourceVersion') !== undefined) {
    return status.internalError('resourceVersion should not be set on objects to be created')
  }
  const nameless = textAt(given, 'metadata', 'name') === '' && textAt(given, 'metadata', 'generateName') === ''
  const drafted = store.drafted(resource, { ...given, metadata: { ...decoding.object.metadata, namespace } })
  const named = nameless ? { ...drafted, metadata: { ...drafted.metadata, name: '' } } : drafted
  const { name } = named.metadata
  const writer = { manager: managerOf(query.fieldManager, userAgent), status: false }
  const managers = managedFields(undefined, named, at(parsed.value, 'metadata', 'managedFields'), writer, store.now())
  const review = { operation: 'CREATE', resource, subresource: '', object: withManagers(named, managers) } as const
  const { object, denial } = admitted(admissions, review)
  const causes = creationCauses(resource, object)
  if (causes.length > 0) return invalid(resource, name, causes)
  if (denial !== undefined) return refusal(resource, name, denial)
  const existing = store.get(resource, namespace, name)
  if (existing !== undefined) return status.alreadyExists(resource, name, isTerminating(existing))
  const { resourceVersion: __, ...unversioned } = object.metadata
  if (options.dryRun) return { status: 201, body: { ...object, metadata: unversioned } }
  return { status: 201, body: store.put(resource, object) }
}

export function patch(
  store: Store,
  target: ObjectTarget,
  type: PatchType,
  body: string,
  query: Query,
  { userAgent, admissions }: Client,
): Answer {
  const { resource, namespace, name } = target
  const options = optionsOf('PatchOptions', query)
  if ('status' in options) return options
  const current = store.get(resource, namespace, name)
  if (current === undefined) return status.notFound(resource, name)
  // to copy and compare them again and again is dear, and hardly a patch names them
  const patchable = body.includes('managedFields') ? current : withManagers(current, [])
  const patched = type === 'json' ? jsonPatched(patchable, body) : mergePatched(patchable, body)
  if ('status' in patched) return patched
  const { document } = patched
  if (textAt(document, 'metadata', 'name') === '') {
    return status.badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`)
  }
  const decoding = decode(resource, document)
  if ('problem' in decoding) return status.undecodable(document, decoding.problem)
  const refused = identityProblem(target, current, decoding.object)
  if (refused !== undefined) return refused
  const writer = { manager: managerOf(query.fieldManager, userAgent), status: target.status }
  const given = at(document, 'metadata', 'managedFields')
  const managers = managedFields(current, decoding.object, given, writer, store.now())
  const asked = withManagers(settled(target, current, decoding.object), managers)
  const subresource = target.status ? 'status' : ''
  const review = { operation: 'UPDATE', resource, subresource, object: asked, oldObject: current } as const
  const { object, denial } = admitted(admissions, review)
  const next = object === asked ? asked : withTimesOf(current, object)
  const causes = target.status ? statusCauses(current, next) : updateCauses(resource, current, next)
  if (causes.length > 0) return invalid(resource, name, causes)
  if (denial !== undefined) return refusal(resource, name, denial)
  return { status: 200, body: options.dryRun ? next : store.replace(resource, current, next) }
}

export function remove(store: Store, target: ObjectTarget, body: string, query: Query): Answer {
  const { resource, namespace, name } = target
  const parsed = body === '' ? { value: {} } : parse(body)
  if ('error' in parsed) return status.badRequest(`couldn't get version/kind; json parse error: ${parsed.error}`)
  const options = optionsOf('DeleteOptions', query, parsed.value)
  if ('status' in options) return options
  const current = store.get(resource, namespace, name)
  if (current === undefined) return status.notFound(resource, name)
  const refused = preconditionProblem(resources[resource].kind, current, at(parsed.value, 'preconditions'))
  if (refused !== undefined) return refused
  const grace = at(parsed.value, 'gracePeriodSeconds') ?? query.gracePeriodSeconds
  const graceSeconds = grace === undefined ? undefined : Number(grace)
  if (!options.dryRun) return { status: 200, body: store.delete(resource, namespace, name, graceSeconds) }
  const next = marked(resource, current, store.now(), graceSeconds)
  return { status: 200, body: resource !== 'pods' && isDone(next) ? current : next }
}

const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace}/${metadata.name}`

function itemOf(object: KubeObject): JsonObject {
  const { kind: _, apiVersion: __, ...item } = object
  return item
}

/** What a list is asked to show: this revision exactly, or anything from it on. */
interface Asked {
  readonly revision: number
  readonly exact: boolean
  /** Only what comes after this key. */
  readonly after: string
}

function versionAsked(resourceVersion: string, match: string): Asked | Answer {
  if (resourceVersion === '') {
    if (match === '') return { revision: 0, exact: false, after: '' }
    const rule = 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided'
    const cause = { reason: 'FieldValueForbidden', message: rule, field: 'resourceVersionMatch' }
    return status.invalid('ListOptions', '', [cause], 'meta.k8s.io')
  }
  if (/^\d+$/.test(resourceVersion)) {
    return { revision: Number(resourceVersion), exact: match === 'Exact', after: '' }
  }
  const problem = `Invalid value: "${resourceVersion}": strconv.ParseUint: parsing "${resourceVersion}": invalid syntax`
  return status.badRequest(`invalid resource version: resourceVersion: ${problem}`)
}

function pageAsked(token: string, resourceVersion: string): Asked | Answer {
  if (resourceVersion !== '') {
    return status.badRequest('specifying resource version is not allowed when using continue')
  }
  const parsed = parse(Buffer.from(token, 'base64url').toString())
  const rv = 'error' in parsed ? undefined : at(parsed.value, 'rv')
  const after = 'error' in parsed ? undefined : at(parsed.value, 'after')
  if (typeof rv !== 'number' || typeof after !== 'string') {
    return status.badRequest('invalid continue token: continue key is not valid')
  }
  return { revision: Math.max(rv, 0), exact: rv >= 0, after }
}

const tokenOf = (page: { rv: number; after: string }) => Buffer.from(JSON.stringify(page)).toString('base64url')

/** The token in the answer goes on with what there is now: a whole list, but of no single revision. */
function tooOld(token: string): Answer {
  if (token === '') return status.expired('The resourceVersion for the provided list is too old.')
  const parsed = parse(Buffer.from(token, 'base64url').toString())
  const after = 'error' in parsed ? '' : String(at(parsed.value, 'after'))
  return status.expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list ' +
      'without the continue parameter, or use the continue token in this response to retrieve the remainder of the ' +
      'results. Continuing with the provided token results in an inconsistent list - objects that were created, ' +
      'modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    { metadata: { continue: tokenOf({ rv: -1, after }) } },
  )
}

/** The options that matter to all writes. */
function optionsOf(kind: string, { dryRun: asked, fieldManager = '' }: Query, body?: Json): Options | Answer {
  const inBody = at(body, 'dryRun')
  const dryRun = asked ?? (Array.isArray(inBody) ? inBody.join() : undefined)
  const causes: status.Cause[] = []
  if (dryRun !== undefined && dryRun !== 'All') {
    const message = `Unsupported value: ["${dryRun}"]: supported values: "All"`
    causes.push({ reason: 'FieldValueNotSupported', message, field: 'dryRun' })
  }
  if (Buffer.byteLength(fieldManager) > 128) {
    const message = 'Too long: may not be more than 128 bytes'
    causes.push({ reason: 'FieldValueTooLong', message, field: 'fieldManager' })
  }
  return causes.length > 0 ? status.invalid(kind, '', causes, 'meta.k8s.io') : { dryRun: dryRun === 'All' }
}

type Patched = { readonly document: JsonObject } | Answer

function jsonPatched(current: KubeObject, body: string): Patched {
  const parsed = parse(body)
  const problem = 'error' in parsed ? parsed.error : patchProblem(parsed.value)
  if ('error' in parsed || problem !== undefined) return status.badRequest(`error decoding patch: ${problem}`)
  if (Array.isArray(parsed.value) && parsed.value.length > maxOperations) {
    const count = parsed.value.length
    return status.tooLarge(`The allowed maximum operations in a JSON patch is ${maxOperations}, got ${count}`)
  }
  const document = applyJsonPatch(current, parsed.value, body)
  return isObject(document) ? { document } : status.patchFailed()
}

function mergePatched(current: KubeObject, body: string): Patched {
  const parsed = parse(body)
  if ('error' in parsed) return status.badRequest(`error decoding patch: ${parsed.error}`)
  if (parsed.value === null) return status.badRequest('Invalid JSON Patch')
  if (!isObject(parsed.value)) {
    const found = Array.isArray(parsed.value) ? 'array' : typeof parsed.value
    const type = 'map[string]interface {}'
    return status.badRequest(`error decoding patch: json: cannot unmarshal ${found} into Go value of type ${type}`)
  }
  return { document: copyOf(applyMergePatch(current, parsed.value)) }
}

/** An empty resourceVersion, or 0, is no precondition. Neither is an empty uid. */
function identityProblem({ resource, name }: ObjectTarget, current: KubeObject, next: Decoded): Answer | undefined {
  const given = textAt(next, 'metadata', 'name')
  if (given !== name)
    return status.badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`)
  const namespace = textAt(next, 'metadata', 'namespace')
  if (namespace !== '' && namespace !== current.metadata.namespace) return wrongNamespace()
  const version = textAt(next, 'metadata', 'resourceVersion')
  if (version === '' || version === '0') return undefined
  if (!/^\d+$/.test(version)) return status.internalError(`strconv.ParseUint: parsing "${version}": invalid syntax`)
  return version === current.metadata.resourceVersion ? undefined : status.conflict(resource, name)
}

const wrongNamespace = () =>
  status.badRequest('the namespace of the provided object does not match the namespace sent on the request')

/** The patched object with what no client can set put back: each door changes its own part only. */
function settled(target: ObjectTarget, current: KubeObject, patched: Decoded): KubeObject {
  const { generation, deletionTimestamp, deletionGracePeriodSeconds, ...identity } = current.metadata
  const own = identityOf(current)
  const { ownerReferences, ...given } = patched.metadata
  // a pod's owners do not change through its status
  const owners = target.status && target.resource === 'pods' ? current.metadata.ownerReferences : ownerReferences
  const metadata = {
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
    ...given,
    ...(owners === undefined ? {} : { ownerReferences: owners }),
    ...own,
    uid: textAt(patched, 'metadata', 'uid') || identity.uid,
    ...(generation === undefined ? {} : { generation }),
  }
  const fixed = target.status ? 'spec' : 'status'
  const { [fixed]: _, ...rest } = patched
  return { ...rest, metadata, ...(current[fixed] === undefined ? {} : { [fixed]: current[fixed] }) }
}

function preconditionProblem(kind: string, { metadata }: KubeObject, wanted: Json | undefined): Answer | undefined {
  const uid = at(wanted, 'uid')
  if (uid !== undefined && !equal(uid, metadata.uid)) {
    const message = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}).`
    return status.preconditionFailed(
      kind,
      metadata.name,
      `${message} The object might have been deleted and then recreated`,
    )
  }
  const version = at(wanted, 'resourceVersion')
  if (version === undefined || equal(version, metadata.resourceVersion)) return undefined
  const { resourceVersion } = metadata
  const message = `the ResourceVersion in the precondition (${version}) does not match the ResourceVersion in record`
  return status.preconditionFailed(
    kind,
    metadata.name,
    `${message} (${resourceVersion}). The object might have been modified`,
  )
}

const refusal = (resource: ResourceName, name: string, { denied, policy = 'in-process', reason = 'Invalid' }: Denial) =>
  status.denied(resource, name, policy, denied, reason)

const invalid = (resource: ResourceName, name: string, causes: readonly status.Cause[]) =>
  status.invalid(resources[resource].kind, name, causes, resources[resource].group)

function parse(text: string): { readonly value: Json } | { readonly error: string } {
  try {
    return { value: JSON.parse(text) as Json }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}
