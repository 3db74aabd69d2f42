/** Admission policies for one namespace of a real cluster, until the test has ended. */
import { onTestFinished } from 'vitest'
import { ApiError, type KubeObject } from './cluster/client.js'
import { until } from './cluster/poll.js'
import type { OnCluster } from './on-cluster.js'

const GROUP = '/apis/admissionregistration.k8s.io/v1'

/** A write that shows whether a policy is in effect. It is made as a dry run. */
export interface Trial {
  /** Below the namespace: `pods/helloworld-0`. */
  readonly object: string
  /** A merge patch. */
  readonly patch: object
}

export interface PolicyDraft {
  readonly resource: 'pods' | 'services'
  /** CEL, of which updates it is about. */
  readonly condition: string
  readonly trial: Trial
}

export interface MutatingPolicyDraft extends PolicyDraft {
  /** CEL, a list of `JSONPatch`. */
  readonly patches: string
  /** Whether this answer to the trial shows the policy's hand. */
  readonly isChanged: (answer: TrialAnswer) => boolean
}

export interface TrialAnswer extends KubeObject {
  readonly spec: { readonly selector?: Readonly<Record<string, string>> }
}

/** A policy that is in effect. */
export interface Policy {
  /** Takes it away, and waits until it has no effect. */
  remove(): Promise<void>
}

/** Changes updates of pods or Services on their way, as mutating webhooks do too. */
export function changeUpdates(world: OnCluster, draft: MutatingPolicyDraft): Promise<Policy> {
  const { resource, condition, patches, trial, isChanged } = draft
  const spec = {
    failurePolicy: 'Fail',
    reinvocationPolicy: 'Never',
    matchConstraints: matchConstraints(world, resource),
    matchConditions: [{ name: 'condition', expression: condition }],
    mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: patches } }],
  }
  const inEffect = async () => isChanged(await tryOut(world, trial))
  return add(world, 'mutatingadmissionpolic', spec, {}, inEffect)
}

/** Refuses updates of pods or Services. */
export function refuseUpdates(world: OnCluster, { resource, condition, trial }: PolicyDraft): Promise<Policy> {
  const spec = {
    failurePolicy: 'Fail',
    matchConstraints: matchConstraints(world, resource),
    matchConditions: [{ name: 'condition', expression: condition }],
    validations: [{ expression: 'false', message: 'refused by the test' }],
  }
  const inEffect = () =>
    tryOut(world, trial).then(
      () => false,
      (error: unknown) => {
        if (error instanceof ApiError && error.message.includes('refused by the test')) return true
        throw error
      },
    )
  return add(world, 'validatingadmissionpolic', spec, { validationActions: ['Deny'] }, inEffect)
}

function matchConstraints({ namespace }: OnCluster, resource: string) {
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: [resource] }],
  }
}

function tryOut({ admin, api }: OnCluster, { object, patch }: Trial): Promise<TrialAnswer> {
  return admin.patch<TrialAnswer>(`${api}/${object}?dryRun=All`, patch)
}

let policies = 0

async function add(
  world: OnCluster,
  kind: string,
  spec: object,
  binding: object,
  inEffect: () => Promise<boolean>,
): Promise<Policy> {
  const name = `${world.namespace}-${++policies}`
  const { admin } = world
  const paths = [`${GROUP}/${kind}ybindings`, `${GROUP}/${kind}ies`]
  const remove = () =>
    Promise.all(paths.map((path) => admin.delete(`${path}/${name}`).catch(() => undefined /* removed before */)))
  onTestFinished(async () => void (await remove()))
  await admin.post(`${GROUP}/${kind}ies`, { metadata: { name }, spec })
  await admin.post(`${GROUP}/${kind}ybindings`, { metadata: { name }, spec: { policyName: name, ...binding } })
  await until(`policy ${name} is in effect`, async () => (await inEffect()) || undefined)
  return {
    async remove() {
      await remove()
      await until(`policy ${name} is gone`, async () => !(await inEffect()) || undefined)
    },
  }
}
