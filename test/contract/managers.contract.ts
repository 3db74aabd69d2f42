/** Who set which field of a pod (`metadata.managedFields`), as far as this program looks at it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../support/api/json.js'
import { at, itemsAt, textAt } from '../support/api/objects.js'
import { by, type PodsIn, podsIn } from './pods-in.js'
import type { Connection } from './wire.js'

const role = '/metadata/labels/role'

/**
 * The entries of a pod by their manager (with `/status` where they are of the subresource): the fields of its metadata,
 * and `spec` and `status` if any of these are in it.
 */
function managersOf(pod: JsonObject): JsonObject {
  const entries = itemsAt(pod, 'metadata', 'managedFields').map((entry): [string, JsonObject] => {
    const { manager, subresource, time: _, fieldsV1, ...rest } = entry as JsonObject
    expect(rest).toEqual({ operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1' })
    const metadata = at(fieldsV1, 'f:metadata')
    const parts = {
      ...(metadata === undefined ? {} : { metadata }),
      ...(at(fieldsV1, 'f:spec') === undefined ? {} : { spec: true }),
      ...(at(fieldsV1, 'f:status') === undefined ? {} : { status: true }),
    }
    return [subresource === undefined ? String(manager) : `${manager}/${subresource}`, parts]
  })
  expect(new Set(entries.map(([name]) => name)).size).toBe(entries.length)
  return Object.fromEntries(entries)
}

const labels = (fields: JsonObject): JsonObject => ({ metadata: { 'f:labels': fields } })
const referenceTo = (pod: JsonObject) => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  ...{ name: textAt(pod, 'metadata', 'name'), uid: textAt(pod, 'metadata', 'uid') },
})
const versionOf = (object: JsonObject) => textAt(object, 'metadata', 'resourceVersion')
const leaf: JsonObject = {}
const all = { '.': leaf }

