import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestsOf } from './audit.js'
import { findBinaries } from './binaries.js'
import { ApiError, type KubeList, kube } from './client.js'
import { type ControlPlane, startControlPlane } from './control-plane.js'
import { until } from './poll.js'
import { freePort } from './ports.js'
import { serviceAccount } from './users.js'

describe.skipIf(findBinaries() === undefined)('a control plane', { timeout: 60_000 }, () => {
  let cluster: ControlPlane
  beforeAll(async () => {
    cluster = await startControlPlane()
  })
  afterAll(() => cluster?.stop())

  test('serves its administrator', async () => {
    const api = kube(cluster.kubeconfig)
    expect(api.server).toBe(cluster.url)
    expect(await api.text('/readyz')).toBe('ok')
    await api.post('/api/v1/namespaces/default/pods', pod('first'))
    expect((await api.get('/api/v1/namespaces/default/pods/first')).metadata.name).toBe('first')
  })

  test('runs the controllers that make pods and endpoints', async () => {
    const api = kube(cluster.kubeconfig)
    const labels = { app: 'web' }
    // The controller leaves out pods whose node does not exist.
    await api.post('/api/v1/nodes', { metadata: { name: 'nowhere' } })
    const template = { metadata: { labels }, spec: { ...pod('').spec, nodeName: 'nowhere' } }
    const statefulSet = { serviceName: 'web', replicas: 1, selector: { matchLabels: labels }, template }
    await api.post('/apis/apps/v1/namespaces/default/statefulsets', {
      metadata: { name: 'web' },
      spec: statefulSet,
    })
    await api.post('/api/v1/namespaces/default/services', {
      metadata: { name: 'web' },
      spec: { selector: labels, ports: [{ port: 80 }] },
    })
    const status = {
      phase: 'Running',
      podIPs: [{ ip: '10.244.0.7' }],
      podIP: '10.244.0.7',
      conditions: [{ type: 'Ready', status: 'True' }],
    }
    await until('the pod of the StatefulSet', () =>
      api.patch('/api/v1/namespaces/default/pods/web-0/status', { status }).catch(() => undefined),
    )
    await until('its address among the endpoints', async () => {
      const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
      const { items } = await api.get<{ items: { endpoints?: { addresses: string[] }[] | null }[] }>(path)
      return (
        items.some(({ endpoints }) => endpoints?.some(({ addresses }) => addresses.includes('10.244.0.7'))) || undefined
      )
    })
  })

  test('grants a ServiceAccount what its Role says, at once, and nothing else', async () => {
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }]
    const { kubeconfig } = await serviceAccount(cluster.kubeconfig, { namespace: 'rights', name: 'reader', rules })
    const api = kube(kubeconfig)
    await api.get('/api/v1/namespaces/rights/pods')
    const refused = [
      () => api.get('/api/v1/namespaces/default/pods'),
      () => api.get('/api/v1/namespaces/rights/services'),
      () => api.post('/api/v1/namespaces/rights/pods', pod('mine')),
    ]
    for (const request of refused) await expect(request()).rejects.toMatchObject({ name: 'ApiError', status: 403 })
  })

  test('takes rights away that a later call does not give', async () => {
    const rule = (verb: string) => ({ apiGroups: [''], resources: ['pods'], verbs: [verb] })
    const options = { namespace: 'rights', name: 'changing' }
    await serviceAccount(cluster.kubeconfig, { ...options, rules: [rule('list')], clusterRules: [rule('watch')] })
    const { kubeconfig } = await serviceAccount(cluster.kubeconfig, { ...options, rules: [rule('delete')] })
    const list = kube(kubeconfig).get('/api/v1/namespaces/rights/pods')
    await expect(list).rejects.toMatchObject({ status: 403 })
  })

  test('has its errors thrown with the status and what the server said', async () => {
    const error = await kube(cluster.kubeconfig)
      .get('/api/v1/namespaces/absent')
      .catch((error: unknown) => error)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 404, message: expect.stringContaining('namespaces "absent" not found') })
  })

  test('lets every request of a user be counted as soon as it is answered', async () => {
    const rules = [{ apiGroups: [''], resources: ['pods', 'pods/status'], verbs: ['list', 'create', 'patch'] }]
    const user = await serviceAccount(cluster.kubeconfig, { namespace: 'counted', name: 'counter', rules })
    const api = kube(user.kubeconfig)
    const pods = '/api/v1/namespaces/counted/pods'
    expect(await requestsOf(cluster.auditLog, user.username)).toEqual([])
    for (let round = 1; round <= 20; round++) {
      await api.get(pods)
      expect(await requestsOf(cluster.auditLog, user.username)).toHaveLength(round)
    }
    await api.post(pods, pod('one'))
    await api.patch(`${pods}/one/status`, { status: { phase: 'Running' } })
    await api.delete(`${pods}/one`).catch(() => undefined)
    const requests = await requestsOf(cluster.auditLog, user.username)
    expect(requests.slice(20)).toMatchObject([
      { verb: 'create', resource: 'pods', namespace: 'counted', name: 'one', code: 201 },
      { verb: 'patch', resource: 'pods/status', namespace: 'counted', name: 'one', code: 200 },
      { verb: 'delete', resource: 'pods', namespace: 'counted', name: 'one', code: 403 },
    ])
  })

  test('comes back at the same address, with its data, when its API server was stopped', async () => {
    const api = kube(cluster.kubeconfig)
    await api.post('/api/v1/namespaces/default/pods', pod('survivor'))
    await cluster.stopApiServer()
    // A client of its own: those that are there may not have noticed yet that their connections have ended.
    await expect(kube(cluster.kubeconfig).text('/readyz')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await cluster.startApiServer()
    expect((await api.get('/api/v1/namespaces/default/pods/survivor')).metadata.name).toBe('survivor')
  })

  test('has its data, and every revision of it, when etcd was paused and killed', async () => {
    const api = kube(cluster.kubeconfig)
    const path = '/api/v1/namespaces/default/pods/marked'
    const mark = (mark: string) => api.patch(path, { metadata: { labels: { mark } } })
    await api.post('/api/v1/namespaces/default/pods', pod('marked'))
    const { metadata } = await mark('first')
    await cluster.pauseEtcd()
    let answered = false
    const second = mark('second').finally(() => {
      answered = true
    })
    await sleep(300)
    expect(answered).toBe(false)
    await cluster.resumeEtcd()
    await second
    await cluster.restartEtcd()
    expect((await api.get(path)).metadata.labels).toEqual({ mark: 'second' })
    const past = `?resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`
    const { items } = await api.get<KubeList>(`/api/v1/namespaces/default/pods${past}`)
    expect(items.find(({ metadata }) => metadata.name === 'marked')?.metadata.labels).toEqual({ mark: 'first' })
  })

  test('lives beside another one, whose port somebody else was quicker to take, and which leaves it alone when it ends', async () => {
    const taken = [Number(new URL(cluster.url).port)]
    const other = await startControlPlane({ findPort: async () => taken.pop() ?? freePort() })
    expect(taken).toEqual([])
    expect(other.url).not.toBe(cluster.url)
    await kube(other.kubeconfig).post('/api/v1/namespaces/default/pods', pod('elsewhere'))
    const there = kube(cluster.kubeconfig).get('/api/v1/namespaces/default/pods/elsewhere')
    await expect(there).rejects.toMatchObject({ status: 404 })
    await other.stop()
    expect(existsSync(other.folder)).toBe(false)
    expect(processesOf(other.folder)).toEqual([])
    expect(await kube(cluster.kubeconfig).text('/readyz')).toBe('ok')
  })

  test('says which process failed, and what it said, when it cannot start', async () => {
    const start = startControlPlane({ binaries: '/nonexistent' })
    await expect(start).rejects.toThrow('etcd could not be started')
  })
})

