// A group beside tenants who mean harm, each in a namespace of its own: one program serves them all, with the account and
// the policies of jobs/, on a control plane of its own.
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { ATTACKS, type BegunAttack, beginAttack } from '../support/attacks.js'
import { repository, startHandler } from '../support/handler.js'
import { kubectlFor } from '../support/kubectl.js'
import { type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { type Replica, startReplica } from '../support/replica.js'
import type { TestServer } from '../support/servers.js'
import { type AuditedRequest, requestsOf } from './audit.js'
import { findBinaries } from './binaries.js'
import { type ControlPlane, startControlPlane } from './control-plane.js'
import { until } from './poll.js'
import { serviceAccount } from './users.js'

/** Longer than anything here takes: what hangs, hangs until then. */
const DEADLINE = ['--deadline', '120s']
const ALERTS = 1_000

describe.skipIf(findBinaries() === undefined)('a group beside tenants who mean harm', { timeout: 120_000 }, () => {
  let cluster: ControlPlane
  let account: { readonly kubeconfig: string; readonly username: string }
  let victim: OnCluster
  let servers: readonly TestServer[]
  const attacks: BegunAttack[] = []

  beforeAll(async () => {
    cluster = await startControlPlane()
    const user = { namespace: 'active-passive', name: 'active-passive', clusterRules: WATCH_RIGHTS }
    const policies = kubectlFor(cluster.kubeconfig)('apply', '-k', join(repository, 'jobs/policy'))
    account = await serviceAccount(cluster.kubeconfig, user)
    await policies
    victim = await openNamespace(cluster)
    await victim.addService({ name: 'helloworld' })
    servers = [await victim.addPod('helloworld-0'), await victim.addPod('helloworld-1')]
    await victim.run()
    const begin = async (attack: (typeof ATTACKS)[number]) =>
      attacks.push(await beginAttack(await openNamespace(cluster), attack))
    await Promise.all(ATTACKS.map(begin))
  }, 120_000)
  afterAll(async () => {
    await Promise.all(attacks.map((attack) => attack.end()))
    await victim?.close()
    await cluster?.stop()
  })

  beforeEach(async () => {
    for (const server of servers) {
      await server.behave('ok')
      await victim.setStatus(server.name, { ready: true })
    }
  })

  const requests = () => requestsOf(cluster.auditLog, account.username)
  const probeFails = (active: string) => servers.find(({ name }) => name === active)?.behave('error')
  const notReady = (active: string) => victim.setStatus(active, { ready: false })

  /** Its active pod fails, and another takes over. @returns which */
  const failover = async (fail: (active: string) => unknown): Promise<string> => {
    const [before = ''] = await victim.actives()
    await fail(before)
    return until(
      'another pod is active',
      async () => (await victim.actives()).find((name) => name !== before),
      { timeoutMs: 60_000 },
    )
  }

  it('fails over in a pass whose other groups hang still', async () => {
    let pass: ReturnType<typeof startHandler> | undefined
    const before = (await requests()).length
    await failover(async (active) => {
      await probeFails(active)
      pass = startHandler(['-A', '-o', 'json', '--deadline', '10s'], { KUBECONFIG: account.kubeconfig })
    })
    const t0 = performance.now()
    expect(pass?.process.exitCode).toBe(null)
    const { stdout, stderr } = (await pass?.done) ?? {}
    console.log('pass went on for', performance.now() - t0, stderr?.slice(0, 300))
    const { groups } = JSON.parse(stdout ?? '')
    const own = groups.find(({ namespace }: { namespace: string }) => namespace === victim.namespace)
    expect(own).toMatchObject({ decision: 'failover', latch: 'latched', warnings: [] })
    expect(own.error).toBeUndefined()
    console.log(counted((await requests()).slice(before)))
    for (const g of groups.filter((g: any) => g.error).slice(0, 60)) if (!/group-/.test(g.services[0])) console.log(g.namespace, g.services.join().slice(0, 60), JSON.stringify(g.error).slice(0, 200))
  })

  const counted = (all: readonly AuditedRequest[]) => {
    const by = new Map<string, number>()
    for (const { namespace, verb, resource, code } of all) {
      const i = attacks.findIndex((a) => a.namespace === namespace)
      const key = `${i} ${verb} ${resource} ${code}`
      by.set(key, (by.get(key) ?? 0) + 1)
    }
    return [...by].sort().map((x) => x.join(': ')).join('\n')
  }

  describe('in serve', () => {
    let replica: Replica
    beforeAll(async () => {
      replica = await startReplica(['-A', '--interval', '2s', '--watch', '--insecure', ...DEADLINE], {
        KUBECONFIG: account.kubeconfig,
      })
      await until('all is read', async () => (await replica.metric('active_passive_groups')) > ATTACKS.length || undefined)
    })
    afterAll(async () => {
      const { stderr, stdout } = (await replica?.stop()) ?? {}
      console.log(stderr?.slice(0, 3000), stdout?.length)
    })

    it.each([
      ['by its loop', probeFails],
      ['by its watch', notReady],
      [
        'by an alert, and another one that names a thousand groups',
        async (active: string) => {
          await probeFails(active)
          void post(attacks.flatMap(({ namespace }) => Array.from({ length: 60 }, (_, n) => ({ namespace, service: `group-${n}` }))))
          void post(Array.from({ length: 240 }, (_, n) => ({ namespace: `nowhere-${n}`, service: 'a' })))
          void post([{ namespace: victim.namespace, service: 'helloworld' }])
        },
      ],
    ])('fails over %s', async (_how, fail) => {
      const before = (await requests()).length
      const t0 = performance.now()
      await failover(fail)
      console.log('took', _how, performance.now() - t0)
      console.log(counted((await requests()).slice(before)))
      console.log((await replica.metrics()).split('\n').filter((l) => /passes_total|triggers/.test(l) && !l.startsWith('#')).join('\n'))
    })

    const post = (labels: readonly Readonly<Record<string, string>>[]) =>
      fetch(`${replica.url}/alertmanager`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(aWebhook(labels)),
      })
  })
})
