/** What the API server refuses to store, with its words for it: the rules that users and this program can run into. */
import { isIP } from 'node:net'
import { equal, isObject, type Json, type JsonObject, member } from './json.js'
import { at, type Decoded, itemsAt, type KubeObject, stringsAt, textAt } from './objects.js'
import type { ResourceName } from './resources.js'
import type { Cause } from './status.js'

const labelChars =
  "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
const qualifiedNameRule =
  `must ${labelChars} (e.g. 'MyName',  or 'my.name',  or '123-abc', ` +
  "regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const labelValueRule =
  `a valid label must be an empty string or ${labelChars} (e.g. 'MyValue',  or 'my_value',  or '12345', ` +
  "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const dnsLabelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with " +
  "an alphanumeric character (e.g. 'my-name',  or '123-abc', " +
  "regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const dnsSubdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " +
  "end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const podUpdateRule =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

const nameCharacters = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const maxAnnotationBytes = 256 * 1024

const invalidValue = (field: string, value: string, rule: string): Cause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${rule}`,
  field,
})
const required = (field: string, detail?: string): Cause => ({
  reason: 'FieldValueRequired',
  message: detail === undefined ? 'Required value' : `Required value: ${detail}`,
  field,
})
const forbidden = (field: string, rule: string): Cause => ({
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${rule}`,
  field,
})
const tooLong = (field: string, bytes: number): Cause => ({
  reason: 'FieldValueTooLong',
  message: `Too long: may not be more than ${bytes} bytes`,
  field,
})

/** What is wrong with a new object. */
export function creationCauses(resource: ResourceName, object: Decoded): readonly Cause[] {
  const prefix = textAt(object, 'metadata', 'generateName')
  return [
    // a dash at its end is fine, because something comes after it
    ...(prefix === '' ? [] : nameCauses(resource, 'metadata.generateName', prefix.replace(/-$/, 'a'))),
    ...nameCauses(resource, 'metadata.name', textAt(object, 'metadata', 'name')),
    ...contentCauses(resource, object),
  ]
}

/** What is wrong with putting `next` in the place of `current`. */
export function updateCauses(resource: ResourceName, current: KubeObject, next: KubeObject): readonly Cause[] {
  return [...contentCauses(resource, next), ...changeCauses(resource, current, next)]
}

/** What is wrong with a new status. */
export function statusCauses(current: KubeObject, next: KubeObject): readonly Cause[] {
  if (equal(current.status, next.status)) return []
  return itemsAt(next, 'status', 'podIPs').flatMap((item, i) => {
    const ip = at(item, 'ip')
    if (typeof ip === 'string' && isIP(ip) > 0) return []
    return [
      invalidValue(`status.podIPs[${i}]`, String(ip), 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
    ]
  })
}

function nameCauses(resource: ResourceName, field: string, name: string): readonly Cause[] {
  if (name === '') return [required(field, 'name or generateName is required')]
  const [shape, rule, length] =
    resource === 'services' ? ([dnsLabel, dnsLabelRule, 63] as const) : ([dnsSubdomain, dnsSubdomainRule, 253] as const)
  if (name.length > length) return [invalidValue(field, name, `must be no more than ${length} bytes`)]
  return shape.test(name) ? [] : [invalidValue(field, name, rule)]
}

function contentCauses(resource: ResourceName, object: Decoded): readonly Cause[] {
  const annotations = stringsAt(object, 'metadata', 'annotations')
  const bytes = Object.entries(annotations).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0)
  return [
    ...labelCauses('metadata.labels', stringsAt(object, 'metadata', 'labels')),
    ...Object.keys(annotations).flatMap((key) => keyCauses('metadata.annotations', key, key.toLowerCase())),
    ...(bytes > maxAnnotationBytes ? [tooLong('metadata.annotations', maxAnnotationBytes)] : []),
    ...itemsAt(object, 'metadata', 'finalizers').flatMap((finalizer, i) => finalizerCauses(i, String(finalizer))),
    ...specCauses(resource, object),
  ]
}

function specCauses(resource: ResourceName, object: Decoded): readonly Cause[] {
  switch (resource) {
    case 'pods':
      return itemsAt(object, 'spec', 'containers').length === 0 ? [required('spec.containers')] : []
    case 'services': {
      const portless =
        textAt(object, 'spec', 'clusterIP') === 'None' || textAt(object, 'spec', 'type') === 'ExternalName'
      return [
        ...(portless || itemsAt(object, 'spec', 'ports').length > 0 ? [] : [required('spec.ports')]),
        ...labelCauses('spec.selector', stringsAt(object, 'spec', 'selector')),
      ]
    }
    case 'events':
      return eventCauses(object)
  }
}

