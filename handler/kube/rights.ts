/** What the API server was seen to allow: what a refusal that comes after it can mean. */
import type { Access } from './status.js'

type Right = Pick<Access, 'verb' | 'resource' | 'namespace'>

export class Rights {
  /** By namespace. */
  private readonly seen = new Map<string | undefined, Map<string, Right>>()

  allowed({ verb, resource, namespace }: Right): void {
    const rights = this.seen.get(namespace) ?? new Map<string, Right>()
    this.seen.set(namespace, rights.set(`${verb} ${resource}`, { verb, resource, namespace }))
  }

  /**
   * Another right in the same place, or `undefined`. One that was seen and is refused now means that rights were taken
   * away: what was seen there before counts no more.
   */
  besides({ verb, resource, namespace }: Right): Right | undefined {
    const rights = this.seen.get(namespace)
    if (rights?.has(`${verb} ${resource}`)) this.seen.delete(namespace)
    const [other] = this.seen.get(namespace)?.values() ?? []
    return other
  }
}
