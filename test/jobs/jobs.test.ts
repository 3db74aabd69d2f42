// jobs/ as users apply it, on an API server that refuses every field that it does not know.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { load, loadAll } from 'js-yaml'
import { afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import * as keys from '../../handler/kube/keys.js'
import { findBinaries } from '../support/cluster/binaries.js'
import { type Kube, type KubeObject, kube } from '../support/cluster/client.js'
import { createNamespace, type Rule } from '../support/cluster/users.js'
import { repository } from '../support/handler.js'
import { type Kubectl, kubectlFor } from '../support/kubectl.js'
import { closeNamespace } from '../support/on-cluster.js'
import { installOperatorResources } from '../support/operator-resources.js'
import { type Overlay, withOverlay } from '../support/overlay.js'
import { type Applier, applierFor } from '../support/server-side-apply.js'

interface Container {
  readonly image: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly securityContext?: object
}

interface PodTemplate {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> }
  readonly spec: {
    readonly serviceAccountName: string
    readonly securityContext?: object
    readonly containers: readonly Container[]
  }
}

/** As much of a manifest as the tests below look at. */
interface Manifest extends KubeObject {
  readonly kind: string
  readonly spec?: {
    readonly template?: PodTemplate
    readonly jobTemplate?: { readonly spec: Manifest['spec'] }
    readonly selector?: object
    readonly podSelector?: object
    readonly policyName?: string
    readonly matchConditions?: readonly { readonly expression: string }[]
    readonly variables?: readonly { readonly name: string; readonly expression: string }[]
  }
  readonly rules?: readonly Rule[]
  readonly roleRef?: object
  readonly subjects?: readonly { readonly name: string; readonly namespace?: string }[]
}

const cluster = inject('cluster')
const read = (file: string) => readFileSync(join(repository, file), 'utf8')
const { version } = JSON.parse(read('package.json')) as { version: string }

const files = readdirSync(join(repository, 'jobs'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name).slice(repository.length))
  .filter((file) => !file.startsWith('jobs/chart/')) // chart.test.ts is about those
  .sort()
const foldersOf = (kind: string) =>
  files
    .filter((file) => basename(file) === 'kustomization.yaml' && (load(read(file)) as Manifest).kind === kind)
    .map((file) => dirname(file))
const folders = foldersOf('Kustomization')
const foldersWithPods = folders.filter((folder) =>
  files.some((file) => dirname(file) === folder && read(file).includes('containers:')),
)

const RECOMMENDED = 'app.kubernetes.io/'
/** What all folders share, and no user adds. */
const LABELS = 'jobs/labels'
const ALL_NAMESPACES = 'jobs/components/all-namespaces'
const WITHOUT_LATCH = 'jobs/components/without-latch'
const EXEC = 'jobs/components/exec'
const NOTIFY = 'jobs/components/notify'
/** What each adds to the arguments of a pass. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  [ALL_NAMESPACES]: ['--all-namespaces', '--opt-in'],
  [WITHOUT_LATCH]: ['--latch=false'],
  [EXEC]: ['--allow-exec'],
}
/** Those that change neither accounts nor flags: components.test.ts. */
const ELSEWHERE = ['mesh', 'openshift', 'prometheus-operator'].map((name) => `jobs/components/${name}`)
/** Each alone, and together in any order. */
const COMPONENTS: readonly (readonly string[])[] = [
  [ALL_NAMESPACES],
  [WITHOUT_LATCH],
  [ALL_NAMESPACES, WITHOUT_LATCH],
  [WITHOUT_LATCH, ALL_NAMESPACES],
  [EXEC],
  [ALL_NAMESPACES, WITHOUT_LATCH, EXEC],
  [EXEC, ALL_NAMESPACES],
  [NOTIFY],
  [ALL_NAMESPACES, NOTIFY],
]

const onPods = (...verbs: readonly string[]): Rule => ({ apiGroups: [''], resources: ['pods'], verbs })
const onServices = (...verbs: readonly string[]): Rule => ({ apiGroups: [''], resources: ['services'], verbs })
const COMMANDS: Rule = { apiGroups: [''], resources: ['pods/exec'], verbs: ['create', 'get'] }
const EVENTS: Rule = { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] }
const SERVE = ['serve', '--watch', '--interval=2s', '--token-file=/etc/active-passive/token']

