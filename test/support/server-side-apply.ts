/**
 * Objects of any kind, applied as `kubectl apply --server-side --validate=strict` does it. kubectl itself reads the API's
 * whole schema each time, a third of a second of CPU: it is for tests of what users type.
 */
import { applyPatch, type Kube, type KubeObject } from './cluster/client.js'

/** As much as is asked of an object that is to be applied. */
export type Applied = Pick<KubeObject, 'apiVersion' | 'kind'> & {
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

interface Resource {
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
}

export interface Applier {
  /** Is it an object of a namespace? */
  isNamespaced(object: Applied): Promise<boolean>
  /**
   * Applies them one after the other, each field validated. Resolves with what the API server answers.
   * @param query added to each request: `dryRun=All`, say
   * @throws ApiError for the first that it refuses
   */
  apply<T extends Applied>(objects: readonly T[], query?: string): Promise<readonly T[]>
}

/** It knows the kinds of an API group from the first time that it is asked for one of them. */
export function applierFor(admin: Kube): Applier {
  const known = new Map<string, Promise<readonly Resource[]>>()
  const resourcesOf = (api: string) => {
    const resources =
      known.get(api) ?? admin.get<{ resources: readonly Resource[] }>(api).then((list) => list.resources)
    known.set(api, resources)
    return resources
  }
  const apiOf = ({ apiVersion = 'v1' }: Applied) => (apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`)
  const resourceOf = async (object: Applied) => {
    const resources = await resourcesOf(apiOf(object))
    const found = resources.find(({ name, kind }) => kind === object.kind && !name.includes('/'))
    if (found === undefined) throw new Error(`${apiOf(object)} has no kind ${object.kind}`)
    return found
  }
  const isNamespaced = async (object: Applied) => (await resourceOf(object)).namespaced
  return {
    isNamespaced,
    apply: async <T extends Applied>(objects: readonly T[], query = '') => {
      const answers: T[] = []
      for (const object of objects) {
        const { name, namespaced } = await resourceOf(object)
        const scope = namespaced ? `/namespaces/${object.metadata.namespace ?? 'default'}` : ''
        const path = `${apiOf(object)}${scope}/${name}/${object.metadata.name}`
        const how = `fieldManager=kubectl&fieldValidation=Strict${query && `&${query}`}`
        answers.push(await admin.patch<T>(`${path}?${how}`, object, applyPatch))
      }
      return answers
    },
  }
}
