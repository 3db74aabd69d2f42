// The commands of a person on a real control plane, as users with the rights that people have; and as a plugin of kubectl.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { refuseUpdates } from '../support/admission-policies.js'
import { requestsOf } from '../support/cluster/audit.js'
import { findBinaries } from '../support/cluster/binaries.js'
import { contextName } from '../support/cluster/kubeconfig.js'
import { until } from '../support/cluster/poll.js'
import { type ServiceAccountUser, serviceAccount } from '../support/cluster/users.js'
import { type Run, repository, runHandler } from '../support/handler.js'
import { ALL_RIGHTS, type OnCluster, openNamespace } from '../support/on-cluster.js'

const cluster = inject('cluster')
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const LOOK = ['list services', 'list pods']
/** Rights as `ALL_RIGHTS`, but for one. */
const allBut = (verb: string, resource: string) =>
  ['pods', 'services'].map((one) => ({
    apiGroups: [''],
    resources: [one],
    verbs: ['list', 'patch'].filter((own) => own !== verb || one !== resource),
  }))

describe.skipIf(!cluster)('the commands of a person', { timeout: 60_000 }, () => {
  let world: OnCluster
  const { kubeconfig: admin, auditLog } = cluster ?? { kubeconfig: '' }

  /** With two healthy pods; the first has the role. */
  const open = async (rules = ALL_RIGHTS) => {
    world = await openNamespace(cluster as NonNullable<typeof cluster>, ALL_RIGHTS)
    await world.addService({ name: 'helloworld' })
    await world.addPod('helloworld-0')
    await world.addPod('helloworld-1')
    await world.run()
    if (rules !== ALL_RIGHTS) {
      await serviceAccount(admin, { namespace: world.namespace, name: 'active-passive', rules })
    }
    await world.takeRequests()
  }
  afterEach(() => world?.close())

  /** All that could have been changed. */
  const versions = async () => {
    const { items } = await world.admin.get<{ items: { metadata: { name: string; resourceVersion?: string } }[] }>(
      `${world.api}/services`,
    )
    return [...items, ...(await world.pods())].map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)
  }

  describe('with the ClusterRole view', () => {
    let viewer: ServiceAccountUser
    let before: readonly string[]
    beforeEach(async () => {
      await open()
      const { namespace } = world
      viewer = await serviceAccount(admin, { namespace, name: 'viewer' })
      await world.admin.post(`${RBAC}/namespaces/${namespace}/rolebindings`, {
        metadata: { name: 'may-view' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'ServiceAccount', namespace, name: 'viewer' }],
      })
      await until('the viewer may look', async () => (await type('status')).code === 0 || undefined)
      before = await versions()
    })

    const type = (...words: readonly string[]): Promise<Run> => runHandler(words, { KUBECONFIG: viewer.kubeconfig })
    /** What the command asked of the API server. */
    const asked = async (command: () => Promise<unknown>): Promise<readonly string[] | undefined> => {
      if (auditLog === undefined) return void (await command())
      const earlier = (await requestsOf(auditLog, viewer.username)).length
      await command()
      const fresh = (await requestsOf(auditLog, viewer.username)).slice(earlier)
      return fresh.map(({ verb, resource, code }) => `${verb} ${resource}${code < 300 ? '' : ` ${code}`}`)
    }

    it.each<readonly [string, readonly string[], RegExp, readonly string[]]>([
      ['status', ['status'], /^helloworld +helloworld-0 +\d+s +healthy +1\/1 +nothing: /m, LOOK],
      ['status of one', ['status', 'helloworld'], /^helloworld-1 +passive .* would take over$/m, LOOK],
      ['history', ['history', 'helloworld'], / first +- +helloworld-0 /, ['list services']],
      [
        'a switchover in a dry run',
        ['switchover', 'helloworld', '--dry-run'],
        /^pod\/helloworld-1 would be patched:/m,
        LOOK,
      ],
      ['a pause in a dry run', ['pause', 'helloworld', '--dry-run'], /^service\/helloworld would be patched:/m, LOOK],
    ])('%s works, by LISTs alone', async (_what, words, shown, requests) => {
      let run: Run | undefined
      const sent = await asked(async () => {
        run = await type(...words)
      })
      expect(run?.stdout).toMatch(shown)
      expect(run).toMatchObject({ code: 0, stderr: '' })
      if (sent) expect(sent).toEqual(requests)
      expect(await versions()).toEqual(before)
    })

    it.each<readonly [string, readonly string[], readonly string[]]>([
      ['pods', ['switchover', 'helloworld'], [...LOOK, ...LOOK, 'patch services 403', 'patch pods 403']],
      ['services', ['pause', 'helloworld'], ['list services', 'patch services 403']],
    ])('may not patch %s: %s exits 3 with the right that is missing', async (kind, words, requests) => {
      let run: Run | undefined
      const sent = await asked(async () => {
        run = await type(...words)
      })
      expect(`${run?.stdout}${run?.stderr}`).toContain(`- {apiGroups: [""], resources: [${kind}], verbs: [patch]}`)
      expect(run?.code).toBe(3)
      if (sent) expect(sent).toEqual(requests)
      expect(await versions()).toEqual(before)
    })

    it('check finds what is missing, and changes nothing', async () => {
      const { code, stdout } = await type('check')
      expect(stdout).toMatch(/^patch +service .+ not allowed: denied$/m)
      expect(stdout).toMatch(/^patch +pod .+ not allowed: denied$/m)
      expect(stdout).toMatch(/^list +services and pods in namespace .+ allowed$/m)
      for (const kind of ['pods', 'services']) expect(stdout).toContain(`resources: [${kind}], verbs: [patch]`)
      expect(code).toBe(3)
      expect(await versions()).toEqual(before)
    })
  })

  describe('with the rights of a pass', () => {
    it('move the role, and tell of it', async () => {
      await open()
      expect(await world.run(['switchover', 'helloworld', '--from', 'helloworld-0'])).toMatchObject({
        code: 0,
        stderr: '',
      })
      expect(await world.actives()).toEqual(['helloworld-1'])
      const requests = await world.takeRequests()
      if (requests) {
        const [claim, seal, check, promotion, release, ...more] = requests.slice(2 * LOOK.length)
        expect([claim, check, release]).toEqual(Array(3).fill('patch services/helloworld'))
        expect([seal, promotion]).toEqual(['patch pods/helloworld-0', 'patch pods/helloworld-1'])
        expect(more).toEqual(['create events'])
      }
      const { stdout } = await world.run(['history', 'helloworld'])
      expect(stdout).toMatch(/ switchover +helloworld-0 +helloworld-1 /)
    })

    it.each<readonly [string, readonly string[], Readonly<Record<string, string>>]>([
      ['unknown-pod', ['helloworld-7'], {}],
      ['paused', [], { 'active-passive/pause': 'true' }],
      ['never', ['helloworld-1'], { 'active-passive/never': 'helloworld-1' }],
      ['not-from', ['--from', 'helloworld-1'], {}],
      ['failback-undoes', [], { 'active-passive/prefer': 'helloworld-0', 'active-passive/failback': '1h' }],
    ])('are told why a switchover is refused (%s), after LISTs alone', async (code, words, annotations) => {
      await open()
      await world.annotateService('helloworld', annotations)
      const before = await versions()
      const run = await world.run(['switchover', 'helloworld', ...words])
      expect(run.stderr).toContain(`refused (${code}): `)
      expect(run.code).toBe(1)
      expect([undefined, ...[LOOK]]).toContainEqual(await world.takeRequests())
      expect(await versions()).toEqual(before)
    })

    it('check: all is well, and nothing is changed', async () => {
      await open()
      const before = await versions()
      const { code, stdout } = await world.run(['check'])
      expect(stdout).not.toContain('not allowed')
      expect(stdout.match(/^patch .+ allowed$/gm)).toHaveLength(3)
      expect(code).toBe(0)
      expect(await versions()).toEqual(before)
      const requests = await world.takeRequests()
      if (requests) expect(requests.filter((request) => request.startsWith('patch'))).toHaveLength(4)
    })

    it.each(['pods', 'services'])('but for the one to patch %s: check finds it', async (kind) => {
      await open(allBut('patch', kind))
      const before = await versions()
      const { code, stdout } = await until('the right is taken away', async () => {
        const run = await world.run(['check'])
        return run.code === 0 ? undefined : run
      })
      expect(stdout).toContain(`- {apiGroups: [""], resources: [${kind}], verbs: [patch]}`)
      expect(stdout).toMatch(new RegExp(`^patch +${kind.slice(0, -1)} .+ not allowed: denied$`, 'm'))
      expect(code).toBe(3)
      expect(await versions()).toEqual(before)
    })

    it('and an admission policy that denies it a pod: check finds it', async () => {
      await open()
      await refuseUpdates(world, {
        resource: 'pods',
        condition: "object.metadata.name == 'helloworld-1'",
        trial: { object: 'pods/helloworld-1', patch: { metadata: { annotations: { 'example.com/a': 'b' } } } },
      })
      const before = await versions()
      const { code, stdout } = await world.run(['check'])
      expect(stdout).toMatch(/^patch +pod .+\/helloworld-1 +not allowed: /m)
      expect(stdout).toMatch(/^patch +pod .+\/helloworld-0 +allowed$/m)
      expect(stdout).toContain('refused by the test')
      expect(code).toBe(3)
      expect(await versions()).toEqual(before)
    })
  })

  describe('as a plugin of kubectl', () => {
    let folder: string
    beforeEach(async () => {
      await open()
      folder = await mkdtemp(join(tmpdir(), 'active-passive-plugin-'))
      await symlink(join(repository, 'dist/kubectl-active_passive.cjs'), join(folder, 'kubectl-active_passive'))
    })
    afterEach(() => rm(folder, { recursive: true, force: true }))

    const kubectl = async (...words: readonly string[]) => {
      const path = [folder, process.env.PATH].join(delimiter)
      const env = { PATH: path, HOME: '/nonexistent', KUBECONFIG: admin, AP_COOLDOWN: '0s' }
      return promisify(execFile)(join(findBinaries() ?? '', 'kubectl'), words, { env }).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        ({ code, stdout, stderr }: Run) => ({ code, stdout, stderr }),
      )
    }
    const answer = async (...words: readonly string[]) =>
      JSON.parse((await kubectl('active-passive', ...words, '-o', 'json')).stdout)

    it('status means the same with -n, --context and --as, before the Service and after it', async () => {
      const { namespace } = world
      const whoMay = `system:serviceaccount:${namespace}:active-passive`
      for (const words of [
        ['status', '-n', namespace, 'helloworld'],
        ['status', 'helloworld', `--namespace=${namespace}`, '--context', contextName],
        ['status', 'svc/helloworld', '-n', namespace, '--as', whoMay],
        ['-n', namespace, 'status', 'helloworld'],
      ]) {
        const { groups } = await answer(...words)
        expect(groups).toMatchObject([{ namespace, services: ['helloworld'], active: ['helloworld-0'] }])
      }
    })

    it('is refused as somebody who may do nothing, and says who that is', async () => {
      const { code, stdout } = await kubectl('active-passive', 'status', '-n', world.namespace, '--as', 'eve')
      expect(stdout).toContain(`may not list services in namespace ${world.namespace}`)
      expect(code).toBe(3)
    })

    it('moves the role, and speaks of itself as kubectl active-passive', async () => {
      const { namespace } = world
      expect(await kubectl('active-passive', 'switchover', 'helloworld', '-n', namespace)).toMatchObject({ code: 0 })
      expect(await world.actives()).toEqual(['helloworld-1'])
      const refused = await kubectl('active-passive', 'switchover', 'helloworld', 'nobody', '-n', namespace)
      expect(refused.stderr).toMatch(/^kubectl active-passive: refused \(unknown-pod\)/)
      expect(refused.code).toBe(1)
      expect((await kubectl('active-passive', '--help')).stdout).toMatch(/^kubectl active-passive \[COMMAND\]/)
    })

    it('has a context that is not there refused as kubectl does, with exit code 2', async () => {
      const { code, stderr } = await kubectl('active-passive', 'status', '--context', 'nowhere')
      expect(stderr).toContain('nowhere')
      expect(code).toBe(2)
    })
  })
})
