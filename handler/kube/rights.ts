/** What the API server was seen to allow: what a refusal that comes after it can mean. */

/** A kind of request, as RBAC sees it. */
export interface Right {
  readonly verb: 'list' | 'patch' | 'watch'
  readonly resource: 'pods' | 'services'
  /** `undefined`: all namespaces. */
  readonly namespace: string | undefined
}

export class Rights {
  /** By namespace. */
  private readonly seen = new Map<string | undefined, Map<string, Right>>()

  allowed({ verb, resource, namespace }: Right): void {
    const rights = this.seen.get(namespace) ?? new Map<string, Right>()
    this.seen.set(namespace, rights.set(`${verb} ${resource}`, { verb, resource, namespace }))
  }

  /**
   * Another right in the same namespace, or in all; `undefined`: none was seen. One that was seen and is refused now
   * means that rights were taken away: what was seen there before counts no more.
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
