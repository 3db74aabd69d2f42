// Whom a kubeconfig acts as, on a real API server: what only a group may do, and who the audit log says it was.
import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { until } from '../support/cluster/poll.js'
import { serviceAccount } from '../support/cluster/users.js'
import { runHandler } from '../support/handler.js'
import { ALL_RIGHTS, type OnCluster, openNamespace } from '../support/on-cluster.js'

const cluster = inject('cluster')
const GROUP = 'failover-operators'
const RBAC = 'rbac.authorization.k8s.io'
const MAY_IMPERSONATE = [
  { apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] },
  { apiGroups: ['authentication.k8s.io'], resources: ['uids', 'userextras/why%'], verbs: ['impersonate'] },
]

describe.skipIf(!cluster)('node handler with a kubeconfig that acts as another', () => {
  let world: OnCluster | undefined
  afterEach(() => world?.close())

  /** A user with all rights on pods and more, a group that has those of a pass, and one pod of a Service. */
  const open = async () => {
    const { kubeconfig: admin } = cluster as NonNullable<typeof cluster>
    const opened = await openNamespace(cluster as NonNullable<typeof cluster>)
    world = opened
    const { namespace } = opened
    const path = `/apis/${RBAC}/v1/namespaces/${namespace}`
    await opened.admin.post(`${path}/roles`, { metadata: { name: GROUP }, rules: ALL_RIGHTS })
    await opened.admin.post(`${path}/rolebindings`, {
      metadata: { name: GROUP },
      roleRef: { apiGroup: RBAC, kind: 'Role', name: GROUP },
      subjects: [{ apiGroup: RBAC, kind: 'Group', name: GROUP }],
    })
    await until(`${GROUP} may patch pods`, async () => {
      const resourceAttributes = { namespace, verb: 'patch', resource: 'pods' }
      const review = { spec: { user: 'anybody', groups: [GROUP], resourceAttributes } }
      const { status } = await opened.admin.post<{ status: { allowed: boolean } }>(
        '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        review,
      )
      return status.allowed || undefined
    })
    await opened.addService({ name: 'helloworld' })
    await opened.addPod('helloworld-0')
    const base = await serviceAccount(admin, {
      namespace,
      name: 'base',
      rules: ALL_RIGHTS,
      clusterRules: MAY_IMPERSONATE,
    })
    const run = async (user: object) => {
      const config = JSON.parse(await readFile(base.kubeconfig, 'utf8'))
      Object.assign(config.users[0].user, user)
      const file = `${base.kubeconfig}.as`
      await writeFile(file, JSON.stringify(config), { mode: 0o600 })
      return runHandler(['--kubeconfig', file], {})
    }
    return { run, base, actives: opened.actives }
  }

  /** As whom the base user has sent requests. */
  const impersonated = async (username: string) => {
    const { auditLog } = cluster as NonNullable<typeof cluster>
    if (auditLog === undefined) return undefined
    const lines = (await readFile(auditLog, 'utf8')).split('\n').slice(0, -1)
    const events = lines.filter((line) => line.includes(`"username":"${username}"`)).map((line) => JSON.parse(line))
    return events.filter(({ user }) => user.username === username).map((event) => event.impersonatedUser)
  }

  it('may do what a group of theirs may do, and is told apart by uid and extra', async () => {
    const { run, base, actives } = await open()
    const user = {
      as: 'duty-officer',
      'as-uid': '4711',
      'as-groups': ['night-shift', GROUP],
      'as-user-extra': { 'why%': ['pager', 'ü'] },
    }
    expect(await run(user)).toMatchObject({ code: 0, stderr: '' })
    expect(await actives()).toEqual(['helloworld-0'])
    const seen = await impersonated(base.username)
    if (seen === undefined) return // a cluster without an audit log of ours
    expect(seen.length).toBeGreaterThan(2)
    expect(seen).toEqual(
      seen.map(() => ({
        username: 'duty-officer',
        uid: '4711',
        groups: ['night-shift', GROUP, 'system:authenticated'],
        extra: { 'why%': ['pager', 'ü'] },
      })),
    )
  })

  it('may not do what the base user may', async () => {
    const { run, actives } = await open()
    const { code, stdout } = await run({ as: 'duty-officer', 'as-groups': [`night-shift,${GROUP}`] })
    expect(code).toBe(3)
    expect(stdout).toContain('duty-officer')
    expect(await actives()).toEqual([])
  })

  it.each([
    ['as-groups', { 'as-groups': [GROUP] }],
    ['as-uid', { 'as-uid': '4711' }],
    ['as-user-extra', { 'as-user-extra': { 'why%': ['pager'] } }],
    ['as is blank', { as: ' ' }],
  ])('asks nothing at all where nobody is named: %s', async (field, user) => {
    const { run, base } = await open()
    const { code, stdout, stderr } = await run(user)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(new RegExp(`^active-passive: kubeconfig \\S+: user "base": ${field}[^\n]*\n$`))
    expect((await impersonated(base.username)) ?? []).toEqual([])
  })
})
