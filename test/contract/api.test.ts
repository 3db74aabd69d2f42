import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { describe, expect, inject, it } from 'vitest'
import '../support/cluster-context.js'
import { at, textAt } from '../support/api/objects.js'
import { startApi } from '../support/api/server.js'
import { forbidden } from '../support/api/status.js'
import { isTestedSince } from '../support/cluster/binaries.js'
import { admissionContract } from './admission.contract.js'
import { admissionOf, policyObjects, policyOf } from './admission-rules.js'
import { apiContract } from './api.contract.js'
import { managersContract } from './managers.contract.js'
import { type Connection, wireTo } from './wire.js'

const cluster = inject('cluster')

for (const contract of [apiContract, managersContract, admissionContract]) {
  contract('the in-process API', connectInProcess, () => true)
  describe.skipIf(cluster === undefined)('with a cluster', () => {
    contract('a real kube-apiserver', () => connectToCluster(cluster?.kubeconfig ?? ''), isTestedSince)
  })
}

describe('what the contract cannot ask of a real kube-apiserver in a test', () => {
  // the bodies are those of a real one whose etcd was compacted
  it('answers 410 to a page of a list that is too old, with a token that goes on inconsistently', async () => {
    const api = await startApi()
    const wire = wireTo(api.url)
    for (const name of ['a', 'b', 'c']) api.store.create('pods', { metadata: { name, namespace: 'n' } })
    const pods = '/api/v1/namespaces/n/pods'
    const { body: first } = await wire.send('GET', pods, { query: { limit: '1' } })
    api.store.create('pods', { metadata: { name: 'd', namespace: 'n' } })
    api.store.compact()

    const old = await wire.send('GET', pods, { query: { limit: '1', continue: textAt(first, 'metadata', 'continue') } })
    expect(old.body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      message: expect.stringContaining(
        'The provided continue parameter is too old to display a consistent list result',
      ),
      reason: 'Expired',
      code: 410,
    })
    expect(old.status).toBe(410)
    const rest = await wire.send('GET', pods, { query: { continue: textAt(old.body, 'metadata', 'continue') } })
    expect(rest.body.items).toMatchObject([
      { metadata: { name: 'b' } },
      { metadata: { name: 'c' } },
      { metadata: { name: 'd' } },
    ])
    await wire.close()
    await api.close()
  })

  it('answers 410 to a list of an exact resourceVersion that is too old', async () => {
    const api = await startApi()
    const wire = wireTo(api.url)
    api.store.create('pods', { metadata: { name: 'a', namespace: 'n' } })
    api.store.compact()
    const query = { resourceVersionMatch: 'Exact', resourceVersion: '1' }
    expect((await wire.send('GET', '/api/v1/pods', { query })).body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'The resourceVersion for the provided list is too old.',
      reason: 'Expired',
      code: 410,
    })
    await wire.close()
    await api.close()
  })

  it('answers a watch from too old a resourceVersion with 200 and one ERROR event that says 410', async () => {
    const api = await startApi()
    const wire = wireTo(api.url)
    api.store.create('pods', { metadata: { name: 'a', namespace: 'n' } })
    api.store.compact()
    const { status, text } = await wire.send('GET', '/api/v1/pods', { query: { watch: 'true', resourceVersion: '1' } })
    expect(status).toBe(200)
    expect(JSON.parse(text)).toEqual({
      type: 'ERROR',
      object: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'too old resource version: 1 (2)',
        reason: 'Expired',
        code: 410,
      },
    })
    await wire.close()
    await api.close()
  })
})

async function connectInProcess(): Promise<Connection> {
  const api = await startApi()
  api.intercept(({ headers, method, target }) => {
    const user = headers['impersonate-user']
    if (typeof user !== 'string' || target === undefined) return undefined
    const verb = method === 'GET' ? (target.name === undefined ? 'list' : 'get') : method.toLowerCase()
    return { kind: 'answer', ...forbidden(user, verb, target) }
  })
  const wire = wireTo(api.url)
  let namespaces = 0
  return {
    ...wire,
    namespace: async () => `contract-${++namespaces}`,
    admit: async (namespace, rule) => {
      api.admit(admissionOf(namespace, rule))
      return policyOf(namespace, rule)
    },
    close: async () => {
      await wire.close()
      await api.close()
    },
  }
}

async function connectToCluster(path: string): Promise<Connection> {
  const config = new KubeConfig()
  config.loadFromFile(path)
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options)
  const { ca, cert, key, rejectUnauthorized, headers = {} } = options
  const tls = Object.entries({ ca, cert, key, rejectUnauthorized }).filter(([, value]) => value !== undefined)
  const url = config.getCurrentCluster()?.server ?? ''
  const wire = wireTo(url, Object.fromEntries(tls), headers as Record<string, string>)
  const created: string[] = []
  const policies: string[] = []
  return {
    ...wire,
    namespace: async () => {
      const { body } = await wire.send('POST', '/api/v1/namespaces', {
        type: 'application/json',
        body: { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: 'contract-' } },
      })
      const name = String(at(body, 'metadata', 'name'))
      created.push(name)
      // admission refuses pods until the controller manager has made it
      const account = `/api/v1/namespaces/${name}/serviceaccounts/default`
      await expect
        .poll(async () => (await wire.send('GET', account)).status, { timeout: 10_000, interval: 10 })
        .toBe(200)
      return name
    },
    admit: async (namespace, rule) => {
      const name = policyOf(namespace, rule)
      for (const object of policyObjects(namespace, rule)) {
        const collection = `/apis/${object.apiVersion}/${object.kind.toLowerCase().replace(/y$/, 'ie')}s`
        const { status, text } = await wire.send('POST', collection, { type: 'application/json', body: object })
        expect(status, text).toBe(201)
        policies.push(`${collection}/${name}`)
      }
      return name
    },
    close: async () => {
      await Promise.all(policies.map((path) => wire.send('DELETE', path)))
      await Promise.all(created.map((name) => wire.send('DELETE', `/api/v1/namespaces/${name}`)))
      await wire.close()
    },
  }
}