function eventCauses(event: Decoded): readonly Cause[] {
  const limits = { note: 1_024, reason: 128, action: 128, reportingInstance: 128 }
  return [
    ...['eventTime', 'reportingController', 'reportingInstance', 'action', 'reason']
      .filter((field) => textAt(event, field) === '')
      .map((field) => required(field)),
    ...Object.entries(limits)
      .filter(([field, limit]) => textAt(event, field).length > limit)
      .map(([field, limit]) => invalidValue(field, '', `can have at most ${limit} characters`)),
    ...(['Normal', 'Warning'].includes(textAt(event, 'type')) ? [] : [invalidValue('type', '', 'has invalid value: ')]),
  ]
}

function changeCauses(resource: ResourceName, current: KubeObject, next: KubeObject): readonly Cause[] {
  const causes: Cause[] = []
  const immutable = (field: string) => {
    const value = member(next.metadata, field)
    if (!equal(value, member(current.metadata, field))) {
      causes.push(invalidValue(`metadata.${field}`, String(value), 'field is immutable'))
    }
  }
  immutable('uid')
  immutable('deletionTimestamp')
  immutable('deletionGracePeriodSeconds')
  const held = itemsAt(current, 'metadata', 'finalizers')
  const added = itemsAt(next, 'metadata', 'finalizers').filter((finalizer) => !held.includes(finalizer))
  if (current.metadata.deletionTimestamp !== undefined && added.length > 0) {
    const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ')
    const rule = 'no new finalizers can be added if the object is being deleted, found new finalizers'
    causes.push(forbidden('metadata.finalizers', `${rule} []string{${list}}`))
  }
  if (resource === 'pods' && !equal(fixedSpec(current), fixedSpec(next))) causes.push(forbidden('spec', podUpdateRule))
  return causes
}

/** A pod's spec without what may be changed. */
function fixedSpec(pod: KubeObject): JsonObject {
  const { containers, initContainers, activeDeadlineSeconds, tolerations, ...spec } = isObject(pod.spec) ? pod.spec : {}
  const imageless = (list: Json | undefined): Json =>
    Array.isArray(list) ? list.map((container) => (isObject(container) ? { ...container, image: '' } : container)) : []
  return { ...spec, containers: imageless(containers), initContainers: imageless(initContainers) }
}

function labelCauses(field: string, labels: Readonly<Record<string, string>>): readonly Cause[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...keyCauses(field, key, key),
    ...(value.length > 63 ? [invalidValue(field, value, 'must be no more than 63 bytes')] : []),
    ...(value === '' || nameCharacters.test(value) ? [] : [invalidValue(field, value, labelValueRule)]),
  ])
}

const keyCauses = (field: string, key: string, checked: string): readonly Cause[] =>
  qualifiedNameProblems(checked).map((problem) => invalidValue(field, key, problem))

function qualifiedNameProblems(key: string): readonly string[] {
  const parts = key.split('/')
  const name = parts.pop() ?? ''
  const [prefix, ...more] = parts
  if (more.length > 0) {
    return [
      `a valid label key ${qualifiedNameRule} with an optional DNS subdomain prefix and '/' ` +
        "(e.g. 'example.com/MyName')",
    ]
  }
  const problems: string[] = []
  if (prefix === '') problems.push('prefix part must be non-empty')
  else if (prefix !== undefined && !dnsSubdomain.test(prefix)) problems.push(`prefix part ${dnsSubdomainRule}`)
  if (name === '') problems.push('name part must be non-empty')
  else if (name.length > 63) problems.push('name part must be no more than 63 bytes')
  if (!nameCharacters.test(name)) problems.push(`name part ${qualifiedNameRule}`)
  return problems
}

function finalizerCauses(index: number, finalizer: string): readonly Cause[] {
  const field = `metadata.finalizers[${index}]`
  const problems = qualifiedNameProblems(finalizer)
  if (problems.length > 0) return problems.map((problem) => invalidValue(field, finalizer, problem))
  if (finalizer.includes('/') || ['foregroundDeletion', 'orphan', 'kubernetes'].includes(finalizer)) return []
  return [invalidValue(field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')]
}
