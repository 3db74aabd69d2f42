/**
 * Alertmanager's webhook, version 4 of its message, or Grafana's, version 1 -> what a pass is to serve. Pure.
 * The messages: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and
 * https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
 *
 * What is read of them means the same in both. Grafana adds fields of its own (`orgId`, `title`, `state`, `message`, and
 * `values` of each alert); `state` says for all alerts together what `status` says for each.
 *
 * Alertmanager sends an alert again after a 5xx only. So what is a webhook, but not quite as it should be, asks for a pass
 * over all groups, which moves no healthy pod; what is none is a mistake of somebody who sees the answer.
 */

import type { Order, Target } from '../../pass/scope.js'
import { parseName } from '../../pass/scope.js'

/**
 * `undefined`: no alert is firing, there is nothing to do.
 * @property odd what was not understood, where all groups are served because of it
 */
export type Wish = { readonly order: Order | undefined; readonly odd?: string } | { readonly error: string }

/** More are served by a pass over all: many messages may wait at once. */
const MOST_TARGETS = 250

/** @param text the body of a request */
export function readMessage(text: string): Wish {
  try {
    return readWebhook(JSON.parse(text))
  } catch {
    // A proxy may have cut it.
    return text.includes('"alerts"') ? all('the body is no whole JSON') : { error: 'the body is no JSON' }
  }
}

/** @param message as parsed from JSON: anything */
export function readWebhook(message: unknown): Wish {
  if (!isRecord(message)) return { error: 'should be a JSON object, the message of an Alertmanager or Grafana webhook' }
  const { version, alerts, truncatedAlerts } = message
  if (version === undefined && !Array.isArray(alerts)) {
    return {
      error: `version is missing, and alerts is ${quote(alerts)}: is it the webhook of Alertmanager, or of Grafana?`,
    }
  }
  if (version !== '4' && version !== '1') {
    return all(`version is ${quote(version)}, and only "4", of Alertmanager, and "1", of Grafana, are known`)
  }
  if (!Array.isArray(alerts)) return all(`alerts is ${quote(alerts)}, which should be a list`)
  const senseless = alerts.findIndex((alert) => !isRecord(alert) || !isRecord(alert.labels))
  if (senseless >= 0) return all(`alerts[${senseless}] is ${quote(alerts[senseless])}, which should have labels`)
  const doubtful = alerts.findIndex(({ status }) => status !== 'firing' && status !== 'resolved')
  if (doubtful >= 0) {
    return all(`alerts[${doubtful}].status is ${quote(alerts[doubtful].status)}, which should be firing or resolved`)
  }
  const firing = (alerts as readonly Alert[]).filter(({ status }) => status === 'firing')
  // Which alerts were cut off nobody knows: they may be about any group, and may be firing.
  if (typeof truncatedAlerts === 'number' && truncatedAlerts > 0) return { order: 'all' }
  return { order: firing.length === 0 ? undefined : orderOf(firing) }
}

function orderOf(firing: readonly Alert[]): Order {
  const targets = new Map<string, Target>()
  for (const { labels } of firing) {
    const [namespace, service, pod] = [text(labels.namespace), text(labels.service), text(labels.pod)]
    if (!namespace || !(service || pod)) return 'all'
    targets.set(JSON.stringify([namespace, service, pod]), { namespace, service, pod, otherwise: 'all' })
  }
  return targets.size > MOST_TARGETS ? 'all' : [...targets.values()]
}

/** Without the targets in namespaces that are not served. @returns those namespaces, too */
export function within(
  order: Order,
  isServed: (namespace: string) => boolean,
): { readonly order: Order | undefined; readonly outside: readonly string[] } {
  if (order === 'all') return { order, outside: [] }
  const isOutside = ({ namespace }: Target) => namespace !== undefined && !isServed(namespace)
  const inside = order.filter((target) => !isOutside(target))
  const outside = [...new Set(order.filter(isOutside).flatMap(({ namespace }) => namespace ?? []))]
  // Where all are served: what cannot be one (`.`, `a/b`) would lead to a path that the API server does not know.
  if (inside.some(({ namespace }) => namespace !== undefined && !parseName(namespace))) return { order: 'all', outside }
  return { order: inside.length > 0 ? inside : undefined, outside }
}

interface Alert {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, unknown>>
}

function all(odd: string): Wish {
  return { order: 'all', odd }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** What was sent, cut short: of a nested value, which may be deeper than it can be printed, only the kind. */
function quote(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return value === undefined ? 'missing' : JSON.stringify(typeof value === 'string' ? value.slice(0, 40) : value)
}
