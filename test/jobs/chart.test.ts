// The chart, as far as no API server would object: what it is made of, what Helm says of it, and what it refuses.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load, loadAll } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { commandOf } from '../../handler/cli/commands.js'
import { generated, present } from '../../release/chart.mjs'
import { repository } from '../support/handler.js'
import { CHART, hasHelm, helmFor, valueFlags } from '../support/helm/helm.js'
import { chartReadme } from '../support/helm/readme.js'

type Values = Readonly<Record<string, unknown>>

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: unknown
}

interface Rendered {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly args: unknown }[] } }
  }
  readonly data?: Readonly<Record<string, string>>
}

const read = (path: string): string => readFileSync(join(repository, CHART, path), 'utf8')
const schema = JSON.parse(read('values.schema.json')) as Schema
const helm = helmFor()
const template = async (values: Values, name = 'active-passive'): Promise<readonly Rendered[]> =>
  loadAll(await helm('template', name, CHART, '-n', 'shop', ...valueFlags(values))) as Rendered[]

describe('what the chart is made of', () => {
  it('is what `npm run chart` makes of jobs/ and package.json', () => {
    for (const [path, text] of generated()) expect([path, read(path)]).toEqual([path, text])
    expect(present()).toEqual([...generated().keys()].filter((path) => path.startsWith('files/')).sort())
  })

  it('has one and the same values in values.yaml and in its schema, which allows no others', () => {
    const unlike = (values: unknown, { properties, additionalProperties }: Schema, path: string): string[] => {
      if (properties === undefined || typeof values !== 'object' || values === null) return []
      const names = Object.keys(values)
      const others = Object.keys(properties).filter((name) => !names.includes(name))
      return [
        ...(additionalProperties === false ? [] : [`${path}: others`]),
        ...names.filter((name) => !(name in properties)).map((name) => `${path}.${name}: not in the schema`),
        ...others.map((name) => `${path}.${name}: not in values.yaml`),
        ...names.flatMap((name) => unlike((values as Values)[name], properties[name] ?? {}, `${path}.${name}`)),
      ]
    }
    // Nothing is set by default of what these hold, and Helm itself gives every chart the value `global`.
    const open = /^\.(global|settings|resources|affinity)\b/
    expect(unlike(load(read('values.yaml')), schema, '').filter((line) => !open.test(line))).toEqual([])
  })

  it('has the flags of a pass and of serve as settings, but for those that the chart itself sets', () => {
    const own = ['namespace', 'all-namespaces', 'opt-in', 'latch', 'notify-url-file', 'port', 'token-file']
    const notInPods = ['context', 'kubeconfig', 'cluster', 'user', 'as', 'as-group', 'insecure', 'tls-cert', 'tls-key']
    const flags = new Set([...commandOf('run').flags, ...commandOf('serve').flags])
    const expected = [...flags].filter((flag) => ![...own, ...notInPods].includes(flag))
    expect(Object.keys(schema.properties?.settings?.properties ?? {}).sort()).toEqual(expected.sort())
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
    ['a notification', { 'notify.secretName': 'chat' }, ['create secret generic chat -n shop --from-literal=url=']],
  ])('says the next command for %s', async (_what, values, commands) => {
    const notes = await helm(
      'install',
      'active-passive',
      CHART,
      '-n',
      'shop',
      '--dry-run=client',
      ...valueFlags(values),
    )
    for (const command of commands) expect(notes).toContain(command)
  })
})
