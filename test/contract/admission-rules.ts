/** The same rules of admission for both: as a function of the in-process API, and as policies of a real one. */
import type { Admission } from '../support/api/admission.js'
import type { JsonObject } from '../support/api/json.js'
import { labelsOf, stringsAt } from '../support/api/objects.js'
import type { AdmissionRule } from './wire.js'

/** The name of the policy and of its binding. */
export const policyOf = (namespace: string, { kind }: AdmissionRule): string => `${namespace}-${kind}`

export function admissionOf(namespace: string, rule: AdmissionRule): Admission {
  return ({ resource, object, oldObject }) => {
    if (resource !== 'pods' || object.metadata.namespace !== namespace) return undefined
    if (rule.kind === 'deny') {
      const { message: denied, reason, annotation } = rule
      if (!Object.hasOwn(stringsAt(object, 'metadata', 'annotations'), annotation)) return undefined
      return { denied, policy: policyOf(namespace, rule), ...(reason ? { reason } : {}) }
    }
    const value = oldObject && labelsOf(oldObject)[rule.label]
    if (value === undefined) return undefined
    const labels = { ...labelsOf(object), [rule.label]: value }
    return { ...object, metadata: { ...object.metadata, labels } }
  }
}

/** The policy and its binding. */
export function policyObjects(
  namespace: string,
  rule: AdmissionRule,
): readonly (JsonObject & { readonly kind: string; readonly apiVersion: string })[] {
  const name = policyOf(namespace, rule)
  const apiVersion = 'admissionregistration.k8s.io/v1'
  const operations = rule.kind === 'keep' ? ['UPDATE'] : ['CREATE', 'UPDATE']
  const matchConstraints = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: ['pods', 'pods/status'] }],
  }
  if (rule.kind === 'deny') {
    const { message, reason } = rule
    const expression = `!(has(object.metadata.annotations) && '${rule.annotation}' in object.metadata.annotations)`
    const validations = [{ expression, message, ...(reason === undefined ? {} : { reason }) }]
    const kind = 'ValidatingAdmissionPolicy'
    return [
      { apiVersion, kind, metadata: { name }, spec: { matchConstraints, validations } },
      {
        ...{ apiVersion, kind: `${kind}Binding`, metadata: { name } },
        spec: { policyName: name, validationActions: ['Deny'] },
      },
    ]
  }
  const old = 'oldObject.metadata.labels'
  const given = `Object{metadata: Object.metadata{labels: {'${rule.label}': ${old}['${rule.label}']}}}`
  const kind = 'MutatingAdmissionPolicy'
  const spec = {
    matchConstraints,
    reinvocationPolicy: 'Never',
    matchConditions: [{ name: 'labelled', expression: `has(${old}) && '${rule.label}' in ${old}` }],
    mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: given } }],
  }
  return [
    { apiVersion, kind, metadata: { name }, spec },
    { apiVersion, kind: `${kind}Binding`, metadata: { name }, spec: { policyName: name } },
  ]
}
