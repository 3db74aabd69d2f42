// A group beside tenants who mean harm, each in a namespace of its own, all at once: one program serves them all, with the
// account and the policies of jobs/, on a control plane of its own. How long it takes is measured by hand, one tenant after
// the other: `npm run bench:fairness -- --attacks`.
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { ATTACKS, type BegunAttack, beginAttack } from '../support/attacks.js'
import { type RunningHandler, repository, startHandler } from '../support/handler.js'
import { kubectlFor } from '../support/kubectl.js'
import { type JsonGroup, type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { type Replica, startReplica } from '../support/replica.js'
import type { TestServer } from '../support/servers.js'
import { requestsOf } from './audit.js'
import { findBinaries } from './binaries.js'
import { type ControlPlane, startControlPlane } from './control-plane.js'
import { until } from './poll.js'
import { serviceAccount } from './users.js'

const FAST = ['--period', '100ms']
/** Far more than the tests take: the pods that hang are waited for until the end. */
const SERVE = ['-A', '--interval', '2s', '--watch', '--insecure', '--deadline', '300s', ...FAST]
/** Of the account, for each tenant and pass: two LISTs, and what it takes to count the failures of up to 64 pods. */
const MOST_REQUESTS = 200
/** So many Services are made in seconds. */
const MANY = 250
const SOON = { timeoutMs: 60_000 }

describe.skipIf(findBinaries() === undefined)('a group beside tenants who mean harm', { timeout: 90_000 }, () => {
  let cluster: ControlPlane
  let account: { readonly kubeconfig: string; readonly username: string }
  let victim: OnCluster
  let servers: readonly TestServer[]
  const attacks = new Map<string, BegunAttack>()

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
      attacks.set(attack.name, await beginAttack(await openNamespace(cluster), attack, MANY))
    await Promise.all(ATTACKS.map(begin))
  }, 120_000)
  afterAll(async () => {
    await Promise.all([...attacks.values()].map((attack) => attack.end()))
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
  const probeFails = async (active: string) => servers.find(({ name }) => name === active)?.behave('error')
  const notReady = (active: string) => victim.setStatus(active, { ready: false })

  /** Its active pod fails, and the other one takes over. */
  const failOver = async (fail: (active: string) => Promise<unknown>): Promise<void> => {
    const [before] = await victim.actives()
    await fail(before ?? '')
    await until('another pod is active', async () => (await victim.actives()).find((name) => name !== before), SOON)
  }

  /** What the account asked for in the tenants' namespaces, since so many requests. */
  const requestsSince = async (count: number): Promise<ReadonlyMap<string, number>> => {
    const fresh = (await requests()).slice(count)
    const ofTenant = ({ namespace }: BegunAttack) => fresh.filter((request) => request.namespace === namespace).length
    return new Map([...attacks].map(([name, attack]) => [name, ofTenant(attack)]))
  }

  it('fails over in a pass that goes on with the others', async () => {
    const before = (await requests()).length
    let pass: RunningHandler | undefined
    await failOver(async (active) => {
      await probeFails(active)
      pass = startHandler(['-A', '-o', 'json', ...FAST], { KUBECONFIG: account.kubeconfig })
    })
    expect(pass?.process.exitCode).toBe(null)
    pass?.process.kill() // it ends as soon as it can
    const { groups } = JSON.parse((await pass?.done)?.stdout ?? '') as {
      readonly groups: readonly (JsonGroup & { readonly namespace: string })[]
    }
    const own = groups.find(({ namespace }) => namespace === victim.namespace)
    expect(own).toMatchObject({ decision: 'failover', latch: 'latched', warnings: [] })
    expect(own?.error).toBeUndefined()
    for (const [attack, count] of await requestsSince(before)) expect(count, attack).toBeLessThan(MOST_REQUESTS)
  })

  describe('in serve', () => {
    let replica: Replica
    beforeAll(async () => {
      replica = await startReplica(SERVE, { KUBECONFIG: account.kubeconfig })
      const groups = () => replica.metric('active_passive_groups')
      await until('it has read what there is', async () => (await groups()) > 0 || undefined)
    })
    afterAll(() => replica?.stop())

    const alert = async (labels: readonly Readonly<Record<string, string>>[]) => {
      const body = JSON.stringify(aWebhook(labels))
      const headers = { 'content-type': 'application/json' }
      return (await fetch(`${replica.url}/alertmanager`, { method: 'POST', headers, body })).text()
    }
    /** Of a thousand groups that there are, and of as many namespaces as one message may name. */
    const floodOfAlerts = () => {
      const namespace = attacks.get('a thousand Services')?.namespace ?? ''
      void alert(Array.from({ length: 1_000 }, (_, n) => ({ namespace, service: `group-${n}` }))).catch(() => {})
      void alert(Array.from({ length: 250 }, (_, n) => ({ namespace: `none-${n}`, service: 'a' }))).catch(() => {})
    }
    const failsWithAlerts = async (active: string) => {
      floodOfAlerts()
      await probeFails(active)
      void alert([{ namespace: victim.namespace, service: 'helloworld' }]).catch(() => {})
    }

    it.each([
      ['by its loop', probeFails],
      ['by its watch', notReady],
      ['by an alert among others that name a thousand groups', failsWithAlerts],
    ])('fails over %s, while passes wait for what hangs', async (_how, fail) => {
      const before = (await requests()).length
      const asked = await replica.metric('active_passive_triggers_total')
      await failOver(fail)
      const passes = (await replica.metric('active_passive_triggers_total')) - asked + 1
      const [begun, ended] = [
        await replica.metric('active_passive_triggers_total', { trigger: 'interval' }),
        await replica.metric('active_passive_passes_total', { trigger: 'interval' }),
      ]
      expect(ended).toBeLessThan(begun)
      for (const [attack, count] of await requestsSince(before)) {
        expect(count, attack).toBeLessThan(MOST_REQUESTS * passes)
      }
    })
  })
})
