// Credentials that are refused, replaced or not enough. A 401 says nothing of a pod, and costs one request.
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type ApiError, kube } from '../support/cluster/client.js'
import { until } from '../support/cluster/poll.js'
import { serviceAccount } from '../support/cluster/users.js'
import { type JsonRun, type OnCluster, openNamespace, WATCH_RIGHTS } from '../support/on-cluster.js'
import { type RefusingProxy, startRefusingProxy } from '../support/refusing-proxy.js'
import { type Replica, startReplica } from '../support/replica.js'
import type { TestServer } from '../support/servers.js'

const cluster = inject('cluster')
const HOME = { selector: { app: 'helloworld', role: 'active' }, annotations: {} }
const FAST = ['--failures', '1']
const PROMOTION = '{"op":"add","path":"/metadata/labels/role","value":"active"}'
const RBAC = 'rbac.authorization.k8s.io'

describe.skipIf(!cluster)('a credential', { timeout: 60_000 }, () => {
  let world: OnCluster
  let pods: readonly TestServer[]
  let proxy: RefusingProxy
  let serving: Replica

  beforeAll(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>, WATCH_RIGHTS)
    await world.addService({ name: 'helloworld' })
    pods = [await world.addPod('helloworld-0'), await world.addPod('helloworld-1')]
    await world.run(FAST)
    proxy = await startRefusingProxy(world.kubeconfig)
    serving = await startReplica(FAST, { KUBECONFIG: proxy.kubeconfig })
  })
  afterAll(async () => {
    await serving?.stop()
    await proxy?.close()
    await world?.close()
  })

  /** The active pod fails, and the other is well. @returns the name of each */
  const trouble = async () => {
    const [failing = ''] = await world.actives()
    for (const pod of pods) await pod.behave(pod.name === failing ? 'error' : 'ok')
    return { failing, winner: failing === 'helloworld-0' ? 'helloworld-1' : 'helloworld-0' }
  }
  const byPass = (...args: readonly string[]) => world.report([...FAST, ...args, '--kubeconfig', proxy.kubeconfig])
  const byServe = async (): Promise<JsonRun> => {
    const response = await fetch(`${serving.url}/run`, { method: 'POST' })
    const report = (await response.json()) as Pick<JsonRun, 'groups' | 'warnings' | 'requests'>
    return { ...report, code: response.status === 200 ? 0 : 3, group: report.groups[0] as JsonRun['group'] }
  }

  it.each([
    ['serve, which checks its claim by a patch', byServe, [1, 2, 3, 4, 5, 6, 7]],
    ['a pass, which checks its claim by a list', byPass, [5, 6]],
  ] as const)('that is refused once in a failover costs that request once more: %s', async (_by, pass, places) => {
    for (const place of places) {
      const { winner } = await trouble()
      proxy.refuse(({ nth }) => nth === place)
      const { code, group } = await pass()
      const { refusals } = proxy
      const found = { place, code, refusals, after: group.active.after, latch: group.latch, error: group.error }
      expect(found).toEqual({ place, code: 0, refusals: 1, after: winner, latch: 'latched', error: undefined })
      expect(await world.actives()).toEqual([winner])
      expect(await world.service('helloworld')).toEqual(HOME)
    }
  })

  it('that is refused at each promotion of the healthy pod never makes the failing one active again', async () => {
    const { winner } = await trouble()
    proxy.refuse(({ path, body }) => path.includes(`/pods/${winner}?`) && body.includes(PROMOTION))
    const { code, group } = await byPass('--deadline', '10s')
    proxy.refuse(() => false)
    const { active, error } = group
    expect({ code, active: active.after, actives: await world.actives() }).toEqual({
      code: 3,
      active: null,
      actives: [],
    })
    expect(error).toMatchObject({
      code: 'unauthenticated',
      message: expect.stringContaining(`could not patch pods in namespace ${world.namespace}: status 401`),
    })
    expect(await world.service('helloworld')).toEqual(HOME)
    expect(await byPass()).toMatchObject({ code: 0 })
    expect(await world.actives()).toEqual([winner])
  })

  it('in a file that is replaced is used from then on, and the one before it is void', async () => {
    const account = { namespace: world.namespace, name: 'rotated', rules: WATCH_RIGHTS }
    const admin = (cluster as NonNullable<typeof cluster>).kubeconfig
    const old = await serviceAccount(admin, account)
    const file = `${old.kubeconfig}-token`
    const config = JSON.parse(await readFile(old.kubeconfig, 'utf8'))
    const ofFile = `${old.kubeconfig}-of-file`
    await writeFile(ofFile, JSON.stringify({ ...config, users: [{ name: 'rotated', user: { tokenFile: file } }] }))
    await writeFile(file, await tokenOf(old.kubeconfig))
    const replica = await startReplica([...FAST, '--interval', '1s'], { KUBECONFIG: ofFile })
    try {
      await until('a pass', async () => (await fetch(`${replica.url}/readyz`)).ok || undefined)
      await world.admin.delete(`${world.api}/serviceaccounts/rotated`)
      await writeFile(file, await tokenOf((await serviceAccount(admin, account)).kubeconfig))
      // It knows a token that it has accepted for ten seconds.
      await until('the old token is void', async () => ((await statusOf(old.kubeconfig)) === 401 ? true : undefined))
      const { winner } = await trouble()
      await until(`${winner} is active`, async () => (await world.actives()).join() === winner || undefined, {
        timeoutMs: 15_000,
      })
    } finally {
      await replica.stop()
    }
    const { code, group, requests } = await world.report([...FAST, '--kubeconfig', old.kubeconfig])
    expect({ code, requests, error: group.error }).toMatchObject({
      code: 3,
      requests: 2,
      error: {
        code: 'unauthenticated',
        message: expect.stringContaining('status 401, not authenticated'),
        remedy: expect.stringContaining('the token is void once its ServiceAccount is deleted'),
      },
    })
  })

  it('from a plugin that is told of its cluster is used', async () => {
    const config = JSON.parse(await readFile(world.kubeconfig, 'utf8'))
    const [{ cluster: given }] = config.clusters
    const [plugin, authority] = [`${world.kubeconfig}-plugin`, `${world.kubeconfig}-ca`]
    const { server, 'certificate-authority-data': data } = given
    await writeFile(authority, Buffer.from(data, 'base64'))
    await writeFile(plugin, PLUGIN(data, await tokenOf(world.kubeconfig)))
    await chmod(plugin, 0o700)
    const extension = { landscape: 'prod-eu', project: 'team-a', cluster: 'shop' }
    const named = { server, 'certificate-authority': authority, extensions: [{ name: FOR_PLUGINS, extension }] }
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' }
    const kubeconfig = `${world.kubeconfig}-exec`
    const users = [{ ...config.users[0], user: { exec: { ...exec, provideClusterInfo: true } } }]
    await writeFile(
      kubeconfig,
      JSON.stringify({ ...config, clusters: [{ ...config.clusters[0], cluster: named }], users }),
    )
    expect(await world.report([...FAST, '--kubeconfig', kubeconfig])).toMatchObject({ code: 0 })
  })

  /** Refuses until told so, and then what the pass says. */
  const refused = async (said: RegExp) => {
    await until(
      `${said}`,
      async () => said.test(await messageOf(world.kubeconfig, `${world.api}/services`)) || undefined,
    )
    const { code, group } = await world.report(FAST)
    expect({ code, error: group.error?.code }).toEqual({ code: 3, error: 'denied' })
    return group.error?.remedy
  }

  it('that may not do something is told whether the Role or its binding is missing, where that can be known', async () => {
    const api = `/apis/${RBAC}/v1/namespaces/${world.namespace}`
    const user = `system:serviceaccount:${world.namespace}:active-passive`
    const [services, listed] = ['- {apiGroups: [""], resources: [services], verbs: [list]}', /the namespace "[^"]+"$/]
    const role = (resources: readonly string[]) => ({
      apiVersion: `${RBAC}/v1`,
      kind: 'Role',
      metadata: { name: 'active-passive' },
      rules: [{ apiGroups: [''], resources, verbs: ['list', 'patch'] }],
    })
    await world.admin.delete(`${api}/roles/active-passive`)
    expect(await refused(/RBAC: role/)).toBe(
      `A binding is there, but not what it binds ${user} to: make Role active-passive in namespace ${world.namespace} again, with the rule ${services}`,
    )
    await world.admin.post(`${api}/roles`, role(['pods']))
    const unknown = `Grant it by a rule of a Role in namespace ${world.namespace}: ${services}. Where one has it already, what is missing is its binding to ${user}.`
    expect(await refused(listed)).toBe(unknown)
    await world.admin.put(`${api}/roles/active-passive`, role(['services']))
    await until('services', async () => (await statusOf(world.kubeconfig)) === 200 || undefined)
    expect((await world.report(FAST)).group.error?.remedy).toBe(
      `User ${user} may list services in namespace ${world.namespace}, so that a binding is there: add to its Role the rule - {apiGroups: [""], resources: [pods], verbs: [list]}`,
    )
    await world.admin.delete(`${api}/rolebindings/active-passive`)
    expect(await refused(listed)).toBe(unknown)
  })

  const statusOf = (kubeconfig: string): Promise<number> =>
    kube(kubeconfig)
      .get(`${world.api}/services`)
      .then(
        () => 200,
        ({ status }: ApiError) => status,
      )
})

const FOR_PLUGINS = 'client.authentication.k8s.io/exec'

/** A credential plugin that gives the token only where it is told of this authority, and of this cluster. */
const PLUGIN = (authority: string, token: string) => `#!/bin/sh
case "$KUBERNETES_EXEC_INFO" in *'"certificate-authority-data":"${authority}"'*) ;; *) echo "no authority" >&2; exit 1 ;; esac
case "$KUBERNETES_EXEC_INFO" in *'"config":{'*'"cluster":"shop"'*) ;; *) echo "no config" >&2; exit 1 ;; esac
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"${token}"}}'
`

async function tokenOf(kubeconfig: string): Promise<string> {
  const { users } = JSON.parse(await readFile(kubeconfig, 'utf8')) as { users: [{ user: { token: string } }] }
  return users[0].user.token
}

function messageOf(kubeconfig: string, path: string): Promise<string> {
  return kube(kubeconfig)
    .get(path)
    .then(
      () => '',
      ({ message }: ApiError) => message,
    )
}
