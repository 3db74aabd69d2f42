// Each value of the chart changes what is rendered: none is only written down in values.yaml and its schema.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { beforeAll, describe, expect, it } from 'vitest'
import { repository } from '../support/handler.js'
import { CHART, hasHelm, helmFor, valueFlags } from '../support/helm/helm.js'

/** By its path: another value than the default, and what is there with one of the two alone. */
type Changes = Readonly<Record<string, readonly [value: unknown, text: string | RegExp]>>

const DEPLOYMENT: Changes = {
  kind: ['Deployment', 'kind: Deployment'],
  namespaces: [['one'], '--namespace=one'],
  settings: [{ failures: 7 }, '--failures=7'],
  latch: [false, '--latch=false'],
  exec: [true, '- --allow-exec'],
  'image.repository': ['registry.test/ap', /image: registry\.test\/ap:/],
  'image.tag': ['1.2.3-mine', /image: \S+:1\.2\.3-mine$/m],
  'image.pullPolicy': ['Always', 'imagePullPolicy: Always'],
  imagePullSecrets: [[{ name: 'pull' }], /imagePullSecrets:\n +- name: pull$/m],
  'deployment.replicas': [3, 'replicas: 3'],
  'token.secretName': ['given', 'secretName: given'],
  'service.port': [9090, /kind: Service\n(?:.*\n)+?.* port: 9090\n/],
  'service.annotations': [{ 'test/service': 'x' }, 'test/service: x'],
  'alerts.kind': ['ConfigMap', 'rules-serve.yaml: '],
  'alerts.labels': [{ 'test/alerts': 'x' }, 'test/alerts: x'],
  'alerts.runbookPrefix': ['https://docs.test/', 'runbook_url: https://docs.test/docs/'],
  'dashboard.enabled': [true, 'dashboard.json: '],
  'dashboard.labels': [{ 'test/dashboard': 'x' }, 'test/dashboard: x'],
  'monitor.kind': ['PodMonitor', 'kind: PodMonitor'],
  'monitor.labels': [{ 'test/monitor': 'x' }, 'test/monitor: x'],
  'monitor.interval': ['17s', 'interval: 17s'],
  'networkPolicy.apiServerPorts': [[16443], 'port: 16443'],
  'networkPolicy.from': [[{ podSelector: { matchLabels: { from: 'x' } } }], 'from: x'],
  'networkPolicy.extraEgress': [[{ ports: [{ port: 5353 }] }], 'port: 5353'],
  'podDisruptionBudget.enabled': [false, 'kind: PodDisruptionBudget'],
  'serviceAccount.name': ['mine', 'serviceAccountName: mine'],
  'serviceAccount.annotations': [{ 'test/account': 'x' }, 'test/account: x'],
  openshift: [true, 'runAsUser: 65532'],
  mesh: [true, 'linkerd.io/inject: disabled'],
  fullnameOverride: ['full', 'name: full'],
  labels: [{ 'test/label': 'x' }, /template:\n(?:.*\n)+? +test\/label: x\n/],
  annotations: [{ 'test/annotation': 'x' }, 'test/annotation: x'],
}

const CRONJOB: Changes = {
  allNamespaces: [true, '--all-namespaces'],
  optIn: [false, '--opt-in'],
  'image.digest': [`sha256:${'0'.repeat(64)}`, /image: \S+@sha256:0{64}$/m],
  'cronJob.schedule': ['*/2 * * * *', /schedule: '?\*\/2 \* \* \* \*/],
  'cronJob.suspend': [true, 'suspend: true'],
  'notify.secretName': ['chat', 'secretName: chat'],
  'admissionPolicies.enabled': [false, 'kind: ValidatingAdmissionPolicy'],
  'networkPolicy.enabled': [true, 'kind: NetworkPolicy'],
  'serviceAccount.create': [false, /^kind: ServiceAccount$/m],
  'rbac.create': [false, 'kind: ClusterRole'],
  resources: [{ limits: { cpu: 3 } }, 'cpu: 3'],
  env: [[{ name: 'TEST', value: '1e3' }], /- name: TEST\n +value: "1e3"/],
  volumes: [[{ name: 'extra', emptyDir: {} }], /- emptyDir: \{\}\n +name: extra/],
  volumeMounts: [[{ name: 'extra', mountPath: '/extra' }], 'mountPath: /extra'],
  nodeSelector: [{ 'test/node': 'true' }, 'test/node: "true"'],
  tolerations: [[{ operator: 'Exists' }], /tolerations:\n +- operator: Exists/],
  affinity: [{ nodeAffinity: {} }, 'nodeAffinity: {}'],
  topologySpreadConstraints: [[{ maxSkew: 5 }], 'maxSkew: 5'],
  priorityClassName: ['high', 'priorityClassName: high'],
  podLabels: [{ 'test/pod-label': 'x' }, 'test/pod-label: x'],
  podAnnotations: [{ 'test/pod-annotation': 'x' }, 'test/pod-annotation: x'],
  nameOverride: ['other', 'name: shop-other'],
}

/** What has to be set as well, for the others to be seen. */
const BESIDE: Readonly<Record<string, unknown>> = { 'serviceAccount.name': 'active-passive' }

function pathsIn(values: object, prefix = ''): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value)
    const isOpen = isGroup && (Object.keys(value).length === 0 || name === 'labels')
    return isGroup && !isOpen ? pathsIn(value, `${prefix}${name}.`) : [`${prefix}${name}`]
  })
}

describe.skipIf(!hasHelm)('the values of the chart', () => {
  it('are all here', () => {
    const values = load(readFileSync(join(repository, CHART, 'values.yaml'), 'utf8')) as object
    expect(Object.keys({ ...DEPLOYMENT, ...CRONJOB }).sort()).toEqual(pathsIn(values).sort())
  })

  describe.each<[string, Changes, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>]>([
    ['Deployment', DEPLOYMENT, {}, {}],
    // The defaults of the scope leave nothing to opt in to, and no policies to leave out.
    ['CronJob', CRONJOB, { ...BESIDE, allNamespaces: true }, BESIDE],
  ])('with the %s', (_kind, changes, scope, beside) => {
    const helm = helmFor()
    const texts = { byDefault: '', scoped: '', changed: '' }
    beforeAll(async () => {
      const render = (values: Readonly<Record<string, unknown>>) =>
        helm('template', 'shop', CHART, '-n', 'shop', ...valueFlags(values))
      const changed = Object.fromEntries(Object.entries(changes).map(([path, [value]]) => [path, value]))
      texts.byDefault = await render({ kind: changes.kind?.[0] ?? 'CronJob' })
      texts.scoped = await render({ kind: changes.kind?.[0] ?? 'CronJob', ...scope })
      texts.changed = await render({ ...beside, ...changed })
    }, 30_000)

    it.each(Object.entries(changes).filter(([path]) => path !== 'kind'))(
      '%s changes what is rendered',
      (path, [, text]) => {
        const has = (rendered: string) => (typeof text === 'string' ? rendered.includes(text) : text.test(rendered))
        const before = path === 'allNamespaces' ? texts.byDefault : texts.scoped
        expect(has(texts.changed)).toBe(!has(before))
      },
    )
  })
})
