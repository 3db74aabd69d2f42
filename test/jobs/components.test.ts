// The components of jobs/, each by what it is for; jobs.test.ts has what they make of accounts and flags.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { loadAll } from 'js-yaml'
import { afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { execBy } from '../../handler/health/exec.js'
import { loadConfig } from '../../handler/kube/auth/config.js'
import { connectCommands } from '../../handler/kube/exec.js'
import { aPod } from '../support/builders.js'
import { requestsOf } from '../support/cluster/audit.js'
import type { KubeObject } from '../support/cluster/client.js'
import { until } from '../support/cluster/poll.js'
import { asServiceAccount } from '../support/cluster/users.js'
import { repository, runHandler } from '../support/handler.js'
import { type Kubectl, kubectlFor } from '../support/kubectl.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { installOperatorResources } from '../support/operator-resources.js'
import { withOverlay } from '../support/overlay.js'

interface PodSpec {
  readonly serviceAccountName: string
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly containers: readonly {
    readonly args?: readonly string[]
    readonly ports?: readonly { readonly name: string }[]
  }[]
}

interface PodTemplate {
  readonly metadata: Pick<KubeObject['metadata'], 'labels' | 'annotations'>
  readonly spec: PodSpec
}

interface Manifest extends KubeObject {
  readonly kind: string
  readonly spec: {
    readonly template?: PodTemplate
    readonly jobTemplate?: { readonly spec: { readonly template: PodTemplate } }
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> }
    readonly podMetricsEndpoints?: readonly { readonly port: string }[]
    readonly groups?: unknown
  }
}

const cluster = inject('cluster')
const PROGRAM = ['jobs/cronjob', 'jobs/serve', 'jobs/once']
const DEMOS = ['jobs/demo', 'jobs/demo/deployment']
const templateOf = ({ spec }: Manifest) => spec?.jobTemplate?.spec.template ?? spec?.template