/** Describes this part of the contract; `connect` is called once before and its connection closed after. */
export function managersContract(name: string, connect: () => Promise<Connection>): void {
  describe(`the managers of fields in ${name}`, () => {
    let api: Connection
    let pods: PodsIn

    beforeAll(async () => {
      api = await connect()
    })
    afterAll(() => api.close())
    beforeEach(async () => {
      pods = podsIn(api, await api.namespace())
    })

    const managers = async () => managersOf(await pods.get('a'))
    const twoLabels = { name: 'a', labels: { app: 'db', role: 'x' } }
    const made = { metadata: { 'f:labels': { ...all, 'f:app': leaf, 'f:role': leaf } }, spec: true }

    it.each([
      ['its fieldManager', { query: { fieldManager: 'me' }, userAgent: 'kubectl/v1' }, 'me'],
      ['its User-Agent up to the slash', { userAgent: 'kubectl create/v1.36.3 (linux) k/x' }, 'kubectl create'],
      ['its User-Agent without a slash', { userAgent: 'curl' }, 'curl'],
      ['no more of its User-Agent than may be', { userAgent: 'x'.repeat(200) }, 'x'.repeat(128)],
      ['`unknown` with nothing before the slash', { userAgent: '/v1' }, 'unknown'],
      ['`unknown` without a User-Agent', {}, 'unknown'],
      ['its User-Agent where the fieldManager is empty', { query: { fieldManager: '' }, userAgent: 'curl/1' }, 'curl'],
    ])('know a client by %s', async (_, more, manager) => {
      expect(managersOf(await pods.create({ name: 'a' }, more))).toEqual({ [manager]: { spec: true } })
      const patched = await pods.merge('a', { metadata: { generateName: null, labels: { role: 'x' } } }, more)
      expect(managersOf(patched.body)).toEqual({
        [manager]: { ...labels({ '.': leaf, 'f:role': leaf }), spec: true },
      })
    })

    it('begin with whoever creates the pod, who has all that it was born with', async () => {
      const reference = referenceTo(await pods.create({ name: 'owner' }))
      const pod = await pods.create(
        {
          ...{ name: 'a', labels: { app: 'db', role: 'x' }, annotations: { k: 'v' } },
          ...{ ownerReferences: [reference], finalizers: ['test/hold'] },
        },
        by('maker'),
      )
      expect(managersOf(pod)).toEqual({
        maker: {
          metadata: {
            'f:annotations': { '.': {}, 'f:k': {} },
            'f:finalizers': { '.': {}, 'v:"test/hold"': {} },
            'f:labels': { '.': {}, 'f:app': {}, 'f:role': {} },
            'f:ownerReferences': { '.': {}, [`k:{"uid":"${reference.uid}"}`]: {} },
          },
          spec: true,
        },
      })
      expect(textAt(itemsAt(pod, 'metadata', 'managedFields')[0] as JsonObject, 'time')).toBe(
        textAt(pod, 'metadata', 'creationTimestamp'),
      )
      await pods.merge('a', { metadata: { finalizers: null } })
    })

    it('hold the prefix of a generated name', async () => {
      const pod = await pods.create({ generateName: 'db-' }, by('maker'))
      expect(managersOf(pod)).toEqual({ maker: { metadata: { 'f:generateName': {} }, spec: true } })
    })

    it('lose a field to whoever gives it another value', async () => {
      await pods.create(twoLabels, by('maker'))
      await pods.patch('a', [{ op: 'add', path: role, value: 'y' }], by('other'))
      const kept = { metadata: { 'f:labels': { ...all, 'f:app': leaf } }, spec: true }
      expect(await managers()).toEqual({ maker: kept, other: labels({ 'f:role': leaf }) })
      await pods.merge('a', { metadata: { labels: { role: 'z' } } }, by('third'))
      expect(await managers()).toEqual({ maker: kept, third: labels({ 'f:role': leaf }) })
      await pods.merge('a', { metadata: { labels: { role: 'x' } } }, by('maker'))
      expect(await managers()).toEqual({ maker: made })
    })

    it('keep a field of which somebody writes the same value', async () => {
      const before = await pods.create(twoLabels, by('maker'))
      const same = await pods.patch('a', [{ op: 'add', path: role, value: 'x' }], by('other'))
      expect(same.body).toEqual(before)
      const { body } = await pods.merge('a', { metadata: { labels: { role: 'x', n: '1' } } }, by('other'))
      expect(managersOf(body)).toEqual({ maker: made, other: labels({ 'f:n': leaf }) })
    })

    it('have nothing of a field that is gone, whoever removes it', async () => {
      await pods.create(twoLabels, by('maker'))
      const { body } = await pods.merge('a', { metadata: { labels: { role: null } } }, by('other'))
      expect(managersOf(body)).toEqual({ maker: { metadata: { 'f:labels': { ...all, 'f:app': leaf } }, spec: true } })
    })

    it('are gone with their last field, and have the whole map when they bring its first', async () => {
      await pods.create({ name: 'a' }, by('maker'))
      await pods.merge('a', { metadata: { annotations: { k: 'v' } } }, by('first'))
      await pods.merge('a', { metadata: { annotations: { l: 'v' } } }, by('second'))
      expect(await managers()).toEqual({
        maker: { spec: true },
        first: { metadata: { 'f:annotations': { '.': {}, 'f:k': {} } } },
        second: { metadata: { 'f:annotations': { 'f:l': {} } } },
      })
      await pods.merge('a', { metadata: { annotations: { k: null } } }, by('second'))
      expect(await managers()).toEqual({
        maker: { spec: true },
        first: { metadata: { 'f:annotations': {} } },
        second: { metadata: { 'f:annotations': { 'f:l': {} } } },
      })
      await pods.merge('a', { metadata: { annotations: { l: null } } }, by('third'))
      expect(await managers()).toEqual({ maker: { spec: true } })
    })

    it('merge what one of them does, and have the time of the last that took something', async () => {
      const timeOf = (pod: JsonObject, manager: string) =>
        itemsAt(pod, 'metadata', 'managedFields').find((entry) => at(entry, 'manager') === manager) as JsonObject
      await pods.create({ name: 'a' }, by('maker'))
      const first = await pods.merge('a', { metadata: { labels: { k: '1', l: '1' } } }, by('me'))
      const time = textAt(timeOf(first.body, 'me'), 'time')
      await expect
        .poll(() => Math.floor(Date.now() / 1_000), { timeout: 3_000 })
        .toBeGreaterThan(Date.parse(time) / 1_000)
      const removed = await pods.merge('a', { metadata: { labels: { l: null } } }, by('me'))
      expect(timeOf(removed.body, 'me')).toMatchObject({ time, fieldsV1: labelsV1({ ...all, 'f:k': leaf }) })
      const nothing = await pods.merge('a', { metadata: { labels: { k: '1' } } }, by('me'))
      expect(nothing.body).toEqual(removed.body)
      const more = await pods.merge('a', { metadata: { labels: { m: '1' } } }, by('me'))
      expect(timeOf(more.body, 'me')).toMatchObject({ fieldsV1: labelsV1({ ...all, 'f:k': leaf, 'f:m': leaf }) })
      expect(Date.parse(textAt(timeOf(more.body, 'me'), 'time'))).toBeGreaterThan(Date.parse(time))
    })

    it('hold owners one by one', async () => {
      const [b, c] = [referenceTo(await pods.create({ name: 'b' })), referenceTo(await pods.create({ name: 'c' }))]
      await pods.create({ name: 'a', ownerReferences: [b] }, by('maker'))
      await pods.merge('a', { metadata: { ownerReferences: [b, c] } }, by('adopter'))
      const [ofB, ofC] = [`k:{"uid":"${b.uid}"}`, `k:{"uid":"${c.uid}"}`]
      expect(await managers()).toEqual({
        maker: { metadata: { 'f:ownerReferences': { '.': {}, [ofB]: {} } }, spec: true },
        adopter: { metadata: { 'f:ownerReferences': { [ofC]: {} } } },
      })
      await pods.merge('a', { metadata: { ownerReferences: [{ ...b, blockOwnerDeletion: true }, c] } }, by('third'))
      expect(await managers()).toEqual({
        maker: { metadata: { 'f:ownerReferences': {} }, spec: true },
        adopter: { metadata: { 'f:ownerReferences': { [ofC]: {} } } },
        third: { metadata: { 'f:ownerReferences': { [ofB]: {} } } },
      })
      await pods.merge('a', { metadata: { ownerReferences: null } }, by('third'))
      expect(await managers()).toEqual({ maker: { spec: true } })
    })

    it('are others in the status, which changes no owners', async () => {
      const ownerReferences = [referenceTo(await pods.create({ name: 'owner' }))]
      await pods.create({ name: 'a', ownerReferences }, by('me'))
      const { body } = await pods.merge(
        'a/status',
        { metadata: { labels: { s: '1' }, ownerReferences: null }, status: { phase: 'Running' } },
        by('me'),
      )
      expect(at(body, 'metadata', 'ownerReferences')).toEqual(ownerReferences)
      expect(managersOf(body)).toEqual({
        me: {
          metadata: { 'f:ownerReferences': { '.': {}, [`k:{"uid":"${ownerReferences[0]?.uid}"}`]: {} } },
          spec: true,
        },
        'me/status': { ...labels({ ...all, 'f:s': leaf }), status: true },
      })
      const ignored = await pods.merge('a', { status: { phase: 'Failed' } }, by('other'))
      expect(ignored.body).toEqual(body)
    })

    it('include whoever changes the spec', async () => {
      await pods.create({ name: 'a' }, by('maker'))
      const image = [{ op: 'replace', path: '/spec/containers/0/image', value: 'new' }]
      const { body } = await pods.patch('a', image, by('other'))
      expect(managersOf(body)).toEqual({ maker: { spec: true }, other: { spec: true } })
    })

    it('stay as they are when the pod is marked for deletion', async () => {
      await pods.create({ ...twoLabels, finalizers: ['test/hold'] }, by('maker'))
      const before = await managers()
      await api.send('DELETE', `${pods.path}/a`)
      expect(await managers()).toEqual(before)
      await pods.merge('a', { metadata: { finalizers: null } })
    })

    it('are ten at most: the oldest become one', async () => {
      // of one second, the first by name is taken for the oldest
      await pods.create({ name: 'a', labels: { app: 'db' } }, by('b0'))
      for (let n = 1; n < 10; n++) await pods.merge('a', { metadata: { labels: { [`l${n}`]: '1' } } }, by(`b${n}`))
      expect(Object.keys(await managers())).toHaveLength(10)
      await pods.merge('a/status', { metadata: { labels: { last: '1' } } }, by('kubelet'))
      const merged = await managers()
      expect(Object.keys(merged)).toHaveLength(10)
      expect(merged).toMatchObject({
        'ancient-changes': { ...labels({ ...all, 'f:app': leaf, 'f:l1': leaf }), spec: true },
        'kubelet/status': labels({ 'f:last': leaf }),
      })
      await pods.merge('a', { metadata: { labels: { more: '1' } } }, by('later'))
      expect(await managers()).toMatchObject({
        'ancient-changes': { ...labels({ ...all, 'f:app': leaf, 'f:l1': leaf, 'f:l2': leaf }), spec: true },
        later: labels({ 'f:more': leaf }),
      })
    })

    it.each([[[]], [[{}]]])('are wiped by %j, and not kept from then on', async (managedFields) => {
      const before = await pods.create(twoLabels, by('maker'))
      const ignored = await pods.merge('a/status', { metadata: { managedFields } }, by('other'))
      expect(ignored.body).toEqual(before)
      const { body } = await pods.merge('a', { metadata: { managedFields } }, by('other'))
      expect(at(body, 'metadata', 'managedFields')).toBeUndefined()
      expect(versionOf(body)).not.toBe(versionOf(before))
      const { body: after } = await pods.patch('a', [{ op: 'add', path: role, value: 'y' }], by('other'))
      expect(at(after, 'metadata', 'labels', 'role')).toBe('y')
      expect(at(after, 'metadata', 'managedFields')).toBeUndefined()
    })

    it('are kept where a client sends none, or what are none', async () => {
      const before = await pods.create(twoLabels, by('maker'))
      for (const managedFields of [null, [{ manager: 'x' }], [{}, {}]]) {
        expect((await pods.merge('a', { metadata: { managedFields } }, by('other'))).body).toEqual(before)
      }
    })

    it('are what a client says they are, but for what it writes', async () => {
      await pods.create(twoLabels, by('maker'))
      const mine = (fields: JsonObject) => [
        {
          ...{ manager: 'mine', operation: 'Update', apiVersion: 'v1', time: '2020-01-01T00:00:00Z' },
          ...{ fieldsType: 'FieldsV1', fieldsV1: labelsV1(fields) },
        },
      ]
      const said = mine({ 'f:app': leaf, 'f:role': leaf })
      const { body } = await pods.merge('a', { metadata: { managedFields: said } }, by('other'))
      expect(at(body, 'metadata', 'managedFields')).toEqual(said)
      const { body: after } = await pods.merge(
        'a',
        { metadata: { managedFields: said, labels: { role: 'y' } } },
        by('other'),
      )
      expect(managersOf(after)).toEqual({ mine: labels({ 'f:app': leaf }), other: labels({ 'f:role': leaf }) })

      const copy = await pods.create(
        { name: 'copy', labels: { app: 'db' }, managedFields: mine({ 'f:app': leaf, 'f:gone': leaf }) },
        by('maker'),
      )
      expect(managersOf(copy)).toEqual({
        mine: labels({ 'f:gone': leaf }),
        maker: { ...labels({ ...all, 'f:app': leaf }), spec: true },
      })
      const begun = await pods.create({ name: 'begun', managedFields: [] }, by('maker'))
      expect(managersOf(begun)).toEqual({ maker: { spec: true } })
    })

    it('are shown in a dry run as they would be, and stay', async () => {
      const before = await pods.create(twoLabels, by('maker'))
      const operations = [{ op: 'add', path: role, value: 'y' }]
      const { body } = await pods.patch('a', operations, { query: { fieldManager: 'other', dryRun: 'All' } })
      expect(managersOf(body)).toMatchObject({ other: labels({ 'f:role': leaf }) })
      expect(await pods.get('a')).toEqual(before)
    })

    it('are those of Services too', async () => {
      const services = pods.path.replace(/pods$/, 'services')
      const body = { metadata: { name: 'db' }, spec: { selector: { app: 'db' }, ports: [{ port: 80 }] } }
      const service = await api.send('POST', services, { ...by('maker'), body, type: 'application/json' })
      expect(managersOf(service.body)).toEqual({ maker: { spec: true } })
      const claim = { metadata: { annotations: { k: 'v' } }, spec: { selector: { role: 'x' } } }
      const type = 'application/merge-patch+json'
      const claimed = await api.send('PATCH', `${services}/db`, { ...by('other'), body: claim, type })
      expect(managersOf(claimed.body)).toEqual({
        maker: { spec: true },
        other: { metadata: { 'f:annotations': { '.': {}, 'f:k': {} } }, spec: true },
      })
    })
  })
}

const labelsV1 = (fields: JsonObject): JsonObject => ({ 'f:metadata': { 'f:labels': fields } })
