/** On a real node the kubelet and our `probe` find the same of the same servers, container by container. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { ProbeResult } from '../../handler/health/probe-result.js'
import { type Kube, type KubeObject, kube } from '../support/cluster/client.js'
import { until } from '../support/cluster/poll.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'
import { pauseImage } from '../support/node/node-components.js'
import { READY_PORT, ROWS } from './kubelet-rows.js'

const images = inject('images')
const POD = '/api/v1/namespaces/default/pods/rude'
const containerOf = (n: number) => `row-${n}`

interface RudePod extends KubeObject {
  readonly status: {
    readonly podIP?: string
    readonly containerStatuses?: readonly {
      readonly name: string
      readonly ready: boolean
      readonly state?: { readonly running?: object }
    }[]
  }
}

/** How often the kubelet's probe of each container has ended in each way. */
type Counts = ReadonlyMap<string, { readonly successful: number; readonly failed: number }>

describe.skipIf(!images)('the kubelet and our probe', () => {
  let cluster: NodeCluster
  let folder: string
  let ours: Readonly<Record<string, ProbeResult>>
  let kubelets: Counts
  let pod: RudePod

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'active-passive-probes-'))
    ;[cluster] = await Promise.all([startCluster({ images: images ?? [] }), bundle(folder)])
    const api = kube(cluster.kubeconfig)
    await startPod(api, folder)
    const ready = await until('the servers of the pod, and all of its containers', async () => {
      const found = await api.get<RudePod>(POD)
      const statuses = found.status.containerStatuses ?? []
      const areThere = statuses.some(({ name, ready }) => name === 'servers' && ready)
      return areThere && statuses.every(({ state }) => state?.running) ? found : undefined
    }, { timeoutMs: 90_000, everyMs: 250 }) // biome-ignore format: one step
    const { machine, name } = cluster.nodes[0]
    const before = await countsOf(api, name)
    await writeFile(join(folder, 'pod.json'), JSON.stringify(ready))
    const user = await cluster.kubeconfigFor('probes', { commonName: 'probes', organization: 'system:masters' })
    const command = [process.execPath, join(folder, 'probes.mjs'), join(folder, 'pod.json')]
    const said = await machine.exec('env', `KUBECONFIG=${user}`, ...command)
    ours = JSON.parse(said)
    // The first of them may have begun before all servers were there.
    kubelets = await until('two more probes of each container', async () => {
      const more = difference(await countsOf(api, name), before)
      return ROWS.every(({ thrownAway }, n) => thrownAway || total(more, containerOf(n)) >= 2) ? more : undefined
    }, { timeoutMs: 90_000, everyMs: 250 }) // biome-ignore format: one step
    pod = await api.get<RudePod>(POD)
  })
  afterAll(async () => {
    await cluster?.stop()
    if (folder) await rm(folder, { recursive: true })
  })

  it.each(ROWS.map((row, n) => [row.name, n, row] as const))('agree: %s', (_, n, { passes, thrownAway }) => {
    const name = containerOf(n)
    const { successful = 0, failed = 0 } = kubelets.get(name) ?? {}
    expect({ passed: successful > 0, failed: failed > 0 }, 'the kubelet').toEqual({
      passed: passes,
      failed: !passes && !thrownAway,
    })
    expect(pod.status.containerStatuses?.find((one) => one.name === name)?.ready, 'its status').toBe(passes)
    expect(ours[name]?.healthy, `ours: ${ours[name]?.text}`).toBe(passes)
  })
})

async function bundle(folder: string): Promise<void> {
  const here = fileURLToPath(new URL('.', import.meta.url))
  await build({
    entryPoints: { servers: join(here, 'kubelet-servers.ts'), probes: join(here, 'kubelet-probes.ts') },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    banner: {
      js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
    },
    ...{ bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'silent' },
  })
}

/** One pod: a container with all servers, and one beside it for each probe, which does nothing. */
async function startPod(api: Kube, folder: string): Promise<void> {
  const servers = await readFile(join(folder, 'servers.mjs'), 'utf8')
  await until('the ServiceAccount default', () =>
    api.get('/api/v1/namespaces/default/serviceaccounts/default').catch(() => undefined),
  )
  await api.post('/api/v1/namespaces/default/configmaps', {
    metadata: { name: 'rude' },
    data: { 'servers.mjs': servers },
  })
  const image = { imagePullPolicy: 'Never' }
  const first = {
    ...{ name: 'servers', image: 'node:26-slim', ...image, command: ['node', '/app/servers.mjs'] },
    readinessProbe: { tcpSocket: { port: READY_PORT }, periodSeconds: 1 },
    volumeMounts: [{ name: 'app', mountPath: '/app' }],
  }
  const probed = ROWS.map(({ readinessProbe }, n) => ({
    ...{ name: containerOf(n), image: pauseImage, ...image, readinessProbe },
  }))
  await api.post('/api/v1/namespaces/default/pods', {
    metadata: { name: 'rude' },
    spec: {
      ...{ automountServiceAccountToken: false, enableServiceLinks: false, terminationGracePeriodSeconds: 0 },
      containers: [first, ...probed],
      volumes: [{ name: 'app', configMap: { name: 'rude' } }],
    },
  })
}

/** By the kubelet's own metrics. */
async function countsOf(api: Kube, node: string): Promise<Counts> {
  const counts = new Map<string, { successful: number; failed: number }>()
  for (const line of (await api.text(`/api/v1/nodes/${node}/proxy/metrics/probes`)).split('\n')) {
    if (!line.startsWith('prober_probe_total{') || !line.includes('probe_type="Readiness"')) continue
    const [, container = ''] = /[{,]container="([^"]+)"/.exec(line) ?? []
    const [, result = ''] = /[{,]result="([^"]+)"/.exec(line) ?? []
    const count = counts.get(container) ?? { successful: 0, failed: 0 }
    counts.set(container, count)
    if (result === 'successful' || result === 'failed') count[result] += Number(line.split(' ').at(-1))
  }
  return counts
}

function difference(after: Counts, before: Counts): Counts {
  return new Map(
    [...after].map(([name, { successful, failed }]) => {
      const earlier = before.get(name)
      return [name, { successful: successful - (earlier?.successful ?? 0), failed: failed - (earlier?.failed ?? 0) }]
    }),
  )
}

function total(counts: Counts, name: string): number {
  const { successful = 0, failed = 0 } = counts.get(name) ?? {}
  return successful + failed
}
