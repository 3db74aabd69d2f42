// The chart, as far as no API server would object: what it is made of, what Helm says of it, and what it refuses.
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { load, loadAll } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { commandOf } from '../../handler/cli/commands.js'
import { readOptions, readServeOptions } from '../../handler/cli/options.js'
import { generated, present } from '../../release/chart.mjs'
import { repository } from '../support/handler.js'
import { CHART, hasHelm, helmFor, valueFlags } from '../support/helm/helm.js'
import { chartReadme } from '../support/helm/readme.js'

type Labels = Readonly<Record<string, string>>
type Values = Readonly<Record<string, unknown>>

interface Schema {
  readonly definitions?: object
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: unknown
}

interface Rendered {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels: Labels }
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Labels }
      readonly spec: { readonly containers: readonly { readonly args: unknown }[] }
    }
  }
  readonly data?: Readonly<Record<string, string>>
}

interface Template {
  readonly metadata: { readonly labels: Labels }
}

/** What has a pod, or means pods. */
interface Selecting {
  readonly kind: string
  readonly metadata: { readonly labels: Labels }
  readonly spec: {
    readonly template?: Template
    readonly jobTemplate?: { readonly spec: { readonly template: Template } }
    readonly selector?: Labels | { readonly matchLabels: Labels }
    readonly podSelector?: {
      readonly matchLabels: Labels
      readonly matchExpressions?: readonly { readonly key: string; readonly values: readonly string[] }[]
    }
  }
}

const includes = (labels: Labels, wanted: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value)

const read = (path: string): string => readFileSync(join(repository, CHART, path), 'utf8')
const schema = JSON.parse(read('values.schema.json')) as Schema
const settings = schema.properties?.settings?.properties ?? {}
const DURATIONS = ['10s', '1m30s', '1h']
/** Values that each setting has to take, as YAML has them. */
const SENSIBLE: Readonly<Record<string, readonly unknown[]>> = {
  service: [['db', 'shop/db'], []],
  selector: ['app=db,tier!=test', 'env in (a,b)', '!key'],
  'request-timeout': [5, 0, '5', '5s', '2m'],
  'role-label': ['role', 'example.com/Role_1'],
  'dry-run': [true, false, 'none', 'client', 'server'],
  output: ['text', 'json', 'yaml'],
  ...{ deadline: DURATIONS, 'max-health-timeout': DURATIONS, interval: [...DURATIONS, '500ms'] },
  ...{ period: [...DURATIONS, '0', '0s'], stable: DURATIONS, cooldown: [...DURATIONS, '0'] },
  ...{ 'health-timeout': ['500ms', '1.5s', '30s'], 'health-slow': ['500ms', '1.5s'], settle: ['0', '20ms', '2s'] },
  ...{ concurrency: [1, 10_000], failures: [1, 1000], probes: [1, 1000], rise: [1, 10] },
  panic: [0, '0', '0%', '1%', '99%'],
  'health-check': ['ready', 'probe', 'http://:8080/a?b=c', 'https://:web/', 'tcp://:80\n\n  ready\n'],
  ...{ confirm: ['none', 'ready'], watch: [true, false], 'log-format': ['text', 'json'] },
}
const TEXTS: readonly unknown[] = [
  ...[
    -1,
    0,
    1,
    1.5,
    11,
    100,
    1e3,
    1e5,
    true,
    false,
    '',
    ' ',
    '0',
    '1',
    '-1',
    '1e3',
    'yes',
    'true',
    'none',
    'wide',
    'nonsense',
  ],
  ...['00%', '05%', '100%', '2', '1s1m', '1.2.3s', '.s', '5.s', '.5s', '1d', '-1s', '1 s', '2s\n', 's', '1.5s'],
  ...[
    'http://host:80/',
    'http://',
    'ready tcp://:80',
    'ready,probe',
    'ftp://:80',
    'a b',
    'A',
    'a-',
    '-a',
    '.a/b',
    'a..b/c',
  ],
  ...['a/b/c', '/a', 'a/', 'a_b.', 'Example.com/role', 'x'.repeat(64), `${'x'.repeat(64)}/a`, 'a#b', 'a: b', '"', "'"],
]
/** What no pattern can tell: how long a time is, whether there is such a port, whether a selector is one. */
const ONLY_THE_PROGRAM_KNOWS = /--selector|should be (?:at most|a duration (?:of at|above))/

