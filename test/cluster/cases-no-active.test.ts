// A Service that has no active pod, or is nearly ours, is not told to be well.
import { beforeEach, describe, expect, inject, it } from 'vitest'
import { freePort } from '../support/cluster/ports.js'
import { type OnCluster, openNamespace } from '../support/on-cluster.js'
import { addWorkload } from '../support/workloads.js'

const cluster = inject('cluster')
const FAST = ['--failures', '1']

describe.skipIf(!cluster)('a Service', () => {
  let world: OnCluster
  beforeEach(async () => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>)
    return () => world.close()
  })

  const addPods = async (...labels: readonly Readonly<Record<string, string>>[]) => {
    for (const [n, own] of labels.entries()) await world.addPod(`helloworld-${n}`, 'ok', { labels: own })
  }
  /** A group that is well, beside what is looked at. */
  const addGroup = async (annotations = {}) => {
    await world.addService({ name: 'helloworld', annotations })
    await addPods({}, {})
    await world.run()
  }
  const patches = async () => ((await world.takeRequests()) ?? []).filter((request) => request.startsWith('patch'))
  const rolesOf = async () => (await world.pods()).map(({ metadata }) => metadata.labels?.role)
  /** The administrator, whom no namespace is closed to. */
  const asAdmin = { KUBECONFIG: cluster?.kubeconfig ?? '' }

  describe('whose pods use the role label themselves', () => {
    it('for whatever it is, is an error, and they are left alone', async () => {
      const ways = { raft: ['leader', 'follower'], sql: ['primary', 'replica'], old: ['master', 'slave'] }
      for (const [app, roles] of Object.entries({ ...ways, case: ['Active', 'Passive'] })) {
        await world.addService({ name: app, selector: { app, role: 'active' } })
        for (const role of roles) await world.addPod(`${app}-${role.toLowerCase()}`, 'ok', { labels: { app, role } })
      }
      const before = await rolesOf()
      const { code, groups } = await world.report()
      expect(groups).toHaveLength(4)
      for (const { error } of groups) {
        expect(error).toMatchObject({ code: 'foreign-role', remedy: expect.stringContaining('--role-label') })
        expect(`${error?.object}: ${error?.message}`).toMatch(/leader|primary|master|Active/)
      }
      expect(code).toBe(1)
      expect(await patches()).toEqual([])
      expect(await rolesOf()).toEqual(before)
    })

    it('is served by another label, as the remedy says', async () => {
      await world.addService({ name: 'helloworld', selector: { app: 'helloworld', traffic: 'active' } })
      await addPods({ role: 'leader' }, { role: 'follower' })
      expect(await world.report(['--role-label', 'traffic'])).toMatchObject({ code: 0, group: { decision: 'first' } })
      expect(await rolesOf()).toEqual(['leader', 'follower'])
      expect(await world.labels('helloworld-0')).toMatchObject({ traffic: 'active' })
    })
  })

  describe('without pods', () => {
    it('is empty and well where its Deployment is scaled to zero', async () => {
      await world.addService({ name: 'helloworld' })
      await addWorkload(world, 'deployments', { name: 'helloworld', replicas: 0, template: { port: await freePort() } })
      await world.addPod('stranger', 'ok', { labels: { app: 'stranger' } })
      const { code, group, warnings } = await world.report()
      expect(group).toMatchObject({ decision: 'empty', warnings: [] })
      expect({ code, warnings }).toEqual({ code: 0, warnings: [] })
    })

    it('that are nearly what it selects says so, with its selector', async () => {
      await addPods({ tier: 'web' }, { tier: 'web' })
      const nearly: readonly (readonly [wrong: string, selector: Readonly<Record<string, string>>])[] = [
        ['helloworl', { app: 'helloworl' }],
        ['hellowrold', { app: 'hellowrold' }],
        ['Helloworld', { app: 'Helloworld' }],
        ['wbe', { app: 'helloworld', tier: 'wbe' }],
        ['apps', { apps: 'helloworld' }],
      ]
      for (const [n, [, selector]] of nearly.entries()) {
        await world.addService({ name: `nearly-${n}`, selector: { ...selector, role: 'active' } })
      }
      const { groups } = await world.report()
      for (const [n, [wrong]] of nearly.entries()) {
        const group = groups.find(({ services }) => services.includes(`nearly-${n}`))
        expect([group?.error?.message, ...(group?.warnings ?? [])].join('\n')).toContain(wrong)
      }
      expect(await rolesOf()).toEqual([undefined, undefined])
    })
  })

  it('that is nearly ours is named, and what is wrong with it', async () => {
    await addGroup()
    const nearly = {
      capital: ['role', 'Active'],
      capitals: ['role', 'ACTIVE'],
      cut: ['role', 'activ'],
      other: ['role', 'passive'],
      key: ['rolle', 'active'],
      'capital-key': ['Role', 'active'],
    } as const
    for (const [name, [key, value]] of Object.entries(nearly)) {
      await world.addService({ name: `nearly-${name}`, selector: { app: 'helloworld', [key]: value } })
    }
    await world.addService({ name: 'web', selector: { app: 'helloworld' } })
    const { code, group, warnings } = await world.report()
    for (const [name, [key, value]] of Object.entries(nearly)) {
      const about = warnings.filter((warning) => new RegExp(`nearly-${name}(?![\\w-])`).test(warning))
      expect([name, about]).toEqual([name, [expect.stringContaining(key)]])
      expect(about[0]).toContain(value)
    }
    expect(warnings).toHaveLength(6)
    expect(code).toBe(0)
    expect(group).toMatchObject({ decision: 'keep' })
    expect((await world.run()).stdout).toContain('nearly-capital')
  })

  describe('that is nowhere', () => {
    it('in a namespace that does not exist is an error', async () => {
      const { code, group } = await world.report(['-n', `${world.namespace}-x`], asAdmin)
      expect(group).toMatchObject({ error: { code: 'nothing-in-scope' } })
      expect(`${group.error?.object}: ${group.error?.message}`).toContain(`${world.namespace}-x`)
      expect(code).toBe(1)
    })

    it('in one of several namespaces that were named is a warning: the others are served', async () => {
      await addGroup()
      const { code, groups, warnings } = await world.report(
        ['-n', world.namespace, '-n', `${world.namespace}-x`],
        asAdmin,
      )
      expect(groups.map(({ decision }) => decision)).toEqual(['keep'])
      expect(warnings).toEqual([expect.stringContaining(`namespace ${world.namespace}-x`)])
      expect(code).toBe(0)
    })

    it('in a namespace that was named and has only others is an error', async () => {
      await world.addService({ name: 'web', selector: { app: 'helloworld' } })
      const { code, group } = await world.report(['-n', world.namespace])
      expect(group).toMatchObject({ error: { code: 'nothing-in-scope' } })
      expect(code).toBe(1)
    })

    it('and was named is an error', async () => {
      await addGroup()
      const { code, stdout } = await world.run(['--service', 'nope'])
      expect(stdout).toContain('nope')
      expect(code).toBe(1)
    })

    it('is said, and no error, where nothing was named', async () => {
      await world.addService({ name: 'web', selector: { app: 'helloworld' } })
      const { code, stdout } = await world.run()
      expect(stdout).toMatch(/no managed Service/i)
      expect(code).toBe(0)
    })
  })

  describe('whose annotations', () => {
    it('name pods that are not there hears of it', async () => {
      await addGroup({ 'active-passive/prefer': 'helloword-1', 'active-passive/never': 'helloworld-7' })
      const { code, group } = await world.report()
      for (const name of ['helloword-1', 'helloworld-7']) expect(group.warnings.join('\n')).toContain(name)
      expect(code).toBe(0)
    })

    it('are nearly some of ours is asked whether those were meant', async () => {
      const nearly = { prefere: 'prefer', 'fail-back': 'failback', healthcheck: 'health-check', Pause: 'pause' }
      const annotations = Object.keys(nearly).map((wrong) => [`active-passive/${wrong}`, 'x'])
      await addGroup(Object.fromEntries(annotations))
      const { group } = await world.report()
      const said = [group.error?.message, group.error?.remedy, ...group.warnings].join('\n')
      for (const [wrong, right] of Object.entries(nearly)) {
        expect(said).toContain(wrong)
        expect(said.replaceAll(wrong, '')).toContain(right)
      }
      expect(said).toMatch(/did you mean/i)
    })
  })

  it('is not touched where a variable is set that is nearly ours', async () => {
    await world.addService({ name: 'helloworld' })
    await addPods({}, {})
    await world.takeRequests()
    for (const [name, meant] of [
      ['AP_DRYRUN', 'AP_DRY_RUN'],
      ['AP_NAMESPACES', 'AP_NAMESPACE'],
      ['AP_WHATEVER', ''],
    ] as const) {
      const { code, stderr } = await world.run([], { [name]: 'true' })
      expect(stderr).toContain(name)
      expect(stderr.replaceAll(name, '')).toMatch(meant)
      expect(code).toBe(2)
    }
    expect(await patches()).toEqual([])
  })

  it('is served beside the variables of Services whose names begin with ap', async () => {
    await world.addService({ name: 'helloworld' })
    await addPods({}, {})
    const env = {
      AP_DB_SERVICE_HOST: '10.96.0.7',
      AP_DB_SERVICE_PORT: '5432',
      AP_DB_SERVICE_PORT_SQL: '5432',
      AP_DB_PORT: 'tcp://10.96.0.7:5432',
      AP_DB_PORT_5432_TCP: 'tcp://10.96.0.7:5432',
      AP_DB_PORT_5432_TCP_PROTO: 'tcp',
      AP_DB_PORT_5432_TCP_PORT: '5432',
      AP_DB_PORT_5432_TCP_ADDR: '10.96.0.7',
    }
    expect(await world.run([], env)).toMatchObject({ code: 0, stderr: '' })
  })

  describe('that is paused', () => {
    const PAUSED = { 'active-passive/pause': 'true' }

    it('is well as long as it has its active pod', async () => {
      await addGroup()
      await world.annotateService('helloworld', PAUSED)
      expect(await world.report()).toMatchObject({ code: 0, group: { decision: 'paused', reason: { code: 'paused' } } })
    })

    it('is not well without one, and none is made', async () => {
      await addGroup(PAUSED)
      expect(await world.report()).toMatchObject({ code: 1, group: { reason: { code: 'paused' } } })
      expect(await world.actives()).toEqual([])
    })

    it('is not well when its active pod has ended', async () => {
      await addGroup()
      await world.annotateService('helloworld', PAUSED)
      await world.setStatus('helloworld-0', { phase: 'Failed', ready: false })
      await world.takeRequests()
      expect(await world.report(FAST)).toMatchObject({ code: 1, group: { reason: { code: 'paused' } } })
      expect(await patches()).toEqual([])
    })
  })
})
