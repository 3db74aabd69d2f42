// Everything in jobs/ is applied, and removed by the commands of jobs/README.md: nothing stays in the cluster. On a control
// plane of its own, for admission policies and what is left are a whole cluster's matter.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as keys from '../../handler/kube/keys.js'
import { findBinaries } from '../support/cluster/binaries.js'
import { type Kube, type KubeList, type KubeObject, kube } from '../support/cluster/client.js'
import { type ControlPlane, startControlPlane } from '../support/cluster/control-plane.js'
import { until } from '../support/cluster/poll.js'
import { repository } from '../support/handler.js'
import { type Kubectl, kubectlFor } from '../support/kubectl.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { installOperatorResources } from '../support/operator-resources.js'
import { withOverlay } from '../support/overlay.js'

const page = readFileSync(join(repository, 'jobs/README.md'), 'utf8')
const section = (title: string): readonly string[] => {
  const [, rest = ''] = page.split(`\n## ${title}\n`)
  return [...(rest.split('\n## ')[0] ?? '').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
}
const [LEFT = ''] = section('Labels')
const [CRONJOB = '', SERVE = '', REST = '', ROLES = '', NOTES = ''] = section('Removing it')
const SECRETS = ['active-passive-token', 'active-passive-notify']
const COMPONENTS = ['openshift', 'mesh', 'notify', 'without-latch', 'prometheus-operator', 'all-namespaces']
const withoutPolicies = COMPONENTS.filter((name) => name !== 'all-namespaces')

describe.skipIf(findBinaries() === undefined)('removal by jobs/README.md', { timeout: 120_000 }, () => {
  let cluster: ControlPlane
  let admin: Kube
  let kubectl: Kubectl
  const played = new AbortController()
  let kubelet: Promise<void>

  beforeAll(async () => {
    cluster = await startControlPlane()
    admin = kube(cluster.kubeconfig)
    kubectl = kubectlFor(cluster.kubeconfig)
    await installOperatorResources(admin)
    kubelet = completePasses(admin, played.signal)
  })
  afterAll(async () => {
    played.abort()
    await kubelet
    await cluster?.stop()
  })

  /** As a user pastes it, but for the logs, which no kubelet has here. */
  const paste = async (commands: string): Promise<string> => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, PATH: `${findBinaries()}:${process.env.PATH}` }
    const script = commands.replace(/^kubectl logs .*\n/gm, '')
    return (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { cwd: repository, env })).stdout
  }

  /** All that has our name or the demo's, labelled or not. An Event goes by itself, and tells of what is gone. */
  const left = async (): Promise<readonly string[]> => {
    const all = (await paste(LEFT.replace(/ -l \S+\n/, ' -o name\n'))).split('\n')
    return all.filter((name) => /active-passive|helloworld/.test(name) && !name.startsWith('event'))
  }
  const untilNothingIsLeft = () =>
    until('nothing of ours is left', async () => ((await left()).length === 0 ? true : undefined), {
      timeoutMs: 15_000,
      everyMs: 300,
    }).catch(async (error) => {
      throw new Error(`left behind: ${(await left()).join(', ')}`, { cause: error })
    })

  const secrets = async (...names: readonly string[]) => {
    for (const name of names) await kubectl('create', 'secret', 'generic', name, '--from-literal=token=a')
  }

  /** Each folder as it is: what the page's commands name. */
  it('of every folder leaves nothing behind', async () => {
    for (const folder of ['cronjob', 'serve', 'policy', 'alerts', 'demo'])
      await kubectl('apply', '-k', `jobs/${folder}`)
    await secrets(...SECRETS)
    expect((await paste(LEFT)).match(/active-passive|helloworld/g)?.length).toBeGreaterThan(30)
    await paste(CRONJOB)
    await paste(SERVE)
    await paste(REST)
    await untilNothingIsLeft()
  })

  it.each([
    [['cronjob', 'serve', 'once'], COMPONENTS],
    [['base', 'serve'], withoutPolicies],
  ])(
    'of an overlay of jobs/ %j with the components %j takes along what they have brought',
    async (folders, components) => {
      const overlay = {
        namespace: 'default',
        resources: folders.map((folder) => `jobs/${folder}`),
        components: components.map((name) => `jobs/components/${name}`),
      }
      await withOverlay(overlay, async (path) => {
        await kubectl('apply', '-k', path)
        await kubectl('delete', '-k', path)
      })
      await untilNothingIsLeft()
    },
  )

  describe('from the pods and Services of users', () => {
    let world: OnCluster
    beforeEach(async () => {
      world = await openNamespace(cluster)
    })
    afterEach(() => world.close())

    it('takes off all that passes write, by the commands that name it', async () => {
      const { PREFIX, PIN, CLAIM, MANAGED, HISTORY, PAUSE, ...marks } = keys
      await world.addService({ name: 'helloworld', annotations: { [MANAGED]: 'true', [PAUSE]: 'false' } })
      const servers = [await world.addPod('helloworld-0'), await world.addPod('helloworld-1')]
      expect((await world.run()).code).toBe(0)
      await servers[0]?.behave('error')
      expect((await world.run(['--failures=1', '--period=50ms'])).code).toBe(0)
      // What only happens now and then.
      const annotations = Object.fromEntries(Object.values(marks).map((key) => [key, '1']))
      await world.admin.patch(`${world.api}/pods/helloworld-0`, { metadata: { annotations } })
      await world.annotateService('helloworld', { [CLAIM]: 'of-a-crashed-pass', [keys.HEALED]: '1' })

      const here = (commands: string) => commands.replaceAll(/^kubectl /gm, `kubectl -n ${world.namespace} `)
      await paste(here(ROLES))
      await paste(here(NOTES))
      for (const { metadata } of await world.pods()) {
        expect(metadata.labels).toEqual({ app: 'helloworld' })
        expect(metadata.annotations ?? {}).toEqual({})
      }
      const { metadata } = await world.admin.get(`${world.api}/services/helloworld`)
      expect(Object.keys(metadata.annotations ?? {}).sort()).toEqual([MANAGED, PAUSE])
    })
  })
})

/** There is no node: the pods of Jobs are said to have done their work as soon as they are there. */
async function completePasses(admin: Kube, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const pods = await admin
      .get<KubeList<KubeObject & { readonly status?: { readonly phase?: string } }>>(
        '/api/v1/namespaces/default/pods?labelSelector=batch.kubernetes.io/job-name',
      )
      .catch(() => ({ items: [] }))
    for (const { metadata, status } of pods.items) {
      if (status?.phase !== 'Pending') continue
      const path = `/api/v1/namespaces/default/pods/${metadata.name}/status`
      await admin.patch(path, { status: { phase: 'Succeeded' } }).catch(() => undefined)
    }
    await sleep(100)
  }
}