const ACCOUNTS = ['active-passive', 'active-passive-once', 'active-passive-serve']
/** The Deployment with the account of the CronJob. */
const SHARED = JSON.stringify([
  { op: 'replace', path: '/spec/template/spec/serviceAccountName', value: 'active-passive' },
])

/** What components/all-namespaces brings along, and nothing else of jobs/policy. */
const POLICIES = ['events', 'operations', 'pods', 'services'].flatMap((name) => [
  `ValidatingAdmissionPolicy active-passive-${name}`,
  `ValidatingAdmissionPolicyBinding active-passive-${name}`,
])
const policiesIn = (objects: readonly Manifest[]) =>
  objects
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    .filter((name) => /^ValidatingAdmission|^NetworkPolicy active-passive$/.test(name))
    .sort()

const podTemplates = (objects: readonly Manifest[]) =>
  objects.flatMap(({ spec }) => spec?.jobTemplate?.spec?.template ?? spec?.template ?? [])
const containers = (objects: readonly Manifest[]) => podTemplates(objects).flatMap(({ spec }) => spec.containers)
const images = (objects: readonly Manifest[]) => containers(objects).map(({ image }) => image)

describe('jobs/', () => {
  it('makes one and the same Job of a pass, each minute and once, but for the account', () => {
    const cronJob = load(read('jobs/cronjob/cronjob.yaml')) as Manifest
    const job = load(
      read('jobs/once/job.yaml').replace('active-passive-once\n      auto', 'active-passive\n      auto'),
    )
    expect((job as Manifest).spec).toEqual(cronJob.spec?.jobTemplate?.spec)
  })

  it('lets a pass write the annotations on pods that handler/kube/keys.ts has, and no others', () => {
    const { spec } = loadAll(read('jobs/policy/pods.yaml'))[0] as Manifest
    const marks = spec?.variables?.find(({ name }) => name === 'marks')?.expression ?? ''
    // The deletion cost is Kubernetes' own, and has a rule of its own.
    const { PREFIX, PIN, CLAIM, MANAGED, HISTORY, PAUSE, DELETION_COST, ...onPods } = keys
    expect(JSON.parse(marks.replaceAll("'", '"')).sort()).toEqual(Object.values(onPods).sort())
  })

  it('names the version of the package wherever it names one, and so does the image', () => {
    const pattern = /(?:active-passive:|newTag: |ref=v|(?:image\.version=|kubernetes\.io\/version: )")(\d[\w.+-]*)/g
    const named = [...files, 'Dockerfile'].flatMap((file) =>
      [...read(file).matchAll(pattern)].map(([, found]) => `${file} ${found}`),
    )
    const manifests = ['jobs/cronjob/cronjob.yaml', 'jobs/once/job.yaml', 'jobs/serve/deployment.yaml']
    const expected = ['jobs/README.md', `${LABELS}/kustomization.yaml`, ...manifests, 'Dockerfile']
    expect(new Set(named)).toEqual(new Set(expected.map((file) => `${file} ${version}`)))
  })
})

describe.skipIf(!cluster)('jobs/ on a real API server', () => {
  let namespace: string
  let admin: Kube
  let kubectl: Kubectl
  let applier: Applier

  beforeAll(async () => {
    const { kubeconfig } = cluster as NonNullable<typeof cluster>
    admin = kube(kubeconfig)
    kubectl = kubectlFor(kubeconfig)
    applier = applierFor(admin)
    await installOperatorResources(admin)
  })
  beforeEach(async () => {
    namespace = `t-${randomUUID().slice(0, 8)}`
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await admin.post('/api/v1/namespaces', { metadata: { name: namespace, labels } })
    await createNamespace((cluster as NonNullable<typeof cluster>).kubeconfig, namespace)
  })
  afterEach(() => closeNamespace(cluster as NonNullable<typeof cluster>, admin, namespace))

  const build = async (folder: string) => loadAll(await kubectl('kustomize', folder)) as readonly Manifest[]
  const built = new Map<string, Promise<readonly Manifest[]>>()
  /** What kustomize makes of a folder of jobs/, once for all tests. */
  const asIs = (folder: string) => {
    const objects = built.get(folder) ?? build(folder)
    built.set(folder, objects)
    return objects
  }

  /** What the API server makes of an overlay. One that would hold for other tests too is only tried. */
  const apply = async (overlay: Omit<Overlay, 'namespace'>): Promise<readonly Manifest[]> => {
    const objects = await withOverlay({ ...overlay, namespace }, build)
    const namespaced = await Promise.all(objects.map(applier.isNamespaced))
    return applier.apply(objects, namespaced.includes(false) ? 'dryRun=All' : '')
  }

  it.each(folders)('every manifest of %s is applied with strict field validation', async (folder) => {
    await kubectl('apply', '-k', folder, '--validate=strict', '--dry-run=server')
  })

  it.each(folders.filter((folder) => folder !== 'jobs/demo/app'))(
    '%s has all recommended labels on its objects and pods, and selects by none that changes with a version',
    async (folder) => {
      for (const { kind, metadata, spec } of await asIs(folder)) {
        const pods = podTemplates([{ kind, metadata, ...(spec && { spec }) }])
        for (const labels of [metadata.labels, ...pods.map((pod) => pod.metadata.labels)]) {
          expect([kind, Object.keys(labels ?? {}).filter((label) => label.startsWith(RECOMMENDED))]).toEqual([
            kind,
            ['component', 'instance', 'managed-by', 'name', 'part-of', 'version'].map((name) => RECOMMENDED + name),
          ])
        }
        const selectors = [spec?.selector, spec?.podSelector].map((selector) => JSON.stringify(selector ?? {}))
        expect(selectors.join()).not.toMatch(/kubernetes\.io\/(version|instance|managed-by|part-of)/)
      }
    },
  )

  it.each(folders)('%s goes where an overlay says, with the image that it names', async (folder) => {
    const original = await asIs(folder)
    const registry = 'registry.example:5000/active-passive'
    const applied = await apply({
      resources: [folder],
      images: [{ name: 'active-passive', newName: registry, newTag: '9.8.7' }],
    })
    const namesOf = (objects: readonly Manifest[]) =>
      objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()
    expect(namesOf(applied)).toEqual(namesOf(original))
    expect(images(applied).sort()).toEqual(
      images(original)
        .map((image) => (image === `active-passive:${version}` ? `${registry}:9.8.7` : image))
        .sort(),
    )
    for (const object of applied) {
      const { kind, metadata, subjects = [] } = object
      const expected = (await applier.isNamespaced(object)) ? namespace : undefined
      expect([kind, metadata.namespace]).toEqual([kind, expected])
      expect(subjects.map((subject) => subject.namespace)).toEqual(subjects.map(() => namespace))
    }
  })

  it('a field that nobody knows is refused', async () => {
    const typo = JSON.stringify([{ op: 'add', path: '/spec/concurrencyPolicies', value: 'Forbid' }])
    const overlay = { resources: ['jobs/cronjob'], patches: [{ target: { kind: 'CronJob' }, patch: typo }] }
    await expect(apply(overlay)).rejects.toThrow('.spec.concurrencyPolicies: field not declared in schema')
  })

  it('takes the overlay that jobs/README.md shows, with all that is commented out in it', async () => {
    const shown = /```yaml\n(.*?)```/s.exec(read('jobs/README.md'))?.[1] ?? ''
    const overlay = load(shown.replaceAll(/^# /gm, '')) as Overlay
    const inCheckout = (paths: readonly string[] = []) => paths.map((path) => path.replace('../active-passive/', ''))
    const applied = await apply({
      ...overlay,
      resources: inCheckout(overlay.resources),
      components: inCheckout(overlay.components),
    })
    expect(containers(applied)).toMatchObject([
      { image: `REGISTRY/active-passive:${version}`, args: ['run', '--all-namespaces', '--opt-in', '--failures=5'] },
    ])
  })

  it('jobs/serve, jobs/policy, jobs/demo and jobs/alerts go into one overlay', async () => {
    const resources = ['jobs/serve', 'jobs/policy', 'jobs/demo', 'jobs/alerts']
    const kinds = (await apply({ resources })).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'NetworkPolicy')).toHaveLength(2)
  })

  it('jobs/README.md opts in by its command what selects the role, but for what says no, and twice if need be', async () => {
    const [shown = ''] = /^kubectl get services -A (?:.*\n)*?.*done$/m.exec(read('jobs/README.md')) ?? []
    const services = `/api/v1/namespaces/${namespace}/services`
    const add = (name: string, selector: object, annotations = {}) =>
      admin.post(services, { metadata: { name, annotations }, spec: { selector, ports: [{ port: 80 }] } })
    await add('web', { app: 'web', role: 'active' })
    await add('blue', { app: 'blue', role: 'active' }, { [keys.MANAGED]: 'false' })
    await add('standbys', { app: 'web', role: 'passive' })
    await add('plain', { app: 'web' })
    await add('open', {})
    const kubeconfig = (cluster as NonNullable<typeof cluster>).kubeconfig
    const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: `${findBinaries() ?? ''}:${process.env.PATH}` }
    for (const _ of ['once', 'twice']) {
      await promisify(execFile)('sh', ['-c', shown.replace(' -A ', ` -n ${namespace} `)], { env }).catch(() => {})
      const { items } = await admin.get<{ items: readonly KubeObject[] }>(services)
      const said = items.map(({ metadata }) => [metadata.name, metadata.annotations?.[keys.MANAGED]])
      expect(Object.fromEntries(said)).toEqual({ web: 'true', blue: 'false' })
    }
  })

  it('under a prefix and a suffix, the policies are bound and hold each account that passes have', async () => {
    const overlay = { namespace, resources: ['jobs/cronjob', 'jobs/serve', 'jobs/once'], components: [ALL_NAMESPACES] }
    for (const around of [{ namePrefix: 'acme-', nameSuffix: '-v2' }, { namePrefix: 'acme' }, { nameSuffix: '.b' }]) {
      const objects = await withOverlay({ ...overlay, ...around }, build)
      const policies = objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
      const bound = objects.flatMap(({ spec }) => spec?.policyName ?? [])
      expect(bound.sort()).toEqual(policies.map(({ metadata }) => metadata.name).sort())
      const conditions = policies.flatMap(({ spec }) => spec?.matchConditions ?? []).map(({ expression }) => expression)
      const users = podTemplates(objects).map(
        ({ spec }) => `system:serviceaccount:${namespace}:${spec.serviceAccountName}`,
      )
      expect([conditions.length, new Set(users).size]).toEqual([4, 3])
      for (const condition of conditions) {
        const [, form = ''] = /^request\.userInfo\.username\.matches\('(.*)'\)$/.exec(condition) ?? []
        expect(users.filter((user) => !new RegExp(form).test(user))).toEqual([])
        expect('system:serviceaccount:active-passive:deployer').not.toMatch(new RegExp(form))
      }
    }
  })

  it('jobs/serve and jobs/cronjob are unchanged when they are applied once more', async () => {
    const again = await withOverlay({ namespace, resources: ['jobs/serve', 'jobs/cronjob'] }, async (overlay) => {
      await kubectl('apply', '-k', overlay)
      return kubectl('apply', '-k', overlay)
    })
    // kubectl patches the selector of every PodDisruptionBudget anew.
    const configured = again.split('\n').filter((line) => line.endsWith(' configured'))
    expect(configured.filter((line) => !line.startsWith('poddisruptionbudget'))).toEqual([])
    for (const kind of ['deployment', 'cronjob']) expect(again).toMatch(new RegExp(`^${kind}\\S+ unchanged$`, 'm'))
  })

  it('one overlay takes jobs/cronjob, jobs/serve and jobs/once', async () => {
    const accounts = podTemplates(await apply({ resources: ['jobs/cronjob', 'jobs/serve', 'jobs/once'] }))
    expect(accounts.map(({ spec }) => spec.serviceAccountName).sort()).toEqual(ACCOUNTS)
  })

  it.each(['jobs/cronjob', 'jobs/serve', 'jobs/once'])('removing %s leaves the others whole', async (removed) => {
    const all = ['jobs/cronjob', 'jobs/serve', 'jobs/once']
    for (const folder of all) await apply({ resources: [folder] })
    await withOverlay({ namespace, resources: [removed] }, (folder) => kubectl('delete', '-k', folder, '--wait=false'))
    const others = all.filter((folder) => folder !== removed)
    expect(await withOverlay({ namespace, resources: others }, (folder) => kubectl('diff', '-k', folder))).toBe('')
  })

  it('an installation whose account was shared becomes one with its own', async () => {
    await apply({
      resources: ['jobs/base', 'jobs/serve'],
      patches: [{ target: { kind: 'Deployment' }, patch: SHARED }],
    })
    const [template] = podTemplates(await apply({ resources: ['jobs/serve'] }))
    expect(template?.spec).toMatchObject({ serviceAccountName: 'active-passive-serve' })
  })

  describe('components', () => {
    it('are all tested', () => {
      const components = foldersOf('Component').filter((folder) => folder !== LABELS)
      expect(new Set([...COMPONENTS.flat(), ...ELSEWHERE])).toEqual(new Set(components))
    })

    const pass = { name: 'active-passive', args: [['run']], more: [] }
    describe.each([
      { folder: 'jobs/base', ...pass, args: [] },
      { folder: 'jobs/cronjob', ...pass },
      { folder: 'jobs/once', ...pass, name: 'active-passive-once' },
      { folder: 'jobs/serve', name: 'active-passive-serve', args: [SERVE], more: ['watch'] },
    ])('on $folder', ({ folder, name, args, more }) => {
      it.each(COMPONENTS.map((components) => [components.join(', '), components] as const))(
        '%s',
        async (_names, components) => {
          const wide = components.includes(ALL_NAMESPACES)
          const latch = !components.includes(WITHOUT_LATCH)
          const objects = await apply({ resources: [folder], components })

          const kind = wide ? 'ClusterRole' : 'Role'
          const scope = wide ? undefined : namespace
          const rules = [
            onPods('list', 'patch', ...more),
            onServices('list', ...(latch ? ['patch'] : []), ...more),
            EVENTS,
            ...(components.includes(EXEC) ? [COMMANDS] : []),
          ]
          const subjects = [{ kind: 'ServiceAccount', name, namespace }]
          const of = (name: string) =>
            objects.filter(({ kind, metadata }) => kind === name && metadata.namespace === scope)
          expect(objects.filter((object) => object.rules ?? object.roleRef)).toHaveLength(2)
          expect(of(kind)).toMatchObject([{ metadata: { name }, rules }])
          expect(of(`${kind}Binding`)).toMatchObject([{ metadata: { name }, roleRef: { kind, name }, subjects }])
          expect(containers(objects).map((container) => container.args)).toEqual(
            args.map((own) => [...own, ...components.flatMap((component) => FLAGS[component] ?? [])]),
          )
          expect(policiesIn(objects)).toEqual(wide ? [...POLICIES].sort() : [])
          const variables = containers(objects).flatMap(({ env = [] }) => env)
          const file = { name: 'AP_NOTIFY_URL_FILE', value: '/etc/active-passive-notify/url' }
          expect(variables).toEqual(components.includes(NOTIFY) ? args.map(() => file) : [])
        },
      )
    })
  })

  it('all pods are admitted by a quota on what jobs/README.md names, and none by one on limits.cpu', async () => {
    const quotas = `/api/v1/namespaces/${namespace}/resourcequotas`
    const templates = podTemplates(await apply({ resources: ['jobs/cronjob', 'jobs/serve', 'jobs/once', 'jobs/demo'] }))
    expect(templates).toHaveLength(4)
    /** As its controller would, which may not run here. */
    const addQuota = async (name: string, hard: Readonly<Record<string, string>>) => {
      await admin.post(quotas, { metadata: { name }, spec: { hard } })
      const used = Object.fromEntries(Object.keys(hard).map((key) => [key, '0']))
      await admin.patch(`${quotas}/${name}/status`, { status: { hard, used } })
    }
    const create = ({ metadata, spec }: PodTemplate) =>
      admin.post(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
        metadata: { ...metadata, generateName: 'pod-' },
        spec,
      })
    await addQuota('usual', { 'requests.cpu': '9', 'requests.memory': '9Gi', 'limits.memory': '9Gi' })
    for (const template of templates) await create(template)
    await addQuota('limits', { 'limits.cpu': '9' })
    for (const template of templates) await expect(create(template)).rejects.toThrow('must specify limits.cpu')
  })

  describe('in a namespace that enforces the restricted profile', () => {
    it.each(foldersWithPods)(
      'pods of %s are admitted, and would not be without their securityContext',
      async (folder) => {
        const templates = podTemplates(await apply({ resources: [folder] }))
        expect(templates).not.toEqual([])
        for (const { metadata, spec } of templates) {
          const create = (changed: object) =>
            admin.post(`/api/v1/namespaces/${namespace}/pods`, {
              metadata: { ...metadata, generateName: 'pod-' },
              spec: { ...spec, ...changed },
            })
          await create({})
          const bare = spec.containers.map(({ securityContext: _, ...container }) => container)
          await expect(create({ containers: bare })).rejects.toThrow('violates PodSecurity "restricted')
          await expect(create({ securityContext: {} })).rejects.toThrow('violates PodSecurity "restricted')
        }
      },
    )
  })
})
