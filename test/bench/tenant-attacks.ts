/**
 * `npm run bench:fairness -- --attacks`: what a failover in one namespace waits for a tenant of another who wants it to wait.
 * One account serves all namespaces. For each attack (test/support/attacks.ts) the same group fails over without it and
 * with it, by a pass alone and, in one process of serve, by its loop, its watch and an alert.
 */

import { aWebhook } from '../support/alerts.js'
import { ATTACKS, type BegunAttack, beginAttack } from '../support/attacks.js'
import type { ControlPlane } from '../support/cluster/control-plane.js'
import { until } from '../support/cluster/poll.js'
import { serviceAccount } from '../support/cluster/users.js'
import { startHandler } from '../support/handler.js'
import { type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { type Replica, startReplica } from '../support/replica.js'
import type { TestServer } from '../support/servers.js'
import type { Work } from '../support/work.js'
import { median } from './measure.js'

interface Victim {
  readonly here: OnCluster
  readonly servers: readonly TestServer[]
  /** Of the account that serves all. */
  readonly kubeconfig: string
}

/** @returns ms, where it is not all that it took */
type Way = (victim: Victim, replica: Replica, active: string) => Promise<number | undefined>

/** A handover by the watch takes so little that chance decides between a few of them. */
const WATCHES_FOR_EACH_RUN = 5

const WAYS: Readonly<Record<string, Way>> = {
  run: async (victim, _replica, active) => {
    await fails(victim, active)
    const { process, done } = startHandler(['-A'], { KUBECONFIG: victim.kubeconfig })
    await moved(victim, active)
    process.kill() // it has no more to do for this group
    void done
    return undefined
  },
  loop: async (victim, replica, active) => {
    await ticked(replica) // when in its period a pod fails would decide otherwise
    const startedAt = performance.now()
    await fails(victim, active)
    await moved(victim, active)
    return performance.now() - startedAt
  },
  watch: async (victim, _replica, active) => {
    await victim.here.setStatus(active, { ready: false })
    await moved(victim, active)
    return undefined
  },
  alert: async (victim, { url }, active) => {
    await fails(victim, active)
    const alerts = [{ namespace: victim.here.namespace, service: 'victim' }]
    const body = JSON.stringify(aWebhook(alerts))
    const headers = { 'content-type': 'application/json' }
    const answer = fetch(`${url}/alertmanager`, { method: 'POST', headers, body }).then((one) => one.text())
    await moved(victim, active)
    await answer
    return undefined
  },
}

/** @param serve arguments besides `-A` @param only a part of the names of attacks */
export async function compareAttacks(
  cluster: ControlPlane,
  runs: number,
  serve: readonly string[],
  only: string,
  work: Pick<Work, 'at' | 'print'>,
): Promise<void> {
  const user = { namespace: 'active-passive', name: 'active-passive', clusterRules: WATCH_RIGHTS }
  const { kubeconfig } = await serviceAccount(cluster.kubeconfig, user)
  const here = await openNamespace(cluster)
  await here.addService({ name: 'victim', selector: { app: 'victim', role: 'active' } })
  const labels = { app: 'victim' }
  const servers = [await here.addPod('victim-0', 'ok', { labels }), await here.addPod('victim-1', 'ok', { labels })]
  const victim: Victim = { here, servers, kubeconfig }
  await here.run()
  work.print(`median ms of ${runs} without / with the attack, and their ratio`)
  for (const attack of ATTACKS.filter(({ name }) => name.includes(only))) {
    work.at(attack.name)
    const without = await measure(victim, runs, serve)
    const tenant = await openNamespace(cluster)
    const begun: BegunAttack = await beginAttack(tenant, attack)
    const during = await measure(victim, runs, serve)
    await begun.end()
    await tenant.close()
    const cells = Object.keys(WAYS).map((way) => {
      const [before = 0, after = 0] = [without[way], during[way]]
      return `${way} ${before.toFixed(0)} / ${after.toFixed(0)} (${(after / before).toFixed(2)})`
    })
    work.print(`  ${attack.name}: ${cells.join('; ')}`)
  }
  await here.close()
}

/** The median of each way, of a process that has been there for a while. */
async function measure(
  victim: Victim,
  runs: number,
  serve: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  const replica = await startReplica(['-A', ...serve], { KUBECONFIG: victim.kubeconfig })
  await until('it has read what there is', async () => (await replica.metric('active_passive_groups')) > 0 || undefined)
  const figures: Record<string, number> = {}
  for (const [way, measureOne] of Object.entries(WAYS)) {
    const times: number[] = []
    for (let n = 0; n < (way === 'watch' ? WATCHES_FOR_EACH_RUN * runs : runs); n++) {
      const [active = ''] = await victim.here.actives()
      const startedAt = performance.now()
      const own = await measureOne(victim, replica, active)
      times.push(own ?? performance.now() - startedAt)
      for (const server of victim.servers) {
        await server.behave('ok')
        await victim.here.setStatus(server.name, { ready: true })
      }
    }
    figures[way] = median(times)
  }
  replica.kill('SIGKILL')
  await replica.done
  return figures
}

function fails({ servers }: Victim, active: string): Promise<unknown> {
  return Promise.all(servers.map((server) => server.behave(server.name === active ? 'error' : 'ok')))
}

/** Resolves when the loop has begun another pass. */
async function ticked(replica: Replica): Promise<unknown> {
  const ticks = () => replica.metric('active_passive_triggers_total', { trigger: 'interval' })
  const before = await ticks()
  return until('another tick', async () => (await ticks()) > before || undefined, { timeoutMs: 120_000, everyMs: 20 })
}

function moved({ here }: Victim, from: string): Promise<string> {
  const other = async () => (await here.actives()).find((name) => name !== from)
  return until('another pod is active', other, { timeoutMs: 120_000, everyMs: 10 })
}
