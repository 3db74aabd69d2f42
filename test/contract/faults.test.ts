/** The part of the in-process API that a real one does not have: doors into the store, a log, and faults. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { at, itemsAt, type KubeObject } from '../support/api/objects.js'
import { type Api, type Fault, startApi } from '../support/api/server.js'
import { tooManyRequests } from '../support/api/status.js'
import { Store } from '../support/api/store.js'
import { type Wire, wireTo } from './wire.js'

const pod = { metadata: { name: 'a', namespace: 'n', labels: { app: 'db' } }, spec: { nodeName: 'node' } }
const patience = { timeout: 10_000, interval: 10 }
const path = '/api/v1/namespaces/n/pods/a'
const labelled = { body: { metadata: { labels: { role: 'active' } } }, type: 'application/merge-patch+json' }

describe('the in-process API under faults', () => {
  let api: Api
  let wire: Wire
  beforeEach(async () => {
    api = await startApi()
    wire = wireTo(api.url)
    api.store.create('pods', pod)
  })
  afterEach(async () => {
    await wire.close()
    await api.close()
  })
  const role = () => at(api.store.get('pods', 'n', 'a'), 'metadata', 'labels', 'role')

  it('logs requests in the order of their arrival, and counts connections', async () => {
    await wire.send('PATCH', path, { ...labelled, query: { fieldManager: 'me' } })
    await wire.send('GET', '/api/v1/namespaces/n/pods/absent')
    expect(api.requests).toMatchObject([
      {
        method: 'PATCH',
        path,
        query: { fieldManager: 'me' },
        contentType: labelled.type,
        body: labelled.body,
        status: 200,
      },
      { method: 'GET', path: '/api/v1/namespaces/n/pods/absent', status: 404 },
    ])
    expect(api.connections).toBe(1)
    api.clearRequests()
    expect(api.requests).toEqual([])
  })

  it('answers what an interceptor says without doing anything, until it is taken out', async () => {
    const end = api.intercept(({ method }) =>
      method === 'PATCH' ? { kind: 'answer', ...tooManyRequests(2) } : undefined,
    )
    const refused = await wire.send('PATCH', path, labelled)
    expect([refused.status, refused.text]).toEqual([429, 'Too many requests, please try again later.\n'])
    expect((await wire.send('GET', path)).status).toBe(200)
    expect(role()).toBeUndefined()
    end()
    expect((await wire.send('PATCH', path, labelled)).status).toBe(200)
    expect(role()).toBe('active')
  })

  it.each([
    [false, undefined],
    [true, 'active'],
  ])('resets the connection; applied: %s', async (applied, expected) => {
    api.intercept(() => ({ kind: 'reset', applied }))
    await expect(wire.send('PATCH', path, labelled)).rejects.toThrow(/ECONNRESET|hang up/)
    expect(role()).toBe(expected)
    expect(api.requests).toMatchObject([{ status: 0 }])
  })

  it('applies a request and answers something else', async () => {
    api.intercept(() => ({ kind: 'answer', status: 500, body: {}, applied: true }))
    expect((await wire.send('PATCH', path, labelled)).status).toBe(500)
    expect(role()).toBe('active')
  })

  it('leaves a request without an answer, and lets go of it when it closes', async () => {
    api.intercept(() => ({ kind: 'hang', applied: true }))
    const answer = wire.send('PATCH', path, labelled)
    await expect.poll(role, patience).toBe('active')
    await Promise.all([expect(answer).rejects.toThrow(/ECONNRESET|hang up/), api.close()])
  })

  it('applies a request late, after its client has gone', async () => {
    let land = (_: Fault | undefined): void => {}
    api.intercept(() => new Promise<Fault | undefined>((resolve) => (land = resolve)))
    const answer = wire.send('PATCH', path, labelled)
    await expect.poll(() => api.requests.length, patience).toBe(1)
    await Promise.all([expect(answer).rejects.toThrow(/hang up/), wire.close()])
    expect(role()).toBeUndefined()
    land(undefined)
    await expect.poll(role, patience).toBe('active')
  })
})

describe('the doors into the store', () => {
  const fixed = () => new Store({ now: () => Date.UTC(2026, 0, 2), uid: (n) => `uid-${n}` })

  it('create objects with the time and the uids that are given, and the status of the draft', () => {
    const store = fixed()
    expect(store.create('pods', { ...pod, status: { phase: 'Running', podIP: '10.0.0.9' } })).toMatchObject({
      metadata: { uid: 'uid-1', creationTimestamp: '2026-01-02T00:00:00Z', resourceVersion: '2' },
      status: { phase: 'Running', podIPs: [{ ip: '10.0.0.9' }] },
    })
    expect(() => store.create('pods', pod)).toThrow('pods n/a exists')
  })

  it('tell listeners of each change, in order', () => {
    const store = fixed()
    const seen: string[] = []
    const end = store.on(({ type, object }) => seen.push(`${type} ${object.metadata.resourceVersion}`))
    store.create('pods', pod)
    store.update('pods', 'n', 'a', ({ metadata }) => {
      metadata.labels = {}
    })
    store.update('pods', 'n', 'a', () => {})
    store.delete('pods', 'n', 'a')
    store.finalise('pods', 'n', 'a')
    end()
    store.create('pods', pod)
    expect(seen).toEqual(['ADDED 2', 'MODIFIED 3', 'MODIFIED 4', 'DELETED 5'])
  })

  it('keep a pod terminating that its node has not let go of, until it is finalised', () => {
    const store = fixed()
    store.create('pods', pod)
    expect(store.delete('pods', 'n', 'a').metadata.deletionTimestamp).toBe('2026-01-02T00:00:30Z')
    expect(store.get('pods', 'n', 'a')).toBeDefined()
    store.finalise('pods', 'n', 'a')
    expect(store.get('pods', 'n', 'a')).toBeUndefined()
  })

  /** The entries of a pod: who has which labels, whether the spec, and whether the status. */
  const managers = (object: KubeObject) =>
    itemsAt(object, 'metadata', 'managedFields').map((entry) => [
      at(entry, 'manager'),
      Object.keys(at(entry, 'fieldsV1', 'f:metadata', 'f:labels') ?? {}),
      ...['f:spec', 'f:status'].filter((part) => at(entry, 'fieldsV1', part) !== undefined),
    ])

  it('take a pod for one that kubectl has created, edited, and nobody else', () => {
    const store = fixed()
    expect(managers(store.create('pods', pod))).toEqual([['kubectl-create', ['.', 'f:app'], 'f:spec']])
    const updated = store.update('pods', 'n', 'a', ({ metadata }) => {
      metadata.labels = { app: 'db', role: 'active' }
    })
    expect(managers(updated)).toEqual([
      ['kubectl-create', ['.', 'f:app'], 'f:spec'],
      ['kubectl-edit', ['f:role']],
    ])
  })

  it('name who has made a pod, whom it belongs to, and who has set which label since', () => {
    const store = fixed()
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true }]
    const labels = { app: 'db', role: 'active', pin: 'u' }
    const made = store.create('pods', {
      metadata: { name: 'a', namespace: 'n', generateName: 'r-', labels, ownerReferences },
      status: { phase: 'Failed' },
      manager: 'kube-controller-manager',
      setBy: { role: 'kubectl-label', pin: 'active-passive' },
    })
    expect(made.metadata).toMatchObject({ generateName: 'r-', labels, ownerReferences })
    expect(managers(made)).toEqual([
      ['active-passive', ['f:pin']],
      ['kube-controller-manager', ['.', 'f:app'], 'f:spec'],
      ['kubectl-label', ['f:role']],
      ['kubelet', [], 'f:status'],
    ])
    expect(made.metadata.resourceVersion).toBe('2')
    const relabelled = store.update(
      ...(['pods', 'n', 'a'] as const),
      ({ metadata }) => {
        metadata.labels = { ...labels, role: 'passive' }
      },
      'helm',
    )
    expect(managers(relabelled)).toContainEqual(['helm', ['f:role']])
  })

  it('wipe who has set what, if told', () => {
    const store = fixed()
    store.create('pods', pod)
    const wiped = store.update('pods', 'n', 'a', ({ metadata }) => {
      metadata.managedFields = []
    })
    expect(wiped.metadata.managedFields).toBeUndefined()
  })

  it('fork into stores that know nothing of each other and go on alike', () => {
    const store = fixed()
    store.create('pods', pod)
    const fork = store.fork()
    store.finalise('pods', 'n', 'a')
    expect(fork.list('pods').map(({ metadata }) => metadata.name)).toEqual(['a'])
    fork.finalise('pods', 'n', 'a')
    expect(fork.create('pods', pod)).toEqual(store.create('pods', pod))
  })

  it('give out objects that nobody can change by accident', () => {
    const { metadata } = fixed().create('pods', pod)
    expect(() => {
      metadata.name = 'b'
    }).toThrow(TypeError)
  })
})
