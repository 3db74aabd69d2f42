import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { type AuditedRequest, requestsOf } from '../support/cluster/audit.js'
import { type KubeList, type KubeObject, mergePatch } from '../support/cluster/client.js'
import { until } from '../support/cluster/poll.js'
import { repository } from '../support/handler.js'
import { CHART, hasHelm, helmFor } from '../support/helm/helm.js'
import { startTraffic } from '../support/node/client-traffic.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'
import { type DemoPod, demos, type NodeWorld, openNodeWorld, restless, withoutSleep } from '../support/on-node.js'

const images = inject('images')
const readme = readFileSync(join(repository, 'README.md'), 'utf8')
const namespace = 'shop'
const demo = 'statefulset'
const { service } = demos[demo]
/** A minute until the next pass, and what starting and making it takes. */
const nextPass = { timeoutMs: 90_000, everyMs: 50 }

interface Job extends KubeObject {
  readonly status: {
    readonly failed?: number
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[]
  }
}

describe.skipIf(!images)('what users apply, on a real node whose namespace enforces the restricted profile', () => {
  let cluster: NodeCluster
  let world: NodeWorld

  beforeAll(async () => {
    cluster = await startCluster({ images: images ?? [] })
    world = await openNodeWorld(cluster, namespace, { 'pod-security.kubernetes.io/enforce': 'restricted' })
    await world.kubectl('apply', '-k', 'jobs/policy')
  })
  afterAll(() => cluster?.stop())

  const job = (name: string) => world.api.get<Job>(`/apis/batch/v1/namespaces/${namespace}/jobs/${name}`)
  const ended = (name: string) =>
    until(
      `Job ${name} has ended`,
      async () => {
        const { status } = await job(name)
        return status.conditions?.find(({ type, status }) => /^(Complete|Failed)$/.test(type) && status === 'True')
      },
      { timeoutMs: 120_000 },
    )
  const podsOf = async (name: string) => {
    const selector = encodeURIComponent(`batch.kubernetes.io/job-name=${name}`)
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`
    return (await world.api.get<KubeList>(path)).items
  }
  const requests = () => requestsOf(cluster.auditLog, `system:serviceaccount:${namespace}:active-passive`)
  const serviceNow = async () => {
    const path = `/api/v1/namespaces/${namespace}/services/${service}`
    const { metadata, spec } = await world.api.get<KubeObject & { spec: { selector: object } }>(path)
    return { selector: spec.selector, claim: metadata.annotations?.['active-passive/swap'] }
  }
  const serveLabel = 'app.kubernetes.io/component=serve'
  const home = { selector: { app: service, role: 'active' }, claim: undefined }

  // Side by side, since both wait for the CronJob.
  describe.concurrent('from one minute to the next', () => {
    beforeAll(async () => {
      await world.apply({ resources: ['jobs/demo'], patches: [withoutSleep, restless] })
      await world.apply({ resources: [demos.deployment.folder, 'jobs/cronjob'], patches: [restless] })
    })

    it('a pod becomes active within a minute; when it fails, the next minute moves label and traffic', async () => {
      const first = await until('a pod is active', () => world.active(demo), nextPass)
      const address = await world.clusterIp(demo)
      const [{ machine }] = cluster.nodes
      const traffic = await startTraffic(machine, { address, everyMs: 20, lastMs: 120_000 })
      await until('the active pod answers', () => traffic.samples.find(({ pod }) => pod === first.name))

      await world.kubectl('exec', '-n', namespace, first.name, '--', 'node', '/app/helloworld.js', 'fail')
      const failed = Date.now()
      const second = await until(
        'another pod is active',
        async () => {
          const active = await world.active(demo)
          return active?.uid === first.uid ? undefined : active
        },
        nextPass,
      )
      const labelled = Date.now()
      const answer = await until('the other pod answers', () => traffic.samples.find(({ pod }) => pod === second.name))
      await traffic.stop()
      console.log(
        `from the failure: label moved after ${((labelled - failed) / 1000).toFixed(1)} s, ` +
          `traffic after ${((answer.at + answer.ms - failed) / 1000).toFixed(1)} s`,
      )
      expect(second.uid).not.toBe(first.uid)
      await until('the Service is released', async () => ((await serviceNow()).claim === undefined ? true : undefined))
      expect(await serviceNow()).toEqual(home)
      expect((await requests()).filter(({ code }) => code !== 200 && code !== 201)).toEqual([])
      await world.kubectl('exec', '-n', namespace, first.name, '--', 'node', '/app/helloworld.js', 'recover')
    })

    it('an active pod that is deleted goes on answering until the next pass has moved the traffic', async () => {
      const first = await until('a pod of the Deployment is active', () => world.active('deployment'), nextPass)
      const address = await world.clusterIp('deployment')
      // A slow answer, of a pod that asks for little processor on a busy machine, is no outage.
      const options = { address, everyMs: 20, timeoutMs: 5_000, lastMs: 120_000 }
      const { machine } = cluster.nodes[0]
      // A connection opened while kube-proxy writes a first endpoint's two tables goes nowhere, and the kernel sends a
      // later one from the same port after it: whoever waits for the first answer is another client.
      const early = await startTraffic(machine, options)
      await until('it answers', () => early.samples.find(({ pod }) => pod === first.name))
      await early.stop()
      const traffic = await startTraffic(machine, options)
      await until('it goes on answering', () => traffic.samples.find(({ pod }) => pod === first.name))
      await world.kubectl('delete', 'pod', first.name, '-n', namespace, '--wait=false')
      const second = await until(
        'another pod answers',
        () => traffic.samples.find(({ pod }) => pod !== undefined && pod !== first.name),
        nextPass,
      )
      const samples = await traffic.stop()
      expect((await world.pods('deployment')).map(({ name }) => name)).toContain(second.pod)
      expect(samples.filter(({ error }) => error)).toEqual([])
      await world.remove({ resources: [demos.deployment.folder] })
    })
  })

  describe('by hand', () => {
    beforeEach(async () => {
      await world.settled(demo)
      // With its own limit of one, the CronJob removes Jobs made by hand as soon as another has succeeded.
      const spec = { suspend: true, successfulJobsHistoryLimit: 20, failedJobsHistoryLimit: 20 }
      await world.kubectl('patch', 'cronjob', 'active-passive', '-n', namespace, '-p', JSON.stringify({ spec }))
      await until('no pass is under way', async () => {
        const { items } = await world.api.get<KubeList<Job>>(`/apis/batch/v1/namespaces/${namespace}/jobs`)
        return items.every(({ status }) => status.conditions?.some(({ status }) => status === 'True')) || undefined
      })
    })

    const fromCronJob = async (name: string): Promise<void> => {
      await world.kubectl('create', 'job', name, '-n', namespace, '--from=cronjob/active-passive')
    }

    it('a steady pass costs two LISTs', async () => {
      const before = (await requests()).length
      await fromCronJob('steady')
      expect(await ended('steady')).toMatchObject({ type: 'Complete' })
      expect((await requests()).slice(before).map(verbAndResource)).toEqual(['list services', 'list pods'])
    })

    it('passes that run at once, which the CronJob does not see, make one pod active', async () => {
      const before = (await world.active(demo)) as DemoPod
      await world.tell(before, 'fail')
      const names = ['hand-1', 'hand-2', 'hand-3', 'hand-4']
      await Promise.all(names.map(fromCronJob))
      const ends = await Promise.all(names.map(ended))
      await world.tell(before, 'recover')
      expect(ends.map(({ type }) => type)).toEqual(names.map(() => 'Complete'))
      const actives = (await world.pods(demo)).filter(({ role }) => role === 'active')
      expect(actives).toHaveLength(1)
      expect(actives[0]?.uid).not.toBe(before.uid)
      expect(await serviceNow()).toEqual(home)
    })

    it('a pass that has said what is wrong is not tried again: exit code 1 fails its Job at once', async () => {
      const pods = await world.pods(demo)
      await Promise.all(pods.map((pod) => world.tell(pod, 'fail')))
      await fromCronJob('unhealthy')
      const end = await ended('unhealthy')
      await Promise.all(pods.map((pod) => world.tell(pod, 'recover')))
      expect(end).toMatchObject({ type: 'Failed', reason: 'PodFailurePolicy' })
      expect(await podsOf('unhealthy')).toHaveLength(1)
    })

    it('a pass that crashed is tried once more', async () => {
      const crash = [
        { op: 'add', path: '/spec/template/spec/containers/0/command', value: ['node', '-e', 'process.exit(70)'] },
      ]
      await world.apply({
        resources: ['jobs/once'],
        patches: [{ target: { kind: 'Job' }, patch: JSON.stringify(crash) }],
      })
      expect(await ended('active-passive-once')).toMatchObject({ type: 'Failed', reason: 'BackoffLimitExceeded' })
      expect(await podsOf('active-passive-once')).toHaveLength(2)
      await world.remove({ resources: ['jobs/once'] })
    })

    it('the change to jobs/serve and back, with a failover by each, is noticed by no client', async () => {
      const before = (await world.active(demo)) as DemoPod
      const address = await world.clusterIp(demo)
      const options = { address, everyMs: 20, timeoutMs: 5_000, lastMs: 180_000 }
      const traffic = await startTraffic(cluster.nodes[0].machine, options)
      const deployment = ['deployment/active-passive', '-n', namespace]
      const another = (than: DemoPod) =>
        until(`a pod other than ${than.name} is active`, async () => {
          const active = await world.active(demo)
          return active && active.uid !== than.uid ? active : undefined
        })

      // As jobs/README.md says, but for the namespace: first there, ...
      const secret = ['secret', 'generic', 'active-passive-token', '--from-literal=token=a-token', '-n', namespace]
      await world.kubectl('create', ...secret)
      await world.apply({ resources: ['jobs/serve'] })
      await world.kubectl('rollout', 'status', ...deployment, '--timeout=120s')
      await world.remove({ resources: ['jobs/cronjob'] })
      await world.tell(before, 'fail')
      const second = await another(before)
      await world.tell(before, 'recover')

      // ... and then back.
      await world.apply({ resources: ['jobs/cronjob'] })
      await fromCronJob('first-pass')
      await world.kubectl('wait', 'job/first-pass', '-n', namespace, '--for=condition=Complete', '--timeout=2m')
      await world.remove({ resources: ['jobs/serve'] })
      await world.kubectl('wait', 'pod', '-n', namespace, '-l', serveLabel, '--for=delete', '--timeout=2m')
      await world.tell(second, 'fail')
      await fromCronJob('second-pass')
      await another(second)
      await world.tell(second, 'recover')

      await world.kubectl('delete', 'secret', 'active-passive-token', '-n', namespace)
      const samples = await traffic.stop()
      expect(samples.filter(({ error }) => error !== undefined)).toEqual([])
      expect(new Set(samples.map(({ pod }) => pod))).toEqual(new Set([before.name, second.name]))
      // The role is seen to move before the pass has released the Service.
      await until('the Service is released', async () => ((await serviceNow()).claim === undefined ? true : undefined))
      expect(await serviceNow()).toEqual(home)
    })

    it('removal ends with a pass, so that no claim stays, and leaves the traffic where it is', async () => {
      const active = (await world.active(demo)) as DemoPod
      const left = {
        metadata: { annotations: { 'active-passive/swap': 'of-a-crashed-pass helloworld-0' } },
        spec: { selector: { role: null, 'active-passive/pod': active.uid } },
      }
      await world.api.patch(`/api/v1/namespaces/${namespace}/services/${service}`, left, mergePatch)
      // As jobs/README.md says, but for the namespace; the CronJob is suspended already.
      await fromCronJob('last-pass')
      const end = ['--for=jsonpath={.status.conditions}', '--timeout=2m']
      await world.kubectl('wait', 'job', '-n', namespace, '-l', 'app.kubernetes.io/name=active-passive', ...end)
      expect(await world.kubectl('logs', 'job/last-pass', '-n', namespace)).toContain('Active node passed healthcheck')
      await world.remove({ resources: ['jobs/cronjob'] })

      expect(await serviceNow()).toEqual(home)
      expect((await world.active(demo))?.uid).toBe(active.uid)
      const own = ['get', 'cronjob,job,sa,role,rolebinding', '-n', namespace, '-o', 'name']
      await until('nothing of ours is left', async () =>
        (await world.kubectl(...own)).includes('active-passive') ? undefined : true,
      )
    })
  })

  describe.skipIf(!hasHelm)('by Helm', () => {
    it('as the README says: a first failover, and nothing left after it', async () => {
      const helm = helmFor(cluster.kubeconfig)
      const inNamespace = ['-n', namespace]
      const [command = ''] = /^helm install .*$/m.exec(readme) ?? []
      const install = command
        .replace(/"?\$REGISTRY\/active-passive"?/, 'active-passive')
        .split(' ')
        .slice(1)
      expect(install).toEqual(expect.arrayContaining([CHART, 'kind=Deployment', 'image.repository=active-passive']))
      const policies = ['--set', 'admissionPolicies.enabled=true']
      await expect(helm(...install, ...inNamespace, ...policies)).rejects.toThrow(
        'the admission policies are in the cluster already (of no release), and hold the account of this release too',
      )

      await world.apply({ resources: ['jobs/demo'], patches: [withoutSleep, restless] })
      await world.settled(demo)
      await helm(...install, ...inNamespace, '--wait', '--timeout', '120s')
      expect(await helm('test', 'active-passive', ...inNamespace, '--logs')).toMatch(/^probe +pod \S+ +200$/m)
      const first = await until('a pod is active', () => world.active(demo))
      await world.tell(first, 'fail')
      await until('another pod is active', async () => {
        const active = await world.active(demo)
        return active && active.uid !== first.uid ? active : undefined
      })
      await until('the Service is released', async () => ((await serviceNow()).claim === undefined ? true : undefined))
      await helm('uninstall', 'active-passive', ...inNamespace, '--wait', '--timeout', '120s')
      const own = ['get', 'deploy,pod,svc,cm,secret,netpol,pdb,sa,role,rolebinding', ...inNamespace, '-o', 'name']
      await until('nothing of ours is left', async () =>
        (await world.kubectl(...own, '-l', 'app.kubernetes.io/managed-by=Helm')) === '' ? true : undefined,
      )
      expect(await serviceNow()).toEqual(home)
    })
  })
})

function verbAndResource({ verb, resource }: AuditedRequest): string {
  return `${verb} ${resource}`
}