const helm = helmFor()
const template = async (values: Values, name = 'active-passive'): Promise<readonly Rendered[]> =>
  loadAll(await helm('template', name, CHART, '-n', 'shop', ...valueFlags(values))) as Rendered[]

/** What Helm prints after an installation with these values. */
const notes = (values: Values): Promise<string> =>
  helm('install', 'active-passive', CHART, '-n', 'shop', '--dry-run=client', ...valueFlags(values))

describe('what the chart is made of', () => {
  it('is what `npm run chart` makes of jobs/ and package.json', () => {
    for (const [path, text] of generated()) expect([path, read(path)]).toEqual([path, text])
    expect(present()).toEqual([...generated().keys()].filter((path) => path.startsWith('files/')).sort())
  })

  it('has one and the same values in values.yaml and in its schema, which allows no others and misses none', () => {
    const unlike = (values: unknown, { properties, ...rest }: Schema, path: string): string[] => {
      if (properties === undefined || typeof values !== 'object' || values === null) return []
      const names = Object.keys(values)
      const others = Object.keys(properties).filter((name) => !names.includes(name))
      return [
        ...(rest.additionalProperties === false ? [] : [`${path}: others`]),
        // `labels:` with nothing behind it takes the default away.
        ...names.filter((name) => !rest.required?.includes(name)).map((name) => `${path}.${name}: not required`),
        ...names.filter((name) => !(name in properties)).map((name) => `${path}.${name}: not in the schema`),
        ...others.map((name) => `${path}.${name}: not in values.yaml`),
        ...names.flatMap((name) => unlike((values as Values)[name], properties[name] ?? {}, `${path}.${name}`)),
      ]
    }
    // Nothing is set by default of what these hold. Helm itself gives every chart the value `global`, and charts that
    // depend on this one `enabled`.
    const open = /^\.(global|enabled:|settings\.|resources\.|affinity\.)/
    expect(unlike(load(read('values.yaml')), schema, '').filter((line) => !open.test(line))).toEqual([])
  })

  it('has the flags of a pass and of serve as settings, but for those that the chart itself sets', () => {
    const own = [
      'namespace',
      'all-namespaces',
      'opt-in',
      'latch',
      'allow-exec',
      'notify-url-file',
      'port',
      'token-file',
    ]
    const notInPods = ['context', 'kubeconfig', 'cluster', 'user', 'as', 'as-group', 'insecure', 'tls-cert', 'tls-key']
    const flags = new Set([...commandOf('run').flags, ...commandOf('serve').flags])
    const expected = [...flags].filter((flag) => ![...own, ...notInPods].includes(flag))
    expect(Object.keys(settings).sort()).toEqual(expected.sort())
  })

  describe.each(Object.keys(settings))('its setting %s', (name) => {
    const { definitions } = schema
    const ajv = new Ajv({ strict: false })
    const allows = ajv.compile({ ...settings[name], definitions })
    const read = commandOf('run').flags.some((flag) => flag === name) ? readOptions : readServeOptions
    const complaint = (value: unknown): string | undefined => {
      const texts = [value].flat().map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
      try {
        read({ [name]: Array.isArray(value) ? texts : texts[0] }, {})
        return undefined
      } catch (error) {
        return (error as Error).message
      }
    }

    it('takes no text that the program would refuse', () => {
      const taken = TEXTS.flatMap((text) => [text, [text]]).filter((value) => allows(value))
      const refused = taken.flatMap((value) => complaint(value) ?? [])
      expect(refused.filter((message) => !ONLY_THE_PROGRAM_KNOWS.test(message))).toEqual([])
    })

    it('takes what README.md gives as its values', () => {
      for (const value of SENSIBLE[name] ?? [])
        expect([value, allows(value), complaint(value)]).toEqual([value, true, undefined])
      expect(SENSIBLE).toHaveProperty([name])
    })
  })
})