describe.skipIf(!cluster)('the component', { timeout: 60_000 }, () => {
  let world: OnCluster
  let kubectl: Kubectl

  beforeAll(() => {
    kubectl = kubectlFor((cluster as NonNullable<typeof cluster>).kubeconfig)
  })
  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>, [])
  })
  afterEach(() => world.close())

  /** What kustomize makes of it, once the API server has taken it too. */
  const apply = (component: string, resources: readonly string[], ...flags: readonly string[]) =>
    withOverlay(
      { namespace: world.namespace, resources, components: [`jobs/components/${component}`] },
      async (folder) => {
        await kubectl('apply', '-k', folder, '--server-side', '--force-conflicts', '--validate=strict', ...flags)
        return loadAll(await kubectl('kustomize', folder)) as readonly Manifest[]
      },
    )
  const dryRun = '--dry-run=server'

  it('openshift leaves every user to the cluster, which may choose one of its range in a restricted namespace', async () => {
    const templates = (await apply('openshift', [...PROGRAM, ...DEMOS], dryRun)).flatMap((one) => templateOf(one) ?? [])
    expect(templates).toHaveLength(5)
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await world.admin.patch(`/api/v1/namespaces/${world.namespace}`, { metadata: { labels } })
    for (const { metadata, spec } of templates) {
      expect(JSON.stringify(spec)).not.toMatch(/runAs(User|Group)/)
      expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
      const { serviceAccountName: _, ...anybody } = spec
      // As OpenShift's admission writes it.
      const securityContext = { ...spec.securityContext, runAsUser: 1_000_680_000, fsGroup: 1_000_680_000 }
      await world.admin.post(`${world.api}/pods?dryRun=All`, {
        metadata: { ...metadata, generateName: 'pod-' },
        spec: { ...anybody, securityContext },
      })
    }
  })

  it('mesh keeps sidecars out of all pods of the program, and leaves those of applications to the mesh', async () => {
    const objects = await apply('mesh', [...PROGRAM, ...DEMOS], dryRun)
    const without = objects.flatMap((object) => {
      const { labels, annotations } = templateOf(object)?.metadata ?? {}
      const said = [labels?.['sidecar.istio.io/inject'], annotations?.['linkerd.io/inject']]
      if (said.every((value) => value === undefined)) return []
      expect(said).toEqual(['false', 'disabled'])
      return [`${object.kind} ${object.metadata.name}`]
    })
    expect(without.sort()).toEqual(['CronJob active-passive', 'Deployment active-passive', 'Job active-passive-once'])
  })

  describe('prometheus-operator', () => {
    it('has the rules of jobs/alerts, as `npm run rules` writes them', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'active-passive-rules-'))
      try {
        await promisify(execFile)(process.execPath, ['release/prometheus-rules.mjs', folder], { cwd: repository })
        for (const file of ['rules.yaml', 'rules-serve.yaml']) {
          const committed = join(repository, 'jobs/components/prometheus-operator/objects', file)
          expect(await readFile(committed, 'utf8')).toBe(await readFile(join(folder, file), 'utf8'))
          const [rule] = loadAll(await readFile(committed, 'utf8')) as Manifest[]
          expect(rule?.spec).toEqual(loadAll(await readFile(join(repository, 'jobs/alerts', file), 'utf8'))[0])
        }
      } finally {
        await rm(folder, { recursive: true })
      }
    })

    it("is taken by an API server that knows its kinds; it scrapes jobs/serve's pods and no others", async () => {
      await installOperatorResources(world.admin)
      const objects = await apply('prometheus-operator', PROGRAM)
      const kinds = ['PodMonitor', 'PrometheusRule', 'PrometheusRule']
      const ours = objects.filter(({ kind }) => kinds.includes(kind))
      expect(ours.map(({ kind }) => kind).sort()).toEqual(kinds)
      for (const { metadata } of ours) {
        expect(metadata).toMatchObject({
          namespace: world.namespace,
          labels: { release: 'kube-prometheus-stack', 'app.kubernetes.io/part-of': 'active-passive' },
        })
      }
      const monitor = ours.find(({ kind }) => kind === 'PodMonitor')?.spec
      const scraped = objects.filter((object) => {
        const labels = templateOf(object)?.metadata.labels
        const wanted = Object.entries(monitor?.selector?.matchLabels ?? {})
        return labels !== undefined && wanted.every(([key, value]) => labels[key] === value)
      })
      expect(scraped.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Deployment active-passive'])
      const ports = scraped.flatMap((one) => templateOf(one)?.spec.containers[0]?.ports ?? []).map(({ name }) => name)
      expect(monitor?.podMetricsEndpoints).toEqual([{ port: 'http', honorLabels: true }])
      expect(ports).toEqual(['http'])
    })
  })

  it('exec lets each account run commands in pods, which none may without it', async () => {
    const { kubeconfig } = cluster as NonNullable<typeof cluster>
    await world.addPod('helloworld-0')
    const pod = aPod('helloworld-0', { namespace: world.namespace })
    const unmade = async (...accounts: readonly string[]) => {
      const results = accounts.map(async (account) => {
        const user = await asServiceAccount(kubeconfig, world.namespace, account)
        const exec = execBy(connectCommands(loadConfig({ kubeconfig: user.kubeconfig, env: process.env })))
        const target = { kind: 'exec', pod, container: 'app', command: ['true'] } as const
        return (await exec(target, 5_000, new AbortController().signal)).unmade?.code
      })
      return Promise.all(results)
    }
    await apply('mesh', ['jobs/cronjob', 'jobs/serve']) // a Job cannot be changed later
    expect(await unmade('active-passive', 'active-passive-serve')).toEqual(['denied', 'denied'])
    await apply('exec', PROGRAM)
    // There is no container here: that is another answer, and the API server's word that they may ask.
    await until('they may', async () => {
      const codes = await unmade('active-passive', 'active-passive-once', 'active-passive-serve')
      return codes.every((code) => code === undefined) || undefined
    })
  })

  it('without-latch has passes of each account hand over without asking for the right that it withholds', async () => {
    const { kubeconfig, auditLog } = cluster as NonNullable<typeof cluster>
    const templates = (await apply('without-latch', PROGRAM)).flatMap((one) => templateOf(one) ?? [])
    await world.addService({ name: 'helloworld' })
    const pods = await Promise.all(['helloworld-0', 'helloworld-1'].map((name) => world.addPod(name)))
    for (const { spec } of templates) {
      const { serviceAccountName, containers } = spec
      const user = await asServiceAccount(kubeconfig, world.namespace, serviceAccountName)
      // Those of a pass: serve has more, which is about when it makes one.
      const flags = containers[0]?.args?.filter((arg) => arg.startsWith('--latch')) ?? []
      const pass = () => runHandler(['run', '--failures=1', '--period=50ms', ...flags], { KUBECONFIG: user.kubeconfig })
      await until(`${serviceAccountName} may work`, async () => ((await pass()).code === 0 ? true : undefined))
      const before = auditLog ? (await requestsOf(auditLog, user.username)).length : 0
      const [active = ''] = await world.actives()
      await pods.find(({ name }) => name === active)?.behave('error')
      expect(await pass()).toMatchObject({ code: 0, stderr: '' })
      expect(await world.actives()).toEqual(pods.map(({ name }) => name).filter((name) => name !== active))
      await Promise.all(pods.map((pod) => pod.behave('ok')))
      if (auditLog === undefined) continue
      const requests = (await requestsOf(auditLog, user.username)).slice(before)
      expect(requests.filter(({ code }) => code >= 400)).toEqual([])
      expect(requests.filter(({ verb, resource }) => verb === 'patch' && resource === 'services')).toEqual([])
    }
    expect(templates.map(({ spec }) => spec.serviceAccountName).sort()).toEqual([
      'active-passive',
      'active-passive-once',
      'active-passive-serve',
    ])
  })
})
