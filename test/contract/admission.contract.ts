/** What admission makes of writes, and of the answers to them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../support/api/json.js'
import { at, itemsAt, textAt } from '../support/api/objects.js'
import { by, type PodsIn, podsIn } from './pods-in.js'
import type { AdmissionRule, Connection } from './wire.js'

const patience = { timeout: 10_000, interval: 20 }
const role = '/metadata/labels/role'
const unmet = { op: 'test', path: role, value: 'another' }
const setRole = (value: string) => ({ op: 'add', path: role, value })

/**
 * Describes this part of the contract; `connect` is called once before and its connection closed after.
 * @param since whether the API is that of this release of Kubernetes, or of a newer one
 */
export function admissionContract(
  name: string,
  connect: () => Promise<Connection>,
  since: (release: string) => boolean,
): void {
  describe(`admission in ${name}`, () => {
    let api: Connection
    let pods: PodsIn
    let namespace: string

    beforeAll(async () => {
      api = await connect()
    })
    afterAll(() => api.close())
    beforeEach(async () => {
      namespace = await api.namespace()
      pods = podsIn(api, namespace)
    })

    const dry = { query: { dryRun: 'All' } }
    const versionOf = (object: JsonObject) => textAt(object, 'metadata', 'resourceVersion')
    const roleOf = (pod: JsonObject) => at(pod, 'metadata', 'labels', 'role')
    /** The managers that have the label `role`. */
    const settersOf = (pod: JsonObject) =>
      itemsAt(pod, 'metadata', 'managedFields')
        .filter((entry) => at(entry, 'fieldsV1', 'f:metadata', 'f:labels', 'f:role') !== undefined)
        .map((entry) => at(entry, 'manager'))
    const withMark = { metadata: { annotations: { mark: '1' } } }

    // By a MutatingAdmissionPolicy, which no older one has by default.
    describe('that gives a label its old value back', { skip: !since('1.36') }, () => {
      let before: JsonObject
      beforeEach(async () => {
        before = await pods.create({ name: 'a', labels: { app: 'db', role: 'x' } }, by('maker'))
        await api.admit(namespace, { kind: 'keep', label: 'role' })
        await expect.poll(async () => roleOf((await pods.patch('a', [setRole('y')], dry)).body), patience).toBe('x')
      })

      it('answers 200 with what is stored, which is not what was asked for', async () => {
        const operations = [{ op: 'test', path: role, value: 'x' }, setRole('y'), { ...setRole('1'), path: `${role}2` }]
        const { status, body } = await pods.patch('a', operations, by('us'))
        expect(status).toBe(200)
        expect(at(body, 'metadata', 'labels')).toEqual({ app: 'db', role: 'x', role2: '1' })
        expect(await pods.get('a')).toEqual(body)
      })

      it('leaves the manager to whoever asked for another value, who writes that once', async () => {
        const { status, body } = await pods.merge('a', { metadata: { labels: { role: 'y' } } }, by('us'))
        expect(status).toBe(200)
        expect(roleOf(body)).toBe('x')
        expect(settersOf(before)).toEqual(['maker'])
        expect(settersOf(body)).toEqual(['us'])
        expect(versionOf(body)).not.toBe(versionOf(before))
        const second = () => Math.floor(Date.now() / 1_000)
        const written = second()
        await expect.poll(second, patience).toBeGreaterThan(written)
        const again = await pods.merge('a', { metadata: { labels: { role: 'y' } } }, by('us'))
        expect(again.status).toBe(200)
        expect(again.body).toEqual(body)
        expect(await pods.get('a')).toEqual(body)
      })

      it('brings a label back that was removed, without a manager', async () => {
        const { body } = await pods.merge('a', { metadata: { labels: { role: null } } }, by('us'))
        expect(roleOf(body)).toBe('x')
        expect(settersOf(body)).toEqual([])
      })

      it('comes after the tests of the patch, and before what is refused for good', async () => {
        expect((await pods.patch('a', [unmet, setRole('y')])).body).toMatchObject({ code: 422, details: {} })
        expect((await pods.merge('a', { metadata: { resourceVersion: '1' } })).status).toBe(409)
        const { status, body } = await pods.merge('a', { metadata: { labels: { role: 'not valid' } } })
        expect([status, roleOf(body)]).toEqual([200, 'x'])
      })

      it('holds for the status as well', async () => {
        const change = { metadata: { labels: { role: 'y' } }, status: { phase: 'Running' } }
        const { body } = await pods.merge('a/status', change)
        expect([roleOf(body), at(body, 'status', 'phase')]).toEqual(['x', 'Running'])
      })
    })

    describe('that refuses', () => {
      const arrange = async (rule: Omit<Extract<AdmissionRule, { kind: 'deny' }>, 'kind' | 'annotation'>) => {
        const before = await pods.create({ name: 'a', labels: { role: 'x' } })
        const policy = await api.admit(namespace, { kind: 'deny', annotation: 'mark', ...rule })
        await expect.poll(async () => (await pods.merge('a', withMark, dry)).status, patience).toBeGreaterThan(200)
        return { before, policy }
      }
      const denial = (code: number, reason: string, pod: string, policy: string, said: string): JsonObject => {
        const message = `ValidatingAdmissionPolicy '${policy}' with binding '${policy}' denied request: ${said}`
        return {
          ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, code },
          message: `pods "${pod}" is forbidden: ${message}`,
          details: { name: pod, kind: 'pods', causes: [{ message }] },
        }
      }

      it.each([
        [undefined, 422, 'Invalid'],
        ['Invalid', 422, 'Invalid'],
        ['Forbidden', 403, 'Forbidden'],
      ] as const)(
        'for the reason %s answers %i, names the policy, and writes nothing',
        async (reason, code, answered) => {
          const { before, policy } = await arrange({ message: 'not these', ...(reason ? { reason } : {}) })
          for (const object of ['a', 'a/status']) {
            const { status, body } = await pods.merge(object, withMark)
            expect(status).toBe(code)
            expect(body).toEqual(denial(code, answered, 'a', policy, 'not these'))
          }
          expect(await pods.get('a')).toEqual(before)
          const created = await pods.post({ name: 'b', annotations: { mark: '1' } })
          expect(created.body).toEqual(denial(code, answered, 'b', policy, 'not these'))
          expect((await api.send('GET', `${pods.path}/b`)).status).toBe(404)
          expect((await pods.merge('a', { metadata: { annotations: { other: '1' } } })).status).toBe(200)
        },
      )

      it('comes after the tests of the patch, its preconditions and what is invalid; before a name that is taken', async () => {
        const { policy } = await arrange({ message: 'no' })
        const mark = { op: 'add', path: '/metadata/annotations', value: { mark: '1' } }
        expect((await pods.patch('a', [unmet, mark])).body).toMatchObject({ code: 422, details: {} })
        expect((await pods.merge('a', { metadata: { ...withMark.metadata, resourceVersion: '1' } })).status).toBe(409)
        const invalid = await pods.merge('a', { metadata: { ...withMark.metadata, labels: { role: 'not valid' } } })
        expect(invalid.body).toMatchObject({ message: expect.stringMatching(/^Pod "a" is invalid: metadata.labels/) })
        const taken = await pods.post({ name: 'a', annotations: { mark: '1' } })
        expect(taken.body).toEqual(denial(422, 'Invalid', 'a', policy, 'no'))
      })
    })
  })
}
