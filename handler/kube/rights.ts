/** Explains a refusal by what the API server has allowed before. */

/** A kind of request, as RBAC sees it. */
export interface Right {
  readonly verb: 'list' | 'patch' | 'watch' | 'create' | 'get'
  readonly resource: 'pods' | 'services' | 'events' | 'pods/exec'
  /** `undefined`: all namespaces. */
  readonly namespace: string | undefined
}

/** The requests that the API server has allowed so far. */
export class Rights {
  /** By namespace. */
  private readonly seen = new Map<string | undefined, Map<string, Right>>()

  allowed({ verb, resource, namespace }: Right): void {
    const rights = this.seen.get(namespace) ?? new Map<string, Right>()
    this.seen.set(namespace, rights.set(`${verb} ${resource}`, { verb, resource, namespace }))
  }

  /**
   * Another right that was seen in the same namespace, or in all namespaces. `undefined`: none. If this right itself
   * was seen and is refused now, rights were taken away, and everything seen there before is forgotten.
   */
  besides({ verb, resource, namespace }: Right): Right | undefined {
    for (const scope of new Set([namespace, undefined])) {
      if (this.seen.get(scope)?.has(`${verb} ${resource}`)) this.seen.delete(scope)
      const [other] = this.seen.get(scope)?.values() ?? []
      if (other) return other
    }
    return undefined
  }
}
