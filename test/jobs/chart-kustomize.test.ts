// The chart makes the same objects as the kustomizations of jobs/, for the same choices.
import { loadAll } from 'js-yaml'
import { beforeAll, describe, expect, it } from 'vitest'
import { findBinaries } from '../support/cluster/binaries.js'
import { CHART, hasHelm, helmFor, valueFlags } from '../support/helm/helm.js'
import { type Kubectl, kubectlFor } from '../support/kubectl.js'
import { type Overlay, withOverlay } from '../support/overlay.js'

type Labels = Record<string, string>

interface Described {
  kind?: string
  metadata?: { name?: string; namespace?: string; labels?: Labels; annotations?: Labels }
  [field: string]: unknown
}

interface Choice {
  readonly resources: readonly string[]
  readonly components?: readonly string[]
  readonly values: Readonly<Record<string, unknown>>
}

const ALL_NAMESPACES = 'jobs/components/all-namespaces'
const WITHOUT_LATCH = 'jobs/components/without-latch'
const EXEC = 'jobs/components/exec'
const NOTIFY = 'jobs/components/notify'
const OPENSHIFT = 'jobs/components/openshift'
const MESH = 'jobs/components/mesh'
const OPERATOR = 'jobs/components/prometheus-operator'
/** What the component says, where the chart leaves the choice. */
const release = { release: 'kube-prometheus-stack' }
const CRONJOB = { resources: ['jobs/cronjob'] }
const SERVE = { resources: ['jobs/serve'] }
const deployment = { kind: 'Deployment', 'token.secretName': 'active-passive-token' }
const notify = { 'notify.secretName': 'active-passive-notify' }
const policy = { 'admissionPolicies.enabled': true, 'networkPolicy.enabled': true }

const CHOICES: Readonly<Record<string, Choice>> = {
  'the CronJob': { ...CRONJOB, values: {} },
  'the CronJob with jobs/policy': { resources: ['jobs/cronjob', 'jobs/policy'], values: policy },
  'the CronJob for all namespaces': { ...CRONJOB, components: [ALL_NAMESPACES], values: { allNamespaces: true } },
  'the CronJob without the latch': { ...CRONJOB, components: [WITHOUT_LATCH], values: { latch: false } },
  'the CronJob that runs commands': { ...CRONJOB, components: [EXEC], values: { exec: true } },
  'the CronJob that runs commands, with jobs/policy': {
    resources: ['jobs/cronjob', 'jobs/policy'],
    components: [EXEC],
    values: { ...policy, exec: true },
  },
  'the CronJob that notifies': { ...CRONJOB, components: [NOTIFY], values: notify },
  'the CronJob on OpenShift': { ...CRONJOB, components: [OPENSHIFT], values: { openshift: true } },
  'the CronJob in a mesh': { ...CRONJOB, components: [MESH], values: { mesh: true } },
  'the Deployment': { ...SERVE, values: deployment },
  'the Deployment for all namespaces': {
    ...SERVE,
    components: [ALL_NAMESPACES],
    values: { ...deployment, allNamespaces: true },
  },
  'the Deployment with all components': {
    ...SERVE,
    components: [ALL_NAMESPACES, WITHOUT_LATCH, EXEC, NOTIFY],
    values: { ...deployment, ...notify, allNamespaces: true, latch: false, exec: true },
  },
  'the Deployment on OpenShift, in a mesh': {
    ...SERVE,
    components: [OPENSHIFT, MESH],
    values: { ...deployment, openshift: true, mesh: true },
  },
  "the Deployment with prometheus-operator's objects": {
    ...SERVE,
    components: [OPERATOR],
    values: {
      ...{ ...deployment, 'alerts.kind': 'PrometheusRule', 'alerts.labels': release },
      ...{ 'monitor.kind': 'PodMonitor', 'monitor.labels': release },
    },
  },
  'the Deployment with alerts and dashboard': {
    resources: ['jobs/serve', 'jobs/alerts'],
    values: { ...deployment, 'alerts.kind': 'ConfigMap', 'dashboard.enabled': true },
  },
}

/** What they say is another thing for each release: no kustomization can say the same. In selectors, it is the instance. */
const OF_RELEASES = [
  ...['instance', 'version', 'part-of', 'managed-by'].map((name) => `app.kubernetes.io/${name}`),
  'helm.sh/chart',
]

/** Takes the labels of releases out, wherever they are in an object. */
function withoutReleaseLabels(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutReleaseLabels)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !OF_RELEASES.includes(key))
      .map(([key, inner]) => [key, withoutReleaseLabels(inner)]),
  )
}

/** The NetworkPolicy of the Deployment in the chart is for the pod of `helm test` too, which no kustomization has. */
function withoutTestPod(name: string, object: Described | undefined): Described | undefined {
  if (object === undefined || name !== 'NetworkPolicy active-passive-serve') return object
  const { podSelector, ...spec } = object.spec as { podSelector: { matchLabels: Labels; matchExpressions: unknown } }
  const key = 'app.kubernetes.io/component'
  expect(podSelector.matchExpressions).toEqual([{ key, operator: 'In', values: ['serve', 'test'] }])
  return { ...object, spec: { ...spec, podSelector: { matchLabels: { ...podSelector.matchLabels, [key]: 'serve' } } } }
}

describe.skipIf(!hasHelm || findBinaries() === undefined)('the chart and the kustomizations of jobs/', () => {
  const helm = helmFor()
  let kubectl: Kubectl
  beforeAll(() => {
    kubectl = kubectlFor('/dev/null')
  })

  /** By kind and name. */
  const objectsIn = (yaml: string): ReadonlyMap<string, Described> => {
    const objects = (loadAll(yaml) as (Described | null)[]).filter((object) => object !== null)
    const own = objects.filter(({ metadata }) => metadata?.annotations?.['helm.sh/hook'] === undefined)
    return new Map(own.map((object) => [`${object.kind} ${object.metadata?.name}`, object]))
  }
  const byKustomize = (overlay: Pick<Overlay, 'resources' | 'components'>) =>
    withOverlay({ ...overlay, namespace: 'shop' }, async (folder) => objectsIn(await kubectl('kustomize', folder)))
  const byHelm = async (values: Choice['values']) => {
    const flags = valueFlags({ 'image.repository': 'active-passive', ...values })
    return objectsIn(await helm('template', 'active-passive', CHART, '-n', 'shop', ...flags))
  }

  it.each(Object.entries(CHOICES))('make the same of %s', async (_name, { values, ...overlay }) => {
    const [kustomized, helmed] = await Promise.all([byKustomize(overlay), byHelm(values)])
    // The demo's rules are for the demo, which the chart does not have.
    const rules = kustomized.get('ConfigMap active-passive-alerts')?.data as Labels | undefined
    delete rules?.['rules-demo.yaml']
    expect([...helmed.keys()].sort()).toEqual([...kustomized.keys()].sort())
    for (const [name, object] of kustomized) {
      // Kustomize writes the namespace of an overlay into kinds that it does not know to have none.
      if (object.kind?.startsWith('ValidatingAdmission')) delete object.metadata?.namespace
      expect([name, withoutReleaseLabels(withoutTestPod(name, helmed.get(name)))]).toEqual([
        name,
        withoutReleaseLabels(object),
      ])
    }
  })
})
