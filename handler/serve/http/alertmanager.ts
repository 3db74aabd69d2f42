/**
 * The message of a webhook -> the groups that a pass is to serve. It reads version 4 of Alertmanager's message, and
 * version 1 of Grafana's. Pure.
 * The messages: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and
 * https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
 *
 * The fields that are read mean the same in both. Grafana adds fields of its own (`orgId`, `title`, `state`, `message`,
 * and `values` of each alert); `state` says for all alerts together what `status` says for each.
 *
 * Alertmanager sends an alert again only after a 5xx. A message of a webhook that is not quite as it should be
 * therefore asks for a pass over all groups, which moves no healthy pod. Anything else is an error: its sender made a
 * mistake, and sees the answer.
 */

import type { Selection, Target } from '../../pass/scope.js'
import { parseName } from '../../pass/scope.js'

/**
 * @property selection the groups to serve; `undefined`: no alert is firing, so there is nothing to do
 * @property doubt the part of the message that was not understood, where all groups are served because of it
 */
export type WebhookReading =
  | { readonly selection: Selection | undefined; readonly doubt?: string }
  | { readonly error: string }

/** A message with more targets asks for all groups, because many messages may wait at once. */
const MAX_TARGETS = 250

/** @param text the body of a request */
export function readMessage(text: string): WebhookReading {
  try {
    return readWebhook(JSON.parse(text))
  } catch {
    // A proxy may have cut it.
    return text.includes('"alerts"') ? all('the body is no whole JSON') : { error: 'the body is no JSON' }
  }
}

/** @param message as parsed from JSON: anything */
export function readWebhook(message: unknown): WebhookReading {
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
  // The alerts that were cut off may be about any group, and may be firing.
  if (typeof truncatedAlerts === 'number' && truncatedAlerts > 0) return { selection: 'all' }
  return { selection: firing.length === 0 ? undefined : selectionOf(firing) }
}

function selectionOf(firing: readonly Alert[]): Selection {
  const targets = new Map<string, Target>()
  for (const { labels } of firing) {
    const [namespace, service, pod] = [text(labels.namespace), text(labels.service), text(labels.pod)]
    if (!namespace || !(service || pod)) return 'all'
    targets.set(JSON.stringify([namespace, service, pod]), { namespace, service, pod, otherwise: 'all' })
  }
  return targets.size > MAX_TARGETS ? 'all' : [...targets.values()]
}

/** Leaves out the targets in namespaces that are not served. @property outside those namespaces */
export function withinScope(
  selection: Selection,
  isServed: (namespace: string) => boolean,
): { readonly selection: Selection | undefined; readonly outside: readonly string[] } {
  if (selection === 'all') return { selection, outside: [] }
  const isOutside = ({ namespace }: Target) => namespace !== undefined && !isServed(namespace)
  const inside = selection.filter((target) => !isOutside(target))
  const outside = [...new Set(selection.filter(isOutside).flatMap(({ namespace }) => namespace ?? []))]
  // Where all namespaces are served, a text that cannot be the name of one (`.`, `a/b`) would lead to a path that the
  // API server does not know.
  if (inside.some(({ namespace }) => namespace !== undefined && !parseName(namespace)))
    return { selection: 'all', outside }
  return { selection: inside.length > 0 ? inside : undefined, outside }
}

interface Alert {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, unknown>>
}

function all(doubt: string): WebhookReading {
  return { selection: 'all', doubt }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A value as it was sent, cut short. A nested value may be too deep to print, so only its kind is named. */
function quote(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  return value === undefined ? 'missing' : JSON.stringify(typeof value === 'string' ? value.slice(0, 40) : value)
}