describe.skipIf(!hasHelm)('the chart by helm', () => {
  it('has a README with all its values: `npm run chart` makes it', () => {
    expect(read('README.md')).toBe(chartReadme())
  })

  it('passes helm lint --strict for both kinds', async () => {
    for (const kind of ['CronJob', 'Deployment']) await helm('lint', '--strict', CHART, ...valueFlags({ kind }))
  })

  it('makes flags of the settings, which go before those of the manifest', async () => {
    const settings = { failures: 5, 'health-check': 'http://:8080/a\ntcp://:9090', interval: '5s', watch: false }
    const objects = await template({ kind: 'Deployment', settings, namespaces: ['a', 'b'] })
    const args = objects.find(({ kind }) => kind === 'Deployment')?.spec.template.spec.containers[0]?.args
    expect(args).toEqual([
      'serve',
      '--token-file=/etc/active-passive/token',
      ...['--namespace=a', '--namespace=b', '--failures=5', '--health-check=http://:8080/a\ntcp://:9090'],
      ...['--interval=5s', '--watch=false'],
    ])
    const roles = objects.filter(({ kind }) => kind === 'Role').map(({ metadata }) => metadata.namespace)
    expect(roles).toEqual(['a', 'b'])
  })

  it.each(['CronJob', 'Deployment'])(
    'holds the pod of helm test to the network of the %s, and sends it no requests',
    async (kind) => {
      const objects = loadAll(
        await helm('template', 'shop', CHART, ...valueFlags({ kind, 'networkPolicy.enabled': true })),
      ) as Selecting[]
      const one = (wanted: string) => objects.find((object) => object.kind === wanted)
      const workload = one(kind)?.spec
      const own = (workload?.jobTemplate?.spec ?? workload)?.template?.metadata.labels ?? {}
      const test = one('Pod')?.metadata.labels ?? {}
      const { matchLabels, matchExpressions = [] } = one('NetworkPolicy')?.spec.podSelector ?? {}
      const isMeant = (labels: Labels) =>
        includes(labels, matchLabels ?? {}) &&
        matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))
      expect([isMeant(own), isMeant(test), isMeant({ ...own, 'app.kubernetes.io/instance': 'other' })]).toEqual([
        true,
        true,
        false,
      ])
      if (kind === 'CronJob') return
      const selectors = ['Service', 'Deployment', 'PodDisruptionBudget'].map((name) => {
        const selector = one(name)?.spec.selector ?? {}
        return ('matchLabels' in selector ? selector.matchLabels : selector) as Labels
      })
      for (const selector of selectors)
        expect([includes(own, selector), includes(test, selector)]).toEqual([true, false])
    },
  )

  it.each(['123', '1e3', '0x1f', 'true', 'null', 'yes'])(
    'takes %s as the name of a release, and not as a number or a truth',
    async (name) => {
      const values = {
        kind: 'Deployment',
        labels: { a: '1e3', b: 'yes', c: '# d', d: '' },
        env: [{ name: 'A', value: '1_0' }],
      }
      const strings = (value: unknown): boolean =>
        Object.values(value as object).every((one) => typeof one === 'string')
      for (const { metadata, spec } of await template(values, name)) {
        expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/instance': name, ...values.labels })
        expect(strings(metadata.labels) && strings(spec?.template?.metadata?.labels ?? {})).toBe(true)
      }
    },
  )

  it.each(['x'.repeat(53), `${'x'.repeat(38)}-active-passive`, `${'x'.repeat(36)}.b.c`])(
    'gives the account of the release %s a name that the policies know',
    async (name) => {
      const names = (await template({}, name)).map(({ metadata }) => metadata.name)
      for (const name of names) expect(name).toMatch(/^[a-z.]+[a-z]-[0-9a-f]{6}-active-passive(?:-check)?$/)
      expect(Math.max(...names.map(({ length }) => length)) - '-check'.length).toBeLessThanOrEqual(52)
    },
  )

  it('gives releases whose names are cut alike, and one release in two namespaces, ClusterRoles of their own', async () => {
    const [long, longer] = ['a', 'b'].map((end) => `${'x'.repeat(52)}${end}`) as [string, string]
    const nameIn = async (namespace: string, release: string) => {
      const flags = valueFlags({ allNamespaces: true })
      const objects = loadAll(await helm('template', release, CHART, '-n', namespace, ...flags)) as Rendered[]
      return objects.find(({ kind }) => kind === 'ClusterRole')?.metadata.name
    }
    const names = [await nameIn('shop', long), await nameIn('shop', longer), await nameIn('bank', long)]
    expect(new Set(names).size).toBe(3)
    expect(await nameIn('shop', long)).toBe(names[0])
  })

  it.each([
    ['x'.repeat(37), `${'x'.repeat(37)}-active-passive`],
    [`${'x'.repeat(37)}-active-passive`, `${'x'.repeat(37)}-active-passive`],
    ['shop', 'shop-active-passive'],
  ])('leaves the name of the release %s whole, where that has room', async (release, name) => {
    const names = (await template({}, release)).map(({ metadata }) => metadata.name)
    expect(new Set(names)).toEqual(new Set([name, `${name}-check`]))
  })

  it('can be what another chart depends on, with a condition', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'active-passive-parent-'))
    try {
      const dependency = { name: 'active-passive', version: '*', condition: 'active-passive.enabled' }
      const chart = { apiVersion: 'v2', name: 'parent', version: '1.0.0', dependencies: [dependency] }
      await writeFile(join(folder, 'Chart.yaml'), JSON.stringify(chart))
      await cp(join(repository, CHART), join(folder, 'charts', 'active-passive'), { recursive: true })
      const render = (isEnabled: boolean) =>
        helm('template', 'app', folder, '--set-json', `active-passive={"enabled":${isEnabled},"kind":"CronJob"}`)
      expect(await render(true)).toContain('name: app-active-passive\n')
      expect((await render(false)).trim()).toBe('')
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('names the objects after the release, and the rules know them by those names', async () => {
    const values = { kind: 'Deployment', alerts: { kind: 'ConfigMap', runbookPrefix: 'https://docs.test/' } }
    const objects = await template(values, 'shop')
    expect(objects.find(({ kind }) => kind === 'Deployment')?.metadata.name).toBe('shop-active-passive')
    const rules = Object.values(objects.find(({ data }) => data?.['rules.yaml'])?.data ?? {}).join('\n')
    expect(rules).toContain('cronjob="shop-active-passive"')
    expect(rules.match(/(?:(?:cronjob|owner_name)="|(?:cronjob|deployment)\/|\}\}\/)active-passive\b/g)).toBeNull()
    expect(rules.match(/runbook_url: (?!https:\/\/docs\.test\/docs\/alerts\.md#).*/g)).toBeNull()
  })

  it.each<[string, Values, string]>([
    ['a kind that is none', { kind: 'DaemonSet' }, "at '/kind': value must be one of 'CronJob', 'Deployment'"],
    ['a value that is written wrongly', { replica: 3 }, "at '': additional properties 'replica' not allowed"],
    ['a flag that is none', { 'settings.failurez': 3 }, "at '/settings': additional properties 'failurez' not allowed"],
    ['a text for a number', { 'settings.failures': 'many' }, "at '/settings/failures': got string, want integer"],
    ['a number without a unit', { 'settings.period': 2 }, "at '/settings/period': got number, want string"],
    [
      'a namespace that can be none',
      { namespaces: ['My Shop'] },
      "at '/namespaces/0': 'My Shop' does not match pattern",
    ],
    ['no schedule', { 'cronJob.schedule': 'each minute' }, "at '/cronJob/schedule': 'each minute' does not match"],
    ['less than no replica', { 'deployment.replicas': -1 }, "at '/deployment/replicas': minimum: got -1, want 0"],
    ['a key with nothing behind it', { labels: null }, "at '': missing property 'labels'"],
    ['an image without a name', { 'image.repository': null }, "at '/image': missing property 'repository'"],
    [
      'a name that would be cut',
      { fullnameOverride: 'x'.repeat(53) },
      "at '/fullnameOverride': maxLength: got 53, want 52",
    ],
    [
      'a name that no Service can have',
      { kind: 'Deployment', fullnameOverride: 'a.b' },
      'the Service would be called a.b, and the name of a Service has no dot: set fullnameOverride',
    ],
    ['half a digest', { 'image.digest': 'sha256:12' }, "at '/image/digest': 'sha256:12' does not match pattern"],
    [
      'a third answer to a question',
      { 'networkPolicy.enabled': 'yes' },
      "at '/networkPolicy/enabled': value must be one of 'auto', true, false",
    ],
    [
      "labels that are the chart's own",
      { labels: { 'app.kubernetes.io/name': 'x' } },
      'labels has app.kubernetes.io/name, which the chart sets itself: leave it out',
    ],
    [
      'one scope and another',
      { allNamespaces: true, namespaces: ['shop', 'bank'] },
      'allNamespaces is true, and namespaces names shop, bank: give one of them',
    ],
    [
      "a flag of serve for the CronJob's passes",
      { 'settings.interval': '2s' },
      'settings.interval is 2s, which only the Deployment takes: set kind=Deployment, or leave it out',
    ],
    [
      'an output for serve',
      { kind: 'Deployment', 'settings.output': 'json' },
      'settings.output is json, which only the CronJob takes: with kind=Deployment it is settings.log-format',
    ],
    [
      'metrics of what has none',
      { 'monitor.kind': 'PodMonitor' },
      'monitor.kind is PodMonitor, and passes of a CronJob have no metrics to scrape: set kind=Deployment',
    ],
    [
      'an account that nobody names',
      { 'serviceAccount.create': false },
      'serviceAccount.create is false: say by serviceAccount.name which account there is',
    ],
    [
      'an account that the policies would not hold',
      { kind: 'Deployment', allNamespaces: true, 'serviceAccount.name': 'failover' },
      'they would not hold failover. Set serviceAccount.name to one that contains active-passive and after it serve',
    ],
  ])('refuses %s, and says what is wrong', async (_what, values, message) => {
    await expect(template(values)).rejects.toThrow(message)
  })

  it.each<[string, Values, readonly string[]]>([
    ['the CronJob', {}, ['helm test active-passive -n shop', '--from=cronjob/active-passive']],
    [
      'the Deployment with a token of its own',
      { kind: 'Deployment' },
      ['rollout status -n shop deployment/active-passive', 'get secret active-passive-token -n shop', 'apiServerPorts'],
    ],
    [
      'a given token',
      { kind: 'Deployment', 'token.secretName': 'mine' },
      ['kubectl create secret generic mine -n shop --from-literal=token='],
    ],
    ['all namespaces', { allNamespaces: true }, ['annotate service NAME -n NAMESPACE active-passive/managed=true']],
    ['no image', {}, ['-n shop --reset-then-reuse-values --set image.repository=REGISTRY/active-passive']],
    ['a notification', { 'notify.secretName': 'chat' }, ['create secret generic chat -n shop --from-literal=url=']],
  ])('says the next command for %s', async (_what, values, commands) => {
    const text = await notes(values)
    for (const command of commands) expect(text).toContain(command)
  })

  it('asks for no image where there is one', async () => {
    expect(await notes({ 'image.repository': 'registry.test/active-passive' })).not.toContain('image.repository')
  })
})
