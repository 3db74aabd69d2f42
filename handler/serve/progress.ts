/** The groups that a pass has served so far. A caller that asked for some of them does not wait for the others. */

import type { Target } from '../pass/scope.js'
import type { GroupReport, Report } from '../report/report.js'

export class Progress {
  /** The groups that were served, by the names of their Services and pods. */
  private readonly served = new Map<string, GroupReport>()
  private readonly waiting = new Map<string, Set<() => void>>()
  private last: Report | undefined

  /** Notes a group that was served. @param report on that group alone */
  add(report: Report): void {
    this.last = report
    for (const group of report.groups) {
      const keys = [
        ...group.services.map((name) => keyOf(group.namespace, 'service', name)),
        ...group.members.map(({ pod }) => keyOf(group.namespace, 'pod', pod.name)),
      ]
      for (const key of keys) {
        this.served.set(key, group)
        const woken = this.waiting.get(key) ?? []
        this.waiting.delete(key)
        for (const look of woken) look()
      }
    }
  }

  /** Resolves with the report on the groups of these targets once all were served; never where one of them is not. */
  part(targets: readonly Target[]): Promise<Report> {
    return new Promise((resolve) => {
      const look = () => {
        const found = targets.map((target) => this.find(target))
        const missing = targets.find((_, n) => !found[n])
        if (missing) return this.waitFor(missing, look)
        const groups = [...new Set(found.flatMap((group) => group ?? []))]
        if (this.last) resolve({ ...this.last, groups })
      }
      look()
    })
  }

  private find(target: Target): GroupReport | undefined {
    return keysOf(target).flatMap((key) => this.served.get(key) ?? [])[0]
  }

  private waitFor(target: Target, look: () => void): void {
    for (const key of keysOf(target)) {
      const waiting = this.waiting.get(key) ?? new Set()
      this.waiting.set(key, waiting.add(look))
    }
  }
}

/** The Service goes before the pod, as in a pass: an alert may name a Service that this program does not manage. */
function keysOf({ namespace, service, pod }: Target): readonly string[] {
  return [...(service ? [keyOf(namespace, 'service', service)] : []), ...(pod ? [keyOf(namespace, 'pod', pod)] : [])]
}

function keyOf(namespace: string | undefined, kind: 'service' | 'pod', name: string): string {
  return `${namespace ?? ''}/${kind} ${name}`
}
