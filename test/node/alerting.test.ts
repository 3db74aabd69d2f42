// Alerting moves the traffic: the demo fails, Prometheus sees it, Alertmanager asks jobs/serve for a pass.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Alerting, startAlerting } from '../support/alerting.js'
import { type AuditedRequest, requestsOf } from '../support/cluster/audit.js'
import { until } from '../support/cluster/poll.js'
import { milliseconds } from '../support/handover.js'
import { startTraffic } from '../support/node/client-traffic.js'
import { type NodeCluster, startCluster } from '../support/node/node-cluster.js'
import { type DemoPod, demos, type NodeWorld, openNodeWorld, withoutSleep } from '../support/on-node.js'
import { has } from '../support/promql.js'

const images = inject('images')
const hasPrometheus = ([['prometheus'], ['prometheus-alertmanager']] as const).every(([program]) =>
  has(program, program),
)
const namespace = 'shop'
const demo = 'statefulset'
const { service } = demos[demo]
const token = 'a-token-of-this-test'
const account = 'active-passive-serve'

describe.skipIf(!images || !hasPrometheus)('jobs/serve on a real node', () => {
  let cluster: NodeCluster
  let world: NodeWorld

  beforeAll(async () => {
    cluster = await startCluster({ images: images ?? [] })
    world = await openNodeWorld(cluster, namespace, { 'pod-security.kubernetes.io/enforce': 'restricted' })
    const secret = ['secret', 'generic', 'active-passive-token', `--from-literal=token=${token}`]
    await world.kubectl('create', ...secret, '-n', namespace)
    await world.kubectl('apply', '-k', 'jobs/policy')
    await world.apply({ resources: ['jobs/serve'] })
    await world.applyDemo(demo, { patches: [withoutSleep] })
    await rolledOut()
  })
  afterAll(() => cluster?.stop())

  const rolledOut = () =>
    world.kubectl('rollout', 'status', 'deployment/active-passive', '-n', namespace, '--timeout=120s')
  const requests = () => requestsOf(cluster.auditLog, `system:serviceaccount:${namespace}:${account}`)
  const addressOf = async (name: string) =>
    (await world.kubectl('get', 'service', name, '-n', namespace, '-o', 'jsonpath={.spec.clusterIP}')).trim()
  /** Starts serve with other flags, and waits until the replicas that had the old ones are gone. */
  const serveWith = async (...flags: readonly string[]) => {
    const args = ['serve', '--token-file=/etc/active-passive/token', ...flags]
    const value = [{ op: 'replace', path: '/spec/template/spec/containers/0/args', value: args }]
    await world.apply({
      resources: ['jobs/serve'],
      patches: [{ target: { kind: 'Deployment' }, patch: JSON.stringify(value) }],
    })
    await rolledOut()
    const label = 'app.kubernetes.io/component=serve'
    await until('the old replicas are gone', async () => {
      const names = await world.kubectl('get', 'pods', '-n', namespace, '-l', label, '-o', 'name')
      return names.trim().split('\n').length === 2 ? true : undefined
    })
  }
  const another = (than: DemoPod) =>
    until(
      `a pod other than ${than.name} is active`,
      async () => {
        const active = await world.active(demo)
        return active && active.uid !== than.uid ? active : undefined
      },
      { timeoutMs: 90_000 },
    )

  it('two replicas make a pod active, and fail over, with the rights that they have and no others', async () => {
    const before = await until('a pod is active', () => world.active(demo))
    await world.tell(before, 'fail')
    await another(before)
    await world.tell(before, 'recover')
    const made = await requests()
    expect([...new Set(made.map(({ verb, resource }) => `${verb} ${resource}`))].sort()).toEqual([
      'create events',
      'list pods',
      'list services',
      'patch pods',
      'patch services',
      'watch pods',
      'watch services',
    ])
    // Two replicas at once: one of them may come too late with a claim or a label, which is how the other is safe.
    expect(made.filter(({ code }) => ![200, 201, 409, 422].includes(code))).toEqual([])
  })

  describe('triggered by alerts alone', () => {
    let alerting: Alerting
    let before: DemoPod

    beforeAll(async () => {
      await serveWith('--period=200ms')
      before = (await world.settled(demo)).find(({ role }) => role === 'active') as DemoPod
      const [{ machine }] = cluster.nodes
      alerting = await startAlerting({
        machine,
        folder: join(cluster.folder, 'alerting'),
        target: {
          address: `${before.ip}:8080`,
          labels: {
            namespace,
            service_name: service,
            endpointslice_port_name: 'http',
            pod_name: before.name,
          },
        },
        webhook: { url: `http://${await addressOf('active-passive')}:8080/alertmanager`, token },
      })
    })

    it('the failure is scraped, the rule fires, Alertmanager asks, and the traffic moves', async () => {
      const earlier = (await requests()).length
      const traffic = await startTraffic(cluster.nodes[0].machine, { address: await world.clusterIp(demo) })
      const { at: failed } = await traffic.post({ url: `http://${before.ip}:8080/fail` })
      const after = await another(before)
      const answer = await until('it answers', () => traffic.samples.find(({ pod }) => pod === after.name))
      await traffic.stop()
      const [scraped = 0] =
        (await alerting.samples('helloworld_healthy')).find(([at, value]) => value === '0' && at > failed) ?? []
      const [fired = 0] = (await alerting.samples('ALERTS{alertstate="firing"}')).find(([at]) => at > failed) ?? []
      const pass = (await requests()).slice(earlier)
      const asked = timeOf(pass.find(({ verb }) => verb === 'list'))
      const labelled = timeOf(
        pass.findLast(({ verb, name, code }) => verb === 'patch' && name === after.name && code === 200),
      )
      const moved = answer.at + answer.ms
      const stages = { scraped, fired, asked, labelled, moved }
      const times = Object.values(stages)
      console.log(
        `ms from the failure: ${Object.entries(stages)
          .map(([stage, at]) => `${stage} ${Math.round(at - failed)}`)
          .join(', ')}`,
      )
      expect(times).toEqual([...times].sort((a, b) => a - b))
      expect(times[0]).toBeGreaterThan(failed)
      await world.tell(before, 'recover')
    })

    it('a pass that is refused is a 503, which Alertmanager tries again until it succeeds', async () => {
      // The pod that is scraped is to be the active one again.
      const second = (await world.settled(demo)).find(({ role }) => role === 'active') as DemoPod
      // That it fires, and that it does not any more: only then is the next one another.
      await until('Alertmanager has told that the alert is over', async () =>
        (await alerting.notifications()) >= 2 ? true : undefined,
      )
      await world.pass('--service', service)
      await world.tell(second, 'fail')
      const back = await world.pass('--service', service)
      expect(back.stdout).toContain(`Enabling ${before.name}`)
      await world.tell(second, 'recover')
      await world.kubectl('delete', 'rolebinding', account, '-n', namespace)
      await world.tell(before, 'fail')
      await until(
        'a pass was refused',
        async () => (await requests()).find(({ verb, code }) => verb === 'list' && code === 403),
        { timeoutMs: 90_000 },
      )
      const again = [`--role=${account}`, `--serviceaccount=${namespace}:${account}`]
      await world.kubectl('create', 'rolebinding', account, '-n', namespace, ...again)
      await another(before)
      await world.tell(before, 'recover')
    })
  })
})

function timeOf(request: AuditedRequest | undefined): number {
  return request === undefined ? Number.NaN : milliseconds(request.receivedAt)
}