describe.skipIf(findBinaries() === undefined)('npm run cluster', { timeout: 60_000 }, () => {
  test.each(['SIGINT', 'SIGKILL'] as const)('leaves no process and no folder behind after %s', async (signal) => {
    const child = start()
    try {
      const kubeconfig = await exported(child, 'KUBECONFIG')
      const folder = kubeconfig.slice(0, kubeconfig.lastIndexOf('/'))
      expect(await kube(kubeconfig).text('/readyz')).toBe('ok')
      expect(processesOf(folder)).toHaveLength(4)
      const exit = once(child, 'exit')
      child.kill(signal)
      expect(await exit).toEqual(signal === 'SIGKILL' ? [null, 'SIGKILL'] : [0, null])
      await until('its processes are gone', () => processesOf(folder).length === 0 || undefined)
      await until('its folder is gone', () => !existsSync(folder) || undefined)
    } finally {
      child.kill('SIGKILL')
    }
  })
})

test('npm run cluster refuses a flag that it does not know, and says how to build what is missing', async () => {
  const unknown = await finished(start(['--hlep']))
  expect(unknown).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining('Unknown argument: hlep') })
  const unbuilt = await finished(start([], { XDG_CACHE_HOME: '/nonexistent' }))
  expect(unbuilt).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining('npm run cluster -- --build') })
  const without = await finished(start(['--build'], { XDG_CACHE_HOME: '/nonexistent', PATH: '/nonexistent' }))
  expect(without).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining('there is no go on the PATH') })
})

function pod(name: string) {
  return { metadata: { name }, spec: { containers: [{ name: 'app', image: 'none' }] } }
}

function start(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  const main = fileURLToPath(new URL('./command.ts', import.meta.url))
  return spawn(process.execPath, ['--import', tsx, main, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function finished(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data) => {
    stdout += data
  })
  child.stderr?.on('data', (data) => {
    stderr += data
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** The value of the `export NAME=value` line that the child prints. */
async function exported(child: ChildProcess, name: string): Promise<string> {
  if (child.stdout === null) throw new Error('no stdout')
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith(`export ${name}=`)) return line.slice(`export ${name}=`.length)
  }
  throw new Error(`the child ended without printing ${name}`)
}

/** The command lines that name a folder: each program of a control plane does, its keeper too. */
function processesOf(folder: string): readonly string[] {
  const all = execFileSync('ps', ['-eww', '-o', 'args='], { encoding: 'utf8' })
  return all.split('\n').filter((line) => line.includes(folder))
}
