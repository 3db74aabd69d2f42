/** The patch of a dry run for people: a line for each key that it would change, and what has to hold for it. Pure. */
import { type Change, changesOf, type Fields, type Patch, valueIn } from '../kube/patch.js'
import { fieldOf } from '../kube/pointer.js'
import type { PatchOperation } from '../kube/port.js'
import type { Planned } from '../kube/recording.js'

const PLACES: Readonly<Record<Change['map'], string>> = {
  labels: 'metadata.labels',
  annotations: 'metadata.annotations',
  selector: 'spec.selector',
}

/** Like `kubectl diff`: `- ` is what there is, `+ ` what there would be. Text of others is quoted, and cut if it is long. */
export function patchLines({ patch, before }: Planned): readonly string[] {
  const changes = changesOf(patch).flatMap((change) => changeLines(before, change))
  const conditions = conditionsOf(patch)
  return [
    ...(changes.length > 0 ? changes : ['(every key has its value already)']),
    ...(conditions.length > 0 ? [`only if ${conditions.join(', ')}`] : []),
  ]
}

function changeLines(before: Fields, change: Change): readonly string[] {
  const old = valueIn(before, change)
  if (old === (change.value ?? undefined)) return []
  const name = nameOf(PLACES[change.map], change.key)
  return [
    ...(old === undefined ? [] : [`- ${name}: ${shown(old)}`]),
    ...(change.value === null ? [] : [`+ ${name}: ${shown(change.value)}`]),
  ]
}

function nameOf(place: string, key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) ? `${place}.${key}` : `${place}[${key}]`
}

/** What the API server tests before it writes. */
function conditionsOf(patch: Patch): readonly string[] {
  if (patch.type === 'json') return patch.body.flatMap(testWords)
  const { uid, resourceVersion } = patch.body.metadata
  return [
    ...(uid === undefined ? [] : [`its uid is ${shown(uid)}`]),
    ...(resourceVersion === undefined ? [] : ['nobody else has changed it meanwhile']),
  ]
}

const KINDS: Readonly<Record<string, string>> = { labels: 'label', annotations: 'annotation' }

function testWords(operation: PatchOperation): readonly string[] {
  if (operation.op !== 'test') return []
  const { path, value } = operation
  const { map = '', key } = fieldOf(path)
  if (path === '/metadata/annotations' && value === null) return ['it has no annotations']
  if (path === '/metadata/deletionTimestamp' && value === null) return ['it is not being deleted']
  const kind = KINDS[map]
  const name = kind !== undefined && key !== undefined ? `${kind} ${key}` : `its ${map}`
  return [`${name} is ${value === null ? 'absent' : shown(value)}`]
}

/** What is shown of a value, in characters. */
const MOST = 80

const PLAIN = /^[A-Za-z](?:[\w./:-]*\w)?$/
const SPECIAL = /^(?:true|false|null|yes|no|on|off|y|n)$/i
const UID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** As YAML would write it: quoted where it would be read as something else than this text. */
function shown(value: string): string {
  const { length } = value
  const isCut = length > MOST
  const part = isCut ? `${value.slice(0, MOST)}…` : value
  const isPlain = (PLAIN.test(value) && !SPECIAL.test(value)) || UID.test(value)
  return `${isPlain && !isCut ? part : JSON.stringify(part)}${isCut ? ` (${length} characters)` : ''}`
}
