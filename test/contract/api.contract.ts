/**
 * What this program, its demo and its tests rely on an API server for. The same cases run against a real
 * kube-apiserver, which is right by definition, and against the in-process API, which is wrong where it differs.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { toGoJson } from '../../handler/kube/go-json.js'
import type { Json, JsonObject } from '../support/api/json.js'
import { at, itemsAt, textAt } from '../support/api/objects.js'
import type { Connection, Received } from './wire.js'

const json = 'application/json'
const ESCAPED = '<>&\u2028\u2029'
/** Control characters, quotes, Latin, and beyond the first plane. */
const OTHERS = `${Array.from({ length: 0x2028 }, (_, code) => String.fromCharCode(code))
  .filter((character) => !ESCAPED.includes(character))
  .join('')}\u{1f600}\ufffd\uffff`
const jsonPatch = 'application/json-patch+json'
const mergePatch = 'application/merge-patch+json'

/** How long to wait for what is sure to come. */
const patience = { timeout: 10_000, interval: 10 }

const epoch = '/metadata/annotations/active-passive~1epoch'
const role = '/metadata/labels/role'

/** The body of every JSON Patch that could not be applied, whatever the reason. */
const bare: JsonObject = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: 'the server rejected our request due to an error in our request',
  reason: 'Invalid',
  details: {},
  code: 422,
}

const failure = (code: number, reason: string, message: string, details?: JsonObject): JsonObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  ...(details === undefined ? {} : { details }),
  code,
})

/** Since when pods count the changes of their spec. */
const GENERATION = '1.34'

/**
 * Describes the contract; `connect` is called once before and its connection closed after.
 * @param since whether the API is that of this release of Kubernetes, or of a newer one
 */
