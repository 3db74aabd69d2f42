// The chart on a real API server: every pair of its main values, and the life of a release.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Kube, kube } from '../support/cluster/client.js'
import { until } from '../support/cluster/poll.js'
import { createNamespace } from '../support/cluster/users.js'
import type { Cluster } from '../support/cluster-context.js'
import { runHandler } from '../support/handler.js'
import { CHART, type Helm, hasHelm, helmFor, valueFlags } from '../support/helm/helm.js'
import { type Kubectl, kubectlFor } from '../support/kubectl.js'
import { closeNamespace, type OnCluster, openNamespace } from '../support/on-cluster.js'
import { installOperatorResources } from '../support/operator-resources.js'
import { pairwise } from '../support/pairwise.js'

const cluster = inject('cluster')

describe.skipIf(!cluster || !hasHelm)('the chart on a real API server', () => {
  const { kubeconfig } = (cluster ?? {}) as Cluster
  let admin: Kube
  let kubectl: Kubectl
  let helm: Helm

  beforeAll(async () => {
    admin = kube(kubeconfig)
    kubectl = kubectlFor(kubeconfig)
    helm = helmFor(kubeconfig)
    await installOperatorResources(admin)
  })

  describe('in a namespace that enforces the restricted profile', () => {
    const namespace = `t-${randomUUID().slice(0, 8)}`
    let folder: string
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'active-passive-chart-'))
      const levels = ['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted'])
      const metadata = { name: namespace, labels: Object.fromEntries(levels) }
      await admin.post('/api/v1/namespaces', { metadata })
      await createNamespace(kubeconfig, namespace)
      // A dry run creates none, and the pod of `helm test` is admitted with its account only.
      for (const name of ['active-passive', 'active-passive-serve', 'my-active-passive-serve']) {
        await admin.post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } })
      }
    })
    afterAll(async () => {
      rmSync(folder, { recursive: true })
      await closeNamespace(cluster as Cluster, admin, namespace)
    })

    const extras = {
      env: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/etc/ca/ca.crt' }],
      volumes: [{ name: 'ca', configMap: { name: 'kube-root-ca.crt' } }],
      volumeMounts: [{ name: 'ca', mountPath: '/etc/ca', readOnly: true }],
      tolerations: [{ operator: 'Exists' }],
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      affinity: { podAntiAffinity: {} },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {} },
      ],
      priorityClassName: 'system-cluster-critical',
      imagePullSecrets: [{ name: 'registry' }],
      resources: { limits: { memory: '1Gi', cpu: 1 } },
      labels: { team: 'shop' },
      annotations: { 'example.com/owner': 'shop' },
      podLabels: { tier: 'infra' },
      podAnnotations: { 'example.com/scrape': 'no' },
    }
    /** The main values. Those of the Deployment alone are not for a CronJob, which says so (chart.test.ts). */
    const combinations = pairwise({
      kind: ['CronJob', 'Deployment'],
      scope: [
        {},
        { namespaces: [namespace, 'default'] },
        { allNamespaces: true },
        { allNamespaces: true, optIn: false },
      ],
      latch: [true, false],
      exec: [false, true],
      token: [{}, { 'token.secretName': 'given' }],
      settings: [{}, { settings: { failures: 5, 'health-check': 'ready', 'role-label': 'tier', cooldown: '1m30s' } }],
      alerts: ['', 'ConfigMap', 'PrometheusRule'],
      dashboard: [false, true],
      monitor: ['', 'ServiceMonitor', 'PodMonitor'],
      policies: ['auto', true, false],
      network: ['auto', true, false],
      budget: [true, false],
      account: [{}, { 'serviceAccount.create': false, 'serviceAccount.name': 'my-active-passive-serve' }],
      rights: [true, false],
      notify: ['', 'chat'],
      platform: [{}, { openshift: true }, { mesh: true }],
      image: [{}, { 'image.digest': `sha256:${'0'.repeat(64)}`, 'image.pullPolicy': 'Always' }],
      extras: [{}, extras],
    })

    const manifestOf = (chosen: (typeof combinations)[number]) => {
      const { kind, latch, exec } = chosen
      const values = {
        ...{ kind, latch, exec, ...chosen.scope, ...chosen.token, ...chosen.settings, ...chosen.account },
        ...{ ...chosen.platform, ...chosen.image, ...chosen.extras },
        ...{ 'alerts.kind': chosen.alerts, 'dashboard.enabled': chosen.dashboard, 'rbac.create': chosen.rights },
        'monitor.kind': kind === 'Deployment' ? chosen.monitor : '',
        'admissionPolicies.enabled': chosen.policies,
        'networkPolicy.enabled': chosen.network,
        'podDisruptionBudget.enabled': chosen.budget,
        'notify.secretName': chosen.notify,
      }
      return helm('template', 'active-passive', CHART, '-n', namespace, ...valueFlags(values))
    }

    /** In one call: kubectl reads the API's whole schema in each. */
    it('every combination is taken, without a warning', async () => {
      const fileOf = (n: number) => join(folder, `${n}.yaml`)
      let objects = 0
      for (const [n, chosen] of combinations.entries()) {
        const manifest = await manifestOf(chosen)
        writeFileSync(fileOf(n), manifest)
        objects += loadAll(manifest).filter((object) => object !== null).length
      }
      const how = ['--server-side', '--dry-run=server', '--validate=strict', '--warnings-as-errors', '-o', 'name']
      const apply = (path: string) => kubectl('apply', '-f', path, ...how)
      const applied = await apply(folder).catch(async (error) => {
        // It names the object, and each one alone tells of which combination that is.
        for (const [n, chosen] of combinations.entries())
          await apply(fileOf(n)).catch(({ stderr }) => expect.fail(`${stderr} with ${JSON.stringify(chosen)}`))
        throw error
      })
      expect(applied.trim().split('\n')).toHaveLength(objects)
    }, 60_000)
  })

  describe('a release', () => {
    const name = 'mine'
    let world: OnCluster
    let list: () => Promise<readonly string[]>
    let before: readonly string[]
    beforeAll(async () => {
      world = await openNamespace(cluster as Cluster)
      await world.addPod('helloworld-0')
      await world.addPod('helloworld-1')
      await world.addService({ name: 'helloworld' })
      const kinds = async (namespaced: boolean) => {
        const found = await kubectl('api-resources', '--verbs=list', `--namespaced=${namespaced}`, '-o', 'name')
        const passing = [
          'events',
          'events.events.k8s.io',
          'leases.coordination.k8s.io',
          'componentstatuses',
          'namespaces',
        ]
        return found
          .trim()
          .split('\n')
          .filter((kind) => !passing.includes(kind))
          .join(',')
      }
      const own = await kinds(true)
      list = async () => (await kubectl('get', own, '-n', world.namespace, '-o', 'name')).trim().split('\n').sort()
      before = await list()
    })
    afterAll(() => world?.close())

    const inNamespace = () => ['-n', world.namespace] as const
    const install = (...args: readonly string[]) => helm('install', name, CHART, ...inNamespace(), ...args)
    const upgrade = (values: object) =>
      helm('upgrade', name, CHART, ...inNamespace(), ...valueFlags(values as Record<string, unknown>))
    const read = async (what: string, path: string) => kubectl('get', what, ...inNamespace(), '-o', `jsonpath=${path}`)
    const token = () => read('secret/mine-active-passive-token', '{.data.token}')
    const deployment = { kind: 'Deployment', 'alerts.kind': 'PrometheusRule', 'monitor.kind': 'ServiceMonitor' }

    it('is installed, and its notes say the next command', async () => {
      const notes = await install()
      expect(notes).toContain(`kubectl create job first-pass -n ${world.namespace} --from=cronjob/mine-active-passive`)
      expect(await list()).toContain('cronjob.batch/mine-active-passive')
    })

    it('changes the kind by an upgrade, and keeps its token by another', async () => {
      await upgrade(deployment)
      const first = await token()
      expect(Buffer.from(first, 'base64').toString()).toMatch(/^[A-Za-z0-9]{64}$/)
      await upgrade({ ...deployment, 'deployment.replicas': 3 })
      expect(await token()).toBe(first)
      expect(await read('deployment/mine-active-passive', '{.spec.replicas}')).toBe('3')
      const objects = await list()
      expect(objects.filter((object) => object.includes('cronjob'))).toEqual([])
      expect(objects).toContain('servicemonitor.monitoring.coreos.com/mine-active-passive')
    })

    it('goes back to the CronJob, and leaves nothing of the Deployment', async () => {
      await helm('rollback', name, '1', ...inNamespace())
      await until(
        'the Deployment is gone',
        async () => (await list()).every((object) => !/serve|deployment/.test(object)) || undefined,
      )
      expect(await list()).toContain('cronjob.batch/mine-active-passive')
    })

    it('is tested by the command check, with the rights that it was given', async () => {
      const tested = helm('test', name, ...inNamespace(), '--timeout', '60s')
      // There is no kubelet here: we run what it would, as the same account, and say how it ended.
      const path = `${world.api}/pods/mine-active-passive-check`
      const pod = await until('the pod of the test', () =>
        admin
          .get<{
            metadata: { name: string; uid: string; resourceVersion: string }
            spec: { serviceAccountName: string; containers: readonly { args: readonly string[] }[] }
          }>(path)
          .catch(() => undefined),
      )
      const account = `system:serviceaccount:${world.namespace}:${pod.spec.serviceAccountName}`
      const args = [...(pod.spec.containers[0]?.args ?? []), '-n', world.namespace, '--as', account]
      const { code, stdout, stderr } = await runHandler(args, { KUBECONFIG: kubeconfig })
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toMatch(/^patch +pod \S+\/helloworld-0 +allowed$/m)
      await admin.patch(`${path}/status`, { status: { phase: code === 0 ? 'Succeeded' : 'Failed' } })
      expect(await tested).toMatch(/Phase: +Succeeded/)
    })

    it('leaves nothing behind when it is uninstalled', async () => {
      await helm('uninstall', name, ...inNamespace(), '--wait')
      await until('nothing more is there than before', async () => (await list()).length <= before.length || undefined)
      expect(await list()).toEqual(before)
    })

    it('says who has the Secret that it would make', async () => {
      await kubectl(
        'create',
        'secret',
        'generic',
        'mine-active-passive-token',
        ...inNamespace(),
        '--from-literal=token=x',
      )
      await expect(install(...valueFlags({ kind: 'Deployment' }))).rejects.toThrow(
        'Secret "mine-active-passive-token" in namespace',
      )
    })
  })
})