export function apiContract(
  name: string,
  connect: () => Promise<Connection>,
  since: (release: string) => boolean,
): void {
  describe(name, () => {
    let api: Connection
    let namespace: string
    let pods: string
    let services: string

    beforeAll(async () => {
      api = await connect()
    })
    afterAll(() => api.close())
    beforeEach(async () => {
      namespace = await api.namespace()
      pods = `/api/v1/namespaces/${namespace}/pods`
      services = `/api/v1/namespaces/${namespace}/services`
    })

    const createPod = async (podName: string, metadata: JsonObject = {}, spec: JsonObject = {}) => {
      const body = {
        metadata: { name: podName, labels: { app: 'db' }, ...metadata },
        spec: {
          // nothing runs these pods, so nothing else writes them
          schedulerName: 'none',
          automountServiceAccountToken: false,
          containers: [{ name: 'app', image: 'app' }],
          ...spec,
        },
      }
      const created = await api.send('POST', pods, { body, type: json })
      expect(created.status, created.text).toBe(201)
      return created.body
    }
    const createService = async (serviceName: string, selector: JsonObject) => {
      const body = { metadata: { name: serviceName }, spec: { selector, ports: [{ port: 80 }] } }
      const created = await api.send('POST', services, { body, type: json })
      expect(created.status, created.text).toBe(201)
      return created.body
    }
    const get = async (path: string) => (await api.send('GET', path)).body
    const patch = (path: string, operations: Json, query = {}) =>
      api.send('PATCH', path, { body: operations, type: jsonPatch, query })
    const merge = (path: string, document: Json, query = {}) =>
      api.send('PATCH', path, { body: document, type: mergePatch, query })
    const versionOf = (object: JsonObject) => textAt(object, 'metadata', 'resourceVersion')
    const namesOf = (list: JsonObject) => itemsAt(list, 'items').map((item) => at(item, 'metadata', 'name'))

    describe('JSON Patch of a pod', () => {
      /** Each on a pod of its own: what is done, to what, with which operations, and what comes of it. */
      const bareLabels = { labels: { app: 'db' } }
      const active = { labels: { app: 'db', role: 'active' } }
      const annotated = { ...bareLabels, annotations: { other: 'x' } }
      const sealed = { ...bareLabels, annotations: { 'active-passive/epoch': '1' } }
      const epochOf = (value: string) => ({ ...bareLabels, annotations: { 'active-passive/epoch': value } })
      type Row = readonly [title: string, pod: JsonObject, operations: Json, outcome: 'fails' | JsonObject]
      // An older one cuts the connection.
      const withoutValue: readonly Row[] = since('1.35')
        ? [['test without a value of an absent label', bareLabels, [{ op: 'test', path: role }], {}]]
        : []
      const rows: readonly Row[] = [
        ...withoutValue,
        ['test null of an absent label', bareLabels, [{ op: 'test', path: role, value: null }], {}],
        ['test null of a label that is set', active, [{ op: 'test', path: role, value: null }], 'fails'],
        [
          'test of a value where the label is absent',
          bareLabels,
          [{ op: 'test', path: role, value: 'active' }],
          'fails',
        ],
        ['test of another value', active, [{ op: 'test', path: role, value: 'passive' }], 'fails'],
        ['test of the right value', active, [{ op: 'test', path: role, value: 'active' }], {}],
        [
          'test null of the annotations where there are none',
          bareLabels,
          [{ op: 'test', path: '/metadata/annotations', value: null }],
          {},
        ],
        [
          'test {} of the annotations where there are none',
          bareLabels,
          [{ op: 'test', path: '/metadata/annotations', value: {} }],
          'fails',
        ],
        [
          'test null of an annotation where there are none',
          bareLabels,
          [{ op: 'test', path: epoch, value: null }],
          'fails',
        ],
        ['test null of an absent annotation beside another', annotated, [{ op: 'test', path: epoch, value: null }], {}],
        ['test of an annotation by number', sealed, [{ op: 'test', path: epoch, value: 1 }], 'fails'],
        // A test compares bytes: those of Go, which escapes what HTML takes for its own, and two ends of lines.
        ['test of what Go escapes, as it is', epochOf(ESCAPED), [{ op: 'test', path: epoch, value: ESCAPED }], 'fails'],
        [
          'test of what Go escapes, as Go writes it',
          epochOf(ESCAPED),
          toGoJson([{ op: 'test', path: epoch, value: ESCAPED }]),
          {},
        ],
        [
          'test of what Go does not escape, though it were',
          epochOf('a'),
          `[{"op":"test","path":"${epoch}","value":"\\u0061"}]`,
          'fails',
        ],
        ['test of all other characters', epochOf(OTHERS), [{ op: 'test', path: epoch, value: OTHERS }], {}],
        ['test of an annotation by string', sealed, [{ op: 'test', path: epoch, value: '1' }], {}],
        [
          'a slash in a key that is not escaped',
          sealed,
          [{ op: 'test', path: '/metadata/annotations/active-passive/epoch', value: '1' }],
          'fails',
        ],
        [
          'a test through a value that is no object',
          bareLabels,
          [{ op: 'test', path: '/metadata/name/x', value: null }],
          'fails',
        ],
        ['a path without a slash', bareLabels, [{ op: 'test', path: 'metadata', value: 'x' }], 'fails'],
        ['an operation without a path', bareLabels, [{ op: 'test', value: null }], 'fails'],
        ['add of an annotation where there are none', bareLabels, [{ op: 'add', path: epoch, value: '1' }], 'fails'],
        [
          'replace of an annotation where there are none',
          bareLabels,
          [{ op: 'replace', path: epoch, value: '1' }],
          'fails',
        ],
        [
          'add of an annotation beside another',
          annotated,
          [{ op: 'add', path: epoch, value: '1' }],
          { annotations: { other: 'x', 'active-passive/epoch': '1' } },
        ],
        [
          'add of an annotation that exists',
          sealed,
          [{ op: 'add', path: epoch, value: '2' }],
          { annotations: { 'active-passive/epoch': '2' } },
        ],
        [
          'replace of an absent label',
          bareLabels,
          [{ op: 'replace', path: role, value: 'active' }],
          { labels: { app: 'db', role: 'active' } },
        ],
        [
          'replace of the absent annotations',
          bareLabels,
          [{ op: 'replace', path: '/metadata/annotations', value: { a: 'b' } }],
          { annotations: { a: 'b' } },
        ],
        ['remove of an absent label', bareLabels, [{ op: 'remove', path: role }], 'fails'],
        ['remove of a label', active, [{ op: 'remove', path: role }], { labels: { app: 'db' } }],
        ['move of an absent label', bareLabels, [{ op: 'move', from: role, path: '/metadata/labels/x' }], 'fails'],
        [
          'move of a label',
          active,
          [{ op: 'move', from: role, path: '/metadata/labels/x' }],
          { labels: { app: 'db', x: 'active' } },
        ],
        [
          'copy of a label',
          bareLabels,
          [{ op: 'copy', from: '/metadata/labels/app', path: role }],
          { labels: { app: 'db', role: 'db' } },
        ],
        [
          'copy of an absent label',
          bareLabels,
          [{ op: 'copy', from: role, path: '/metadata/labels/x' }],
          { labels: { app: 'db', x: '' } },
        ],
        ['removing the last annotation', sealed, [{ op: 'remove', path: epoch }], { annotations: undefined as never }],
        [
          'setting the annotations to {}',
          sealed,
          [{ op: 'add', path: '/metadata/annotations', value: {} }],
          { annotations: undefined as never },
        ],
        [
          'adding the annotations over others wipes them',
          annotated,
          [{ op: 'add', path: '/metadata/annotations', value: { a: 'b' } }],
          { annotations: { a: 'b' } },
        ],
        [
          'adding the annotations under the null test where there are none',
          bareLabels,
          [
            { op: 'test', path: '/metadata/annotations', value: null },
            { op: 'add', path: '/metadata/annotations', value: { 'active-passive/epoch': '1' } },
          ],
          { annotations: { 'active-passive/epoch': '1' } },
        ],
        [
          'adding the annotations under the null test where somebody has made them',
          annotated,
          [
            { op: 'test', path: '/metadata/annotations', value: null },
            { op: 'add', path: '/metadata/annotations', value: { 'active-passive/epoch': '1' } },
          ],
          'fails',
        ],
        ['add without a value', bareLabels, [{ op: 'add', path: role }], { labels: { app: 'db', role: '' } }],
        ['add of null', bareLabels, [{ op: 'add', path: role, value: null }], { labels: { app: 'db', role: '' } }],
        ['an unknown operation', bareLabels, [{ op: 'set', path: role, value: 'x' }], 'fails'],
        ['a member without an operation', bareLabels, [{ path: role, value: 'x' }], 'fails'],
        ['null in the place of an operation', bareLabels, [null], 'fails'],
        ['no operations', bareLabels, [], {}],
        [
          'a test that sees what an earlier operation did',
          bareLabels,
          [
            { op: 'add', path: role, value: 'active' },
            { op: 'test', path: role, value: 'active' },
          ],
          { labels: { app: 'db', role: 'active' } },
        ],
        [
          'a test that fails after an operation',
          bareLabels,
          [
            { op: 'add', path: role, value: 'active' },
            { op: 'test', path: '/metadata/labels/app', value: 'other' },
          ],
          'fails',
        ],
        [
          'test null of the deletionTimestamp',
          bareLabels,
          [{ op: 'test', path: '/metadata/deletionTimestamp', value: null }],
          {},
        ],
        [
          'test of a whole map',
          active,
          [{ op: 'test', path: '/metadata/labels', value: { role: 'active', app: 'db' } }],
          {},
        ],
        [
          'test of part of a map',
          active,
          [{ op: 'test', path: '/metadata/labels', value: { role: 'active' } }],
          'fails',
        ],
        ['test of a number', bareLabels, [{ op: 'test', path: '/spec/terminationGracePeriodSeconds', value: 30 }], {}],
        ['test inside a list', bareLabels, [{ op: 'test', path: '/spec/containers/0/image', value: 'app' }], {}],
        ['test by a negative index', bareLabels, [{ op: 'test', path: '/spec/containers/-1/image', value: 'app' }], {}],
        ['test beyond a list', bareLabels, [{ op: 'test', path: '/spec/containers/1', value: null }], 'fails'],
        ['test behind a list', bareLabels, [{ op: 'test', path: '/spec/containers/-', value: null }], 'fails'],
        [
          'appending to a list',
          { ...bareLabels, finalizers: ['test/a'] },
          [{ op: 'add', path: '/metadata/finalizers/-', value: 'test/b' }],
          { finalizers: ['test/a', 'test/b'] },
        ],
        [
          'add beyond a list',
          { ...bareLabels, finalizers: ['test/a'] },
          [{ op: 'add', path: '/metadata/finalizers/2', value: 'test/b' }],
          'fails',
        ],
        [
          'removing the last finalizer',
          { ...bareLabels, finalizers: ['test/a'] },
          [{ op: 'remove', path: '/metadata/finalizers/0' }],
          { finalizers: undefined as never },
        ],
        [
          'creationTimestamp and generation are the server’s',
          bareLabels,
          [{ op: 'add', path: '/metadata/generation', value: 9 }],
          {},
        ],
      ]

      it.each(rows)('%s', async (_title, metadata, operations, outcome) => {
        const before = await createPod('a', metadata)
        const { status, body } = await patch(`${pods}/a`, operations)
        const after = await get(`${pods}/a`)
        if (outcome === 'fails') {
          expect(body).toEqual(bare)
          expect(status).toBe(422)
          expect(versionOf(after)).toBe(versionOf(before))
          return
        }
        expect(status, JSON.stringify(body)).toBe(200)
        expect(body).toEqual(after)
        for (const [field, value] of Object.entries(outcome)) expect(at(after, 'metadata', field)).toEqual(value)
        const writes = Object.keys(outcome).length > 0
        expect(versionOf(after) !== versionOf(before), 'a new resourceVersion').toBe(writes)
      })

      it('lets exactly one of many equal patches win', async () => {
        await createPod('a', sealed)
        const operations = [
          { op: 'test', path: epoch, value: '1' },
          { op: 'add', path: epoch, value: '2' },
        ]
        const answers = await Promise.all(Array.from({ length: 8 }, () => patch(`${pods}/a`, operations)))
        expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
        const lost = answers.filter(({ status }) => status !== 200)
        for (const { body } of lost) expect(body).toEqual(bare)
      })

      it('guards by the status, and does not change it through the main resource', async () => {
        await createPod('a')
        const status = { phase: 'Running', podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] }
        expect((await merge(`${pods}/a/status`, { status })).status).toBe(200)
        const guarded = await patch(`${pods}/a`, [
          { op: 'test', path: '/status/phase', value: 'Running' },
          { op: 'test', path: '/status/podIP', value: '10.0.0.9' },
          { op: 'replace', path: '/status/phase', value: 'Failed' },
        ])
        expect(guarded.status).toBe(200)
        expect(at(await get(`${pods}/a`), 'status', 'phase')).toBe('Running')
      })

      it.each(['Pending', 'Succeeded', 'Failed'])(
        'refuses a pod that is %s where it is to be Running',
        async (phase) => {
          await createPod('a', active)
          const running = { op: 'test', path: '/status/phase', value: 'Running' }
          await merge(`${pods}/a/status`, { status: { phase: 'Running' } })
          expect((await patch(`${pods}/a`, [running, { op: 'add', path: role, value: 'passive' }])).status).toBe(200)
          const { body: ended } = await merge(`${pods}/a/status`, { status: { phase } })
          const late = await patch(`${pods}/a`, [running, { op: 'add', path: role, value: 'active' }])
          expect(late.status).toBe(422)
          expect(late.body).toEqual(bare)
          expect(await get(`${pods}/a`)).toEqual(ended)
        },
      )

      it('answers 422 with a name and causes to a bad label value, not the body of a failed test', async () => {
        await createPod('a')
        const { status, body } = await patch(`${pods}/a`, [{ op: 'add', path: role, value: 'not valid' }])
        expect(status).toBe(422)
        expectInvalid(
          body,
          'Pod',
          'a',
          'FieldValueInvalid',
          'metadata.labels',
          /^Invalid value: "not valid": a valid label must be/,
        )
      })

      it('answers 422 with a name and causes to a bad annotation key', async () => {
        await createPod('a', annotated)
        const { status, body } = await patch(`${pods}/a`, [
          { op: 'add', path: '/metadata/annotations/a b', value: 'x' },
        ])
        expect(status).toBe(422)
        expectInvalid(
          body,
          'Pod',
          'a',
          'FieldValueInvalid',
          'metadata.annotations',
          /^Invalid value: "a b": name part must/,
        )
      })

      it('answers 422 with a cause that echoes the pod to a value of the wrong type', async () => {
        await createPod('a')
        const { status, body } = await patch(`${pods}/a`, [{ op: 'add', path: role, value: 1 }])
        expect(status).toBe(422)
        expect(body).toMatchObject({
          reason: 'Invalid',
          details: { causes: [{ reason: 'FieldValueInvalid', field: 'patch' }] },
        })
        const problem = 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string'
        expect(body.message).toMatch(/^ "" is invalid: patch: Invalid value: "\{/)
        expect(String(body.message).endsWith(problem)).toBe(true)
        expect(at(body, 'details', 'name')).toBeUndefined()
      })

      it('refuses to give the pod another uid', async () => {
        await createPod('a')
        const { status, body } = await patch(`${pods}/a`, [{ op: 'replace', path: '/metadata/uid', value: 'x' }])
        expect(status).toBe(422)
        expectInvalid(body, 'Pod', 'a', 'FieldValueInvalid', 'metadata.uid', /^Invalid value: "x": field is immutable$/)
      })

      it('takes a resourceVersion in the patch as a precondition', async () => {
        await createPod('a')
        const { status, body } = await patch(`${pods}/a`, [
          { op: 'add', path: '/metadata/resourceVersion', value: '1' },
        ])
        expect(status).toBe(409)
        expect(body).toEqual(conflict('pods', 'a'))
      })

      it('refuses another name with 400', async () => {
        await createPod('a')
        const { body } = await patch(`${pods}/a`, [{ op: 'replace', path: '/metadata/name', value: 'b' }])
        expect(body).toEqual(
          failure(400, 'BadRequest', 'the name of the object (b) does not match the name on the URL (a)'),
        )
      })

      it('refuses a change of the spec', async () => {
        await createPod('a')
        const { status, body } = await patch(`${pods}/a`, [{ op: 'replace', path: '/spec/schedulerName', value: 'x' }])
        expect(status).toBe(422)
        expectInvalid(
          body,
          'Pod',
          'a',
          'FieldValueForbidden',
          'spec',
          /^Forbidden: pod updates may not change fields other/,
        )
      })

      it.skipIf(!since(GENERATION))('counts changes of the spec in the generation', async () => {
        await createPod('a')
        const { body } = await patch(`${pods}/a`, [{ op: 'replace', path: '/spec/containers/0/image', value: 'new' }])
        expect(at(body, 'metadata', 'generation')).toBe(2)
      })

      it('answers 400 to what is no JSON, or no JSON Patch', async () => {
        await createPod('a')
        const noJson = await patch(`${pods}/a`, '{nope')
        expect(noJson.status).toBe(400)
        expect(noJson.body).toMatchObject({
          reason: 'BadRequest',
          message: expect.stringMatching(/^error decoding patch: /),
        })
        expect((await patch(`${pods}/a`, { op: 'test' })).body).toEqual(
          failure(
            400,
            'BadRequest',
            'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
          ),
        )
      })

      it('answers 415 to another content type, or none', async () => {
        await createPod('a')
        const expected = failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
        for (const type of [json, 'text/plain']) {
          const { status, body } = await api.send('PATCH', `${pods}/a`, { body: [], type })
          expect(status).toBe(415)
          expect(body).toEqual(expected)
        }
        expect((await api.send('PATCH', `${pods}/a`, { body: [] })).body).toEqual(expected)
      })

      it('answers 404 to an absent pod, even if the patch is no JSON', async () => {
        for (const body of [[], '{nope']) {
          const answer = await api.send('PATCH', `${pods}/absent`, { body, type: jsonPatch })
          expect(answer.status).toBe(404)
          expect(answer.body).toEqual(notFound('pods', 'absent'))
        }
      })

      it('writes nothing in a dry run, but shows what it would', async () => {
        const before = await createPod('a')
        const { status, body } = await patch(`${pods}/a`, [{ op: 'add', path: role, value: 'x' }], { dryRun: 'All' })
        expect(status).toBe(200)
        expect(at(body, 'metadata', 'labels', 'role')).toBe('x')
        expect(await get(`${pods}/a`)).toEqual(before)
        const lost = await patch(`${pods}/a`, [{ op: 'test', path: role, value: 'x' }], { dryRun: 'All' })
        expect(lost.body).toEqual(bare)
      })

      it('shows a Service in a dry run at the version that it has, and tests that version', async () => {
        const before = await createService('a', { app: 'db', role: 'active' })
        const resourceVersion = versionOf(before)
        const claim = { metadata: { resourceVersion, annotations: { claim: 'x' } }, spec: { selector: { role: null } } }
        const dry = await merge(`${services}/a`, claim, { dryRun: 'All' })
        expect(dry.status).toBe(200)
        expect(at(dry.body, 'metadata', 'annotations', 'claim')).toBe('x')
        expect(at(dry.body, 'spec', 'selector')).toEqual({ app: 'db' })
        expect(versionOf(dry.body)).toBe(resourceVersion)
        const undone = {
          metadata: { resourceVersion, annotations: { claim: null } },
          spec: { selector: { role: 'active' } },
        }
        expect((await merge(`${services}/a`, undone, { dryRun: 'All' })).status).toBe(200)
        expect(await get(`${services}/a`)).toEqual(before)
        const old = { metadata: { resourceVersion: '1', annotations: { claim: 'x' } } }
        expect((await merge(`${services}/a`, old, { dryRun: 'All' })).status).toBe(409)
      })

      it('tests in a dry run what operations before it in the same JSON Patch have written', async () => {
        const before = await createPod('a')
        const operations = [
          { op: 'test', path: role, value: null },
          { op: 'test', path: '/metadata/annotations', value: null },
          { op: 'add', path: '/metadata/annotations', value: { other: 'x' } },
          { op: 'add', path: role, value: 'passive' },
          { op: 'test', path: role, value: 'passive' },
          { op: 'test', path: epoch, value: null },
          { op: 'add', path: epoch, value: '1' },
          { op: 'add', path: role, value: 'active' },
        ]
        const { status, body } = await patch(`${pods}/a`, operations, { dryRun: 'All' })
        expect(status).toBe(200)
        expect(at(body, 'metadata', 'labels', 'role')).toBe('active')
        expect(at(body, 'metadata', 'annotations')).toEqual({ other: 'x', 'active-passive/epoch': '1' })
        expect(await get(`${pods}/a`)).toEqual(before)
      })

      it('refuses an unknown dry run and too long a field manager', async () => {
        await createPod('a')
        const dryRun = await patch(`${pods}/a`, [], { dryRun: 'Some' })
        expect(dryRun.body).toMatchObject({ code: 422, details: { kind: 'PatchOptions', group: 'meta.k8s.io' } })
        const manager = await patch(`${pods}/a`, [], { fieldManager: 'x'.repeat(129) })
        expect(manager.body).toMatchObject({ code: 422, details: { causes: [{ field: 'fieldManager' }] } })
      })
    })

    describe('merge patch of a pod', () => {
      it('makes the maps that it needs, and null removes', async () => {
        await createPod('a')
        const made = await merge(`${pods}/a`, { metadata: { labels: { role: 'active' }, annotations: { a: 'b' } } })
        expect(made.body).toMatchObject({
          metadata: { labels: { app: 'db', role: 'active' }, annotations: { a: 'b' } },
        })
        const removed = await merge(`${pods}/a`, { metadata: { labels: { role: null }, annotations: { a: null } } })
        expect(at(removed.body, 'metadata', 'labels')).toEqual({ app: 'db' })
        expect(at(removed.body, 'metadata', 'annotations')).toBeUndefined()
      })

      it('answers 422 with a name and causes to another uid, and takes the right one', async () => {
        const pod = await createPod('a')
        const { status, body } = await merge(`${pods}/a`, { metadata: { uid: 'other', labels: { role: 'x' } } })
        expect(status).toBe(422)
        expect(body.message).toBe('Pod "a" is invalid: metadata.uid: Invalid value: "other": field is immutable')
        expectInvalid(body, 'Pod', 'a', 'FieldValueInvalid', 'metadata.uid', /field is immutable$/)
        expect(await get(`${pods}/a`)).toEqual(pod)
        const right = await merge(`${pods}/a`, {
          metadata: { uid: textAt(pod, 'metadata', 'uid'), labels: { role: 'x' } },
        })
        expect(right.status).toBe(200)
      })

      it('answers 409 to another resourceVersion, whatever else is wrong', async () => {
        await createPod('a')
        const { status, body } = await merge(`${pods}/a`, { metadata: { resourceVersion: '1', uid: 'other' } })
        expect(status).toBe(409)
        expect(body).toEqual(conflict('pods', 'a'))
      })

      it.each(['', '0', null])('takes the resourceVersion %j as no precondition', async (resourceVersion) => {
        await createPod('a')
        const { status } = await merge(`${pods}/a`, { metadata: { resourceVersion, labels: { role: 'x' } } })
        expect(status).toBe(200)
      })

      it.each(['', null])('takes the uid %j as no precondition', async (uid) => {
        const pod = await createPod('a')
        const { status, body } = await merge(`${pods}/a`, { metadata: { uid, labels: { role: 'x' } } })
        expect(status).toBe(200)
        expect(textAt(body, 'metadata', 'uid')).toBe(textAt(pod, 'metadata', 'uid'))
      })

      it('keeps the resourceVersion when nothing changes', async () => {
        const before = await createPod('a')
        const { status, body } = await merge(`${pods}/a`, {
          metadata: { labels: { app: 'db', role: null } },
          unknown: 1,
        })
        expect(status).toBe(200)
        expect(versionOf(body)).toBe(versionOf(before))
      })

      it('answers 400 to what is no JSON, or no object', async () => {
        await createPod('a')
        const noJson = await merge(`${pods}/a`, '{nope')
        expect(noJson.body).toMatchObject({ code: 400, message: expect.stringMatching(/^error decoding patch: /) })
        expect((await merge(`${pods}/a`, [])).body).toEqual(
          failure(
            400,
            'BadRequest',
            'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
          ),
        )
      })
    })

    describe('the status of a pod', () => {
      it.skipIf(!since(GENERATION))('changes with metadata, without the spec', async () => {
        await createPod('a')
        const { status, body } = await merge(`${pods}/a/status`, {
          metadata: { labels: { role: 'x' } },
          spec: { schedulerName: 'other' },
          status: { phase: 'Running', podIP: '10.0.0.9' },
        })
        expect(status).toBe(200)
        expect(body).toMatchObject({
          metadata: { generation: 1, labels: { role: 'x' } },
          spec: { schedulerName: 'none' },
          status: { phase: 'Running', podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] },
        })
      })

      it('has null for the times of a condition that it does not know', async () => {
        await createPod('a')
        const { body } = await merge(`${pods}/a/status`, {
          status: { conditions: [{ type: 'Ready', status: 'True' }] },
        })
        expect(at(body, 'status', 'conditions')).toEqual([
          { type: 'Ready', status: 'True', lastProbeTime: null, lastTransitionTime: null },
        ])
      })

      it('is refused with an address that is none', async () => {
        await createPod('a')
        const { status, body } = await merge(`${pods}/a/status`, {
          status: { podIP: 'nope', podIPs: [{ ip: 'nope' }] },
        })
        expect(status).toBe(422)
        expectInvalid(body, 'Pod', 'a', 'FieldValueInvalid', 'status.podIPs[0]', /must be a valid IP address/)
      })
    })

    describe('creating', () => {
      it.skipIf(!since(GENERATION))('fills in what the author of a pod left open', async () => {
        const pod = await createPod(
          'a',
          {},
          {
            containers: [
              {
                name: 'http',
                image: 'app:1',
                ports: [{ containerPort: 80 }],
                readinessProbe: { httpGet: { port: 80 } },
              },
              { name: 'grpc', image: 'app', readinessProbe: { grpc: { port: 90 } } },
            ],
          },
        )
        const defaults = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }
        expect(pod).toMatchObject({
          kind: 'Pod',
          apiVersion: 'v1',
          metadata: {
            name: 'a',
            namespace,
            generation: 1,
            uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
            creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          },
          spec: {
            restartPolicy: 'Always',
            terminationGracePeriodSeconds: 30,
            containers: [
              {
                ports: [{ containerPort: 80, protocol: 'TCP' }],
                readinessProbe: { ...defaults, httpGet: { path: '/', port: 80, scheme: 'HTTP' } },
              },
              { readinessProbe: { ...defaults, grpc: { port: 90, service: '' } } },
            ],
          },
          status: { phase: 'Pending' },
        })
        expect(await get(`${pods}/a`)).toEqual(pod)
      })

      it('fills in what the author of a Service left open', async () => {
        const service = await createService('db', { app: 'db', role: 'active' })
        expect(service).toMatchObject({
          kind: 'Service',
          metadata: { name: 'db', namespace },
          spec: {
            type: 'ClusterIP',
            selector: { app: 'db', role: 'active' },
            ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
            clusterIP: expect.stringMatching(/^[\d.:a-f]+$/),
            sessionAffinity: 'None',
          },
          status: { loadBalancer: {} },
        })
        expect(at(service, 'metadata', 'generation')).toBeUndefined()
        expect(await get(`${services}/db`)).toEqual(service)
      })

      it('answers 409 to a name that is taken', async () => {
        await createPod('a')
        const body = { metadata: { name: 'a' }, spec: { containers: [{ name: 'app', image: 'app' }] } }
        const taken = await api.send('POST', pods, { body, type: json })
        expect(taken.status).toBe(409)
        expect(taken.body).toEqual(
          failure(409, 'AlreadyExists', 'pods "a" already exists', { name: 'a', kind: 'pods' }),
        )
      })

      it('makes a name of a generateName', async () => {
        const pod = await createPod('', { name: null, generateName: 'db-' })
        expect(textAt(pod, 'metadata', 'name')).toMatch(/^db-[a-z0-9]{5}$/)
      })

      it('answers 422 to an object without a name, and to bad labels', async () => {
        const spec = { containers: [{ name: 'app', image: 'app' }] }
        const nameless = await api.send('POST', pods, { body: { metadata: {}, spec }, type: json })
        expect(nameless.body).toMatchObject({
          code: 422,
          message: 'Pod "" is invalid: metadata.name: Required value: name or generateName is required',
        })
        const labels = { metadata: { name: 'a', labels: { 'a b': 'x' } }, spec }
        expectInvalid(
          (await api.send('POST', pods, { body: labels, type: json })).body,
          ...(['Pod', 'a', 'FieldValueInvalid', 'metadata.labels', /^Invalid value: "a b"/] as const),
        )
      })

      it('answers 400 to what is no JSON, 400 to another namespace, 415 to another content type', async () => {
        expect((await api.send('POST', pods, { body: '{nope', type: json })).body).toMatchObject({ code: 400 })
        const elsewhere = { metadata: { name: 'a', namespace: 'elsewhere' }, spec: { containers: [] } }
        expect((await api.send('POST', pods, { body: elsewhere, type: json })).body).toEqual(
          failure(
            400,
            'BadRequest',
            'the namespace of the provided object does not match the namespace sent on the request',
          ),
        )
        const plain = await api.send('POST', pods, { body: '{}', type: 'text/plain' })
        expect(plain.body).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' })
      })

      it('stores nothing in a dry run', async () => {
        const body = { metadata: { name: 'a' }, spec: { containers: [{ name: 'app', image: 'app' }] } }
        const dry = await api.send('POST', pods, { body, type: json, query: { dryRun: 'All' } })
        expect(dry.status).toBe(201)
        expect(versionOf(dry.body)).toBe('')
        expect((await api.send('GET', `${pods}/a`)).status).toBe(404)
      })
    })

    describe('deleting', () => {
      it('removes a pod that no node has', async () => {
        await createPod('a')
        const { status, body } = await api.send('DELETE', `${pods}/a`)
        expect(status).toBe(200)
        expect(body).toMatchObject({ kind: 'Pod', metadata: { name: 'a', deletionGracePeriodSeconds: 0 } })
        expect((await api.send('GET', `${pods}/a`)).body).toEqual(notFound('pods', 'a'))
        expect((await api.send('DELETE', `${pods}/a`)).body).toEqual(notFound('pods', 'a'))
      })

      it.skipIf(!since(GENERATION))(
        'marks a pod with finalizers, which takes patches but the test that it is not terminating',
        async () => {
          await createPod('a', { finalizers: ['test/hold'] })
          const { body: marked } = await api.send('DELETE', `${pods}/a`)
          expect(marked).toMatchObject({
            metadata: { deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 0, generation: 2 },
          })
          expect(await get(`${pods}/a`)).toEqual(marked)
          expect((await api.send('DELETE', `${pods}/a`)).body).toEqual(marked)

          const patched = await patch(`${pods}/a`, [{ op: 'add', path: role, value: 'passive' }])
          expect(patched.status).toBe(200)
          expect(at(await get(`${pods}/a`), 'metadata', 'labels', 'role')).toBe('passive')
          const guarded = await patch(`${pods}/a`, [
            { op: 'test', path: '/metadata/deletionTimestamp', value: null },
            { op: 'add', path: role, value: 'active' },
          ])
          expect(guarded.status).toBe(422)
          expect(guarded.body).toEqual(bare)
          const more = await merge(`${pods}/a`, { metadata: { finalizers: ['test/hold', 'test/more'] } })
          expectInvalid(
            more.body,
            'Pod',
            'a',
            'FieldValueForbidden',
            'metadata.finalizers',
            /no new finalizers can be added/,
          )

          const body = { metadata: { name: 'a' }, spec: { containers: [{ name: 'app', image: 'app' }] } }
          expect((await api.send('POST', pods, { body, type: json })).body).toMatchObject({
            code: 409,
            message: 'object is being deleted: pods "a" already exists',
          })
          expect((await merge(`${pods}/a`, { metadata: { finalizers: null } })).status).toBe(200)
          expect((await api.send('GET', `${pods}/a`)).status).toBe(404)
        },
      )

      it('gives a pod of a node its grace period, until a DELETE with none', async () => {
        await createPod('a', {}, { nodeName: 'nowhere', terminationGracePeriodSeconds: 300 })
        const { body: marked } = await api.send('DELETE', `${pods}/a`)
        expect(marked).toMatchObject({ metadata: { deletionGracePeriodSeconds: 300 } })
        const left = Date.parse(textAt(marked, 'metadata', 'deletionTimestamp')) - Date.now()
        expect(left).toBeGreaterThan(200_000)
        const later = await api.send('DELETE', `${pods}/a`, { body: { gracePeriodSeconds: 400 }, type: json })
        expect(later.body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 300 } })
        const sooner = await api.send('DELETE', `${pods}/a`, { body: { gracePeriodSeconds: 200 }, type: json })
        expect(sooner.body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 200 } })
        await api.send('DELETE', `${pods}/a`, { query: { gracePeriodSeconds: '0' } })
        expect((await api.send('GET', `${pods}/a`)).status).toBe(404)
      })

      it('answers 409 to a precondition that does not hold', async () => {
        await createPod('a')
        for (const preconditions of [{ uid: 'other' }, { resourceVersion: '1' }]) {
          const { status, body } = await api.send('DELETE', `${pods}/a`, { body: { preconditions }, type: json })
          expect(status).toBe(409)
          expect(body).toMatchObject({ reason: 'Conflict', details: { name: 'a', kind: 'Pod' } })
        }
      })

      it('deletes nothing in a dry run', async () => {
        const pod = await createPod('a')
        expect((await api.send('DELETE', `${pods}/a`, { query: { dryRun: 'All' } })).status).toBe(200)
        expect(await get(`${pods}/a`)).toEqual(pod)
      })

      it('gives the next pod of the same name another uid, which the old one’s test does not pass', async () => {
        const old = await createPod('a')
        await api.send('DELETE', `${pods}/a`)
        const uidTest = [{ op: 'test', path: '/metadata/uid', value: textAt(old, 'metadata', 'uid') }]
        expect((await patch(`${pods}/a`, uidTest)).status).toBe(404)
        const young = await createPod('a')
        expect(textAt(young, 'metadata', 'uid')).not.toBe(textAt(old, 'metadata', 'uid'))
        const { status, body } = await patch(`${pods}/a`, uidTest)
        expect(status).toBe(422)
        expect(body).toEqual(bare)
      })

      it('removes a Service at once, and one with finalizers when they are off', async () => {
        await createService('db', { app: 'db' })
        expect((await api.send('DELETE', `${services}/db`)).status).toBe(200)
        expect((await api.send('GET', `${services}/db`)).body).toEqual(notFound('services', 'db'))

        await createService('held', { app: 'db' })
        await merge(`${services}/held`, { metadata: { finalizers: ['test/hold'] } })
        expect((await api.send('DELETE', `${services}/held`)).status).toBe(200)
        expect(await get(`${services}/held`)).toMatchObject({ metadata: { deletionTimestamp: expect.any(String) } })
        await merge(`${services}/held`, { metadata: { finalizers: null } })
        expect((await api.send('GET', `${services}/held`)).status).toBe(404)
      })
    })

    describe('merge patch of a Service', () => {
      it('takes one key out of the selector and puts another in, together with an annotation', async () => {
        const before = await createService('db', { app: 'db', role: 'active' })
        const claim = {
          metadata: { resourceVersion: versionOf(before), annotations: { 'active-passive/swap': 'token pod' } },
          spec: { selector: { role: null, 'active-passive/pod': 'uid' } },
        }
        const { status, body } = await merge(`${services}/db`, claim)
        expect(status).toBe(200)
        expect(at(body, 'spec', 'selector')).toEqual({ app: 'db', 'active-passive/pod': 'uid' })
        expect(at(body, 'metadata', 'annotations')).toEqual({ 'active-passive/swap': 'token pod' })
        expect(versionOf(body)).not.toBe(versionOf(before))

        const stale = await merge(`${services}/db`, claim)
        expect(stale.status).toBe(409)
        expect(stale.body).toEqual(conflict('services', 'db'))
        expect(await get(`${services}/db`)).toEqual(body)
      })

      it('has no selector and no annotations when the last key is out', async () => {
        const before = await createService('db', { app: 'db' })
        await merge(`${services}/db`, { metadata: { annotations: { a: 'b' } } })
        await merge(`${services}/db`, { metadata: { annotations: { a: null } }, spec: { selector: { app: null } } })
        const after = await get(`${services}/db`)
        expect(at(before, 'spec', 'selector')).toEqual({ app: 'db' })
        expect(at(after, 'spec', 'selector')).toBeUndefined()
        expect(at(after, 'metadata', 'annotations')).toBeUndefined()
      })

      it('keeps the resourceVersion when nothing changes, but not past a stale one', async () => {
        const before = await createService('db', { app: 'db' })
        const same = { metadata: { resourceVersion: versionOf(before), annotations: { a: null } } }
        expect(versionOf((await merge(`${services}/db`, same)).body)).toBe(versionOf(before))
        await merge(`${services}/db`, { metadata: { annotations: { a: 'b' } } })
        expect((await merge(`${services}/db`, { metadata: { resourceVersion: versionOf(before) } })).status).toBe(409)
      })

      it('answers 422 with a name and causes to a bad selector', async () => {
        await createService('db', { app: 'db' })
        const { status, body } = await merge(`${services}/db`, { spec: { selector: { app: 'not valid' } } })
        expect(status).toBe(422)
        expectInvalid(body, 'Service', 'db', 'FieldValueInvalid', 'spec.selector', /^Invalid value: "not valid"/)
      })

      it('answers 404 to an absent Service, whatever its resourceVersion', async () => {
        const { body } = await merge(`${services}/absent`, { metadata: { resourceVersion: '1' } })
        expect(body).toEqual(notFound('services', 'absent'))
      })
    })

    describe('listing', () => {
      const some = async () => {
        await createPod('a', { labels: { app: 'db', role: 'active', n: '1' } })
        await createPod('b', { labels: { app: 'db', role: 'passive', n: '2' } })
        await createPod('c', { labels: { app: 'web' } })
      }

      it('has the kind on the list and not on its items', async () => {
        await createPod('a')
        const { status, body } = await api.send('GET', pods)
        expect(status).toBe(200)
        expect(body).toMatchObject({
          kind: 'PodList',
          apiVersion: 'v1',
          metadata: { resourceVersion: expect.any(String) },
        })
        const { kind: _, apiVersion: __, ...item } = await get(`${pods}/a`)
        expect(body.items).toEqual([item])
      })

      it('is empty, not absent, where there is nothing', async () => {
        expect(await get('/api/v1/namespaces/no-such-namespace/pods')).toMatchObject({ kind: 'PodList', items: [] })
      })

      it.each([
        ['app=db', ['a', 'b']],
        ['app==db', ['a', 'b']],
        ['app!=db', ['c']],
        ['app=db,role=active', ['a']],
        [' app = db , role != active ', ['b']],
        ['app in (db,other)', ['a', 'b']],
        ['app notin (db)', ['c']],
        ['role', ['a', 'b']],
        ['!role', ['c']],
        ['role=', []],
        ['absent!=x', ['a', 'b', 'c']],
        ['n>1', ['b']],
        ['n<2', ['a']],
        ['', ['a', 'b', 'c']],
      ])('selects by the labels %j', async (labelSelector, names) => {
        await some()
        const { body } = await api.send('GET', pods, { query: { labelSelector } })
        expect(namesOf(body)).toEqual(names)
      })

      it.each(['app in (db', 'app=a b', '=x', 'app=db,', 'a b'])(
        'answers 400 to the label selector %j',
        async (labelSelector) => {
          const { status, body } = await api.send('GET', pods, { query: { labelSelector } })
          expect(status).toBe(400)
          expect(body).toMatchObject({ kind: 'Status', reason: 'BadRequest' })
        },
      )

      it('selects by the name as a field, and answers 400 to fields that it does not have', async () => {
        await some()
        const byName = (fieldSelector: string) => api.send('GET', pods, { query: { fieldSelector } })
        expect(namesOf((await byName('metadata.name=b')).body)).toEqual(['b'])
        expect(namesOf((await byName('metadata.name!=b')).body)).toEqual(['a', 'c'])
        expect((await byName('metadata.labels=b')).body).toEqual(
          failure(400, 'BadRequest', 'field label not supported: metadata.labels'),
        )
      })

      it.each([
        ['status.phase=Failed', ['b']],
        ['status.phase==Pending', ['a']],
        ['status.phase!=Failed', ['a', 'c']],
        ['status.phase!=Failed,status.phase!=Succeeded', ['a']],
        ['status.phase!=Failed,metadata.name!=a', ['c']],
        ['status.phase=', []],
      ])('selects by the phase as a field: %s', async (fieldSelector, names) => {
        await some()
        await merge(`${pods}/b/status`, { status: { phase: 'Failed' } })
        await merge(`${pods}/c/status`, { status: { phase: 'Succeeded' } })
        expect(namesOf((await api.send('GET', pods, { query: { fieldSelector } })).body)).toEqual(names)
      })

      it.each(['status.phase', 'status.phase in (Failed)', 'status.reason=Evicted'])(
        'answers 400 to the field selector %j',
        async (fieldSelector) => {
          const { status, body } = await api.send('GET', pods, { query: { fieldSelector } })
          expect(status).toBe(400)
          expect(body).toMatchObject({ kind: 'Status', reason: 'BadRequest' })
        },
      )

      it('shows every write that was answered before it was sent', async () => {
        await createPod('a')
        for (let n = 1; n <= 20; n++) {
          const written = await merge(`${pods}/a`, { metadata: { labels: { n: String(n) } } })
          const { body } = await api.send('GET', pods)
          expect(at(itemsAt(body, 'items')[0], 'metadata', 'labels', 'n')).toBe(String(n))
          expect(Number(versionOf(body))).toBeGreaterThanOrEqual(Number(versionOf(written.body)))
        }
      })

      it('shows one resourceVersion in all pages, whatever is written between them', async () => {
        for (const podName of ['a', 'b', 'c', 'd', 'e']) await createPod(podName)
        const page = async (token: string) =>
          (await api.send('GET', pods, { query: { limit: '2', ...(token === '' ? {} : { continue: token }) } })).body
        const first = await page('')
        expect(at(first, 'metadata', 'remainingItemCount')).toBe(3)
        await createPod('bb')
        await merge(`${pods}/d`, { metadata: { labels: { app: 'changed' } } })
        await api.send('DELETE', `${pods}/e`)

        const second = await page(textAt(first, 'metadata', 'continue'))
        const third = await page(textAt(second, 'metadata', 'continue'))
        const pages = [first, second, third]
        expect(pages.map(namesOf)).toEqual([['a', 'b'], ['c', 'd'], ['e']])
        expect(new Set(pages.map(versionOf)).size).toBe(1)
        expect(at(itemsAt(second, 'items')[1], 'metadata', 'labels')).toEqual({ app: 'db' })
        expect(at(third, 'metadata', 'continue')).toBeUndefined()
        expect(namesOf(await get(pods))).toEqual(['a', 'b', 'bb', 'c', 'd'])
      })

      it('pages what a selector leaves, without a count of the rest', async () => {
        await some()
        const query = { limit: '1', labelSelector: 'app=db' }
        const { body: first } = await api.send('GET', pods, { query })
        expect(namesOf(first)).toEqual(['a'])
        expect(at(first, 'metadata', 'remainingItemCount')).toBeUndefined()
        const token = textAt(first, 'metadata', 'continue')
        const { body: second } = await api.send('GET', pods, { query: { ...query, continue: token } })
        expect(namesOf(second)).toEqual(['b'])
      })

      it('does not page a list that may be old', async () => {
        await some()
        // such a list comes from a cache, which may still be behind
        await expect
          .poll(
            async () => namesOf((await api.send('GET', pods, { query: { limit: '1', resourceVersion: '0' } })).body),
            patience,
          )
          .toEqual(['a', 'b', 'c'])
      })

      it('lists all namespaces', async () => {
        await createPod('a')
        const query = { fieldSelector: `metadata.namespace=${namespace}` }
        expect(namesOf((await api.send('GET', '/api/v1/pods', { query })).body)).toEqual(['a'])
      })

      it.skipIf(!since('1.34'))('answers 400 to parameters that it does not understand', async () => {
        const asked = (query: Record<string, string>) => api.send('GET', pods, { query })
        expect((await asked({ limit: 'x' })).status).toBe(400)
        expect((await asked({ continue: 'x' })).status).toBe(400)
        expect((await asked({ resourceVersion: 'x' })).status).toBe(400)
      })

      it('answers 504 to a resourceVersion that is still to come', async () => {
        const future = Number(versionOf(await get(pods))) + 1_000_000
        const { status, body } = await api.send('GET', pods, { query: { resourceVersion: String(future) } })
        expect(status).toBe(504)
        expect(body).toMatchObject({ reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } })
      })
    })

    describe('watching', () => {
      /** What a watch has seen so far: type, name, resourceVersion. */
      const watching = async (query: Record<string, string>) => {
        const events: JsonObject[] = []
        const end = await api.watch(pods, query, (event) => events.push(event))
        const seen = () => events.map((event) => [event.type, at(event.object, 'metadata', 'name')])
        return { events, seen, end }
      }

      it('shows what a patch does, and nothing where it does nothing', async () => {
        await createPod('a')
        const { events, seen, end } = await watching({ resourceVersion: versionOf(await get(pods)) })
        const { body: patched } = await patch(`${pods}/a`, [{ op: 'add', path: role, value: 'active' }])
        await patch(`${pods}/a`, [{ op: 'add', path: role, value: 'active' }])
        await createPod('b')
        await expect.poll(seen, patience).toEqual([
          ['MODIFIED', 'a'],
          ['ADDED', 'b'],
        ])
        expect(events[0]?.object).toEqual(patched)
        end()
      })

      it('shows a pod terminating before it is gone', async () => {
        await createPod('a')
        const { events, seen, end } = await watching({ resourceVersion: versionOf(await get(pods)) })
        const { body: last } = await api.send('DELETE', `${pods}/a`)
        await expect.poll(seen, patience).toEqual([
          ['MODIFIED', 'a'],
          ['DELETED', 'a'],
        ])
        expect(at(events[0]?.object, 'metadata', 'deletionTimestamp')).toEqual(expect.any(String))
        expect(events[1]?.object).toEqual(last)
        end()
      })

      it('shows what happened since the resourceVersion before it goes on', async () => {
        const { body: empty } = await api.send('GET', pods)
        await createPod('a')
        await merge(`${pods}/a`, { metadata: { labels: { role: 'x' } } })
        const { seen, end } = await watching({ resourceVersion: versionOf(empty) })
        await expect.poll(seen, patience).toEqual([
          ['ADDED', 'a'],
          ['MODIFIED', 'a'],
        ])
        end()
      })

      it('shows what there is as ADDED when it begins without a resourceVersion', async () => {
        await createPod('b')
        await createPod('a')
        const { seen, end } = await watching({})
        await expect.poll(seen, patience).toEqual([
          ['ADDED', 'a'],
          ['ADDED', 'b'],
        ])
        end()
      })

      it('shows a pod that a change takes out of the selection as DELETED, as it was', async () => {
        await createPod('a', { labels: { role: 'active' } })
        const resourceVersion = versionOf(await get(pods))
        const { events, seen, end } = await watching({ resourceVersion, labelSelector: 'role=active' })
        const { body: out } = await merge(`${pods}/a`, { metadata: { labels: { role: 'passive' } } })
        await merge(`${pods}/a`, { metadata: { labels: { role: 'active' } } })
        await expect.poll(seen, patience).toEqual([
          ['DELETED', 'a'],
          ['ADDED', 'a'],
        ])
        expect(events[0]?.object).toMatchObject({
          metadata: { labels: { role: 'active' }, resourceVersion: versionOf(out) },
        })
        end()
      })

      it('shows a pod that ends as DELETED where those that have ended are left out', async () => {
        await createPod('a')
        await createPod('b')
        const resourceVersion = versionOf(await get(pods))
        const { seen, end } = await watching({ resourceVersion, fieldSelector: 'status.phase!=Failed' })
        await merge(`${pods}/a/status`, { status: { phase: 'Failed' } })
        await merge(`${pods}/a`, { metadata: { labels: { role: 'x' } } })
        await merge(`${pods}/b`, { metadata: { labels: { role: 'x' } } })
        await expect.poll(seen, patience).toEqual([
          ['DELETED', 'a'],
          ['MODIFIED', 'b'],
        ])
        end()
      })

      it('ends after the time that was asked for', async () => {
        const started = Date.now()
        const { status } = await api.send('GET', pods, { query: { watch: 'true', timeoutSeconds: '1' } })
        expect(status).toBe(200)
        expect(Date.now() - started).toBeGreaterThan(900)
      })
    })

    describe('everything else', () => {
      it('answers 403 to a user without the right, and names the verb and the object', async () => {
        await createPod('a')
        const patched = await api.send('PATCH', `${pods}/a`, { body: [], type: jsonPatch, user: 'nobody' })
        const where = `in the namespace "${namespace}"`
        expect(patched.status).toBe(403)
        expect(patched.body).toEqual(
          failure(
            403,
            'Forbidden',
            `pods "a" is forbidden: User "nobody" cannot patch resource "pods" in API group "" ${where}`,
            { name: 'a', kind: 'pods' },
          ),
        )
        expect((await api.send('GET', pods, { user: 'nobody' })).body).toEqual(
          failure(
            403,
            'Forbidden',
            `pods is forbidden: User "nobody" cannot list resource "pods" in API group "" ${where}`,
            { kind: 'pods' },
          ),
        )
        expect((await api.send('GET', '/api/v1/services', { user: 'nobody' })).body).toEqual(
          failure(
            403,
            'Forbidden',
            'services is forbidden: User "nobody" cannot list resource "services" in API group "" at the cluster scope',
            { kind: 'services' },
          ),
        )
      })

      it('answers 404 to an absent object, resource and path', async () => {
        expect((await api.send('GET', `${pods}/absent`)).body).toEqual(notFound('pods', 'absent'))
        expect((await api.send('GET', '/api/v1/widgets')).body).toEqual(
          failure(404, 'NotFound', 'the server could not find the requested resource', {}),
        )
        const nowhere = await api.send('GET', '/nowhere')
        expect([nowhere.status, nowhere.text]).toEqual([404, '404 page not found\n'])
      })

      it('answers 405 to a method that makes no sense', async () => {
        const expected = failure(
          405,
          'MethodNotAllowed',
          'the server does not allow this method on the requested resource',
          {},
        )
        await createPod('a')
        expect((await api.send('PATCH', pods, { body: [], type: jsonPatch })).body).toEqual(expected)
        expect((await api.send('POST', `${pods}/a`, { body: {}, type: json })).body).toEqual(expected)
      })

      it('answers 413 to more than 3 MiB, and to more than 10,000 operations', async () => {
        await createPod('a')
        const big = await merge(`${pods}/a`, { metadata: { annotations: { a: 'x'.repeat(4_000_000) } } })
        expect(big.body).toEqual(failure(413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728'))
        const operation = { op: 'test', path: '/metadata/name', value: 'a' }
        const many = await patch(
          `${pods}/a`,
          Array.from({ length: 10_001 }, () => operation),
        )
        expect(many.body).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' })
      })

      it('stores an Event of a Service, if everything is in it', async () => {
        const events = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`
        const event = {
          metadata: { generateName: 'db-' },
          eventTime: '2026-01-02T03:04:05.678000Z',
          reportingController: 'active-passive/handler',
          reportingInstance: 'handler',
          action: 'Failover',
          reason: 'Promoted',
          note: 'db-1 is active',
          type: 'Normal',
          regarding: { apiVersion: 'v1', kind: 'Service', name: 'db', namespace },
        }
        const statusOf = async (change: JsonObject) =>
          (await api.send('POST', events, { body: { ...event, ...change }, type: json })).status
        expect(await statusOf({})).toBe(201)
        expect(await statusOf({ eventTime: '2026-01-02T03:04:05.678Z' })).toBe(400)
        for (const field of ['eventTime', 'reportingController', 'reportingInstance', 'action', 'reason']) {
          expect([field, await statusOf({ [field]: null })]).toEqual([field, 422])
        }
        expect(await statusOf({ note: 'x'.repeat(1_025) })).toBe(422)
        expect(await statusOf({ reason: 'x'.repeat(129) })).toBe(422)
        expect(await statusOf({ type: 'Error' })).toBe(422)
        expect(await statusOf({ metadata: { generateName: 'db.' } })).toBe(422)
        expect(await get(events)).toMatchObject({
          kind: 'EventList',
          items: [{ note: event.note, reason: 'Promoted' }],
        })
      })
    })
  })
}

const notFound = (resource: string, name: string) =>
  failure(404, 'NotFound', `${resource} "${name}" not found`, { name, kind: resource })

const conflict = (resource: string, name: string) =>
  failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${resource} "${name}": the object has been modified; ` +
      'please apply your changes to the latest version and try again',
    { name, kind: resource },
  )

/** The real one names a cause as often as it finds it, so only what is named counts. */
function expectInvalid(
  body: Received['body'],
  kind: string,
  name: string,
  reason: string,
  field: string,
  message: RegExp,
): void {
  expect(body).toMatchObject({
    kind: 'Status',
    status: 'Failure',
    reason: 'Invalid',
    code: 422,
    details: { kind, name },
  })
  for (const cause of itemsAt(body, 'details', 'causes')) {
    expect(cause).toEqual({ reason, field, message: expect.stringMatching(message) })
  }
  expect(itemsAt(body, 'details', 'causes')).not.toHaveLength(0)
}
