/**
 * Alertmanager's webhook, version 4 of its message, or Grafana's, version 1 -> what a pass is to serve. Pure.
 * The messages: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and
 * https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
 *
 * What is read of them means the same in both. Grafana adds fields of its own (`orgId`, `title`, `state`, `message`, and
 * `values` of each alert); `state` says for all alerts together what `status` says for each.
 */
import type { Order, Target } from '../targets.js'

/** `undefined`: no alert is firing, there is nothing to do. */
export type Wish = { readonly order: Order | undefined } | { readonly error: string }

/** @param message as parsed from JSON: anything */
export function readWebhook(message: unknown): Wish {
  if (!isRecord(message)) return { error: 'should be a JSON object, the message of an Alertmanager or Grafana webhook' }
  const { version, alerts, truncatedAlerts } = message
  if (version !== '4' && version !== '1') {
    return {
      error: `version is ${quote(version)}, and only "4", of Alertmanager's own webhook, and "1", of Grafana's, are understood: is it one of these?`,
    }
  }
  if (!Array.isArray(alerts)) return { error: `alerts is ${quote(alerts)}, which should be a list` }
  const senseless = alerts.findIndex((alert) => !isRecord(alert) || !isRecord(alert.labels))
  if (senseless >= 0) return { error: `alerts[${senseless}] is ${quote(alerts[senseless])}, which should have labels` }
  const doubtful = alerts.findIndex(({ status }) => status !== 'firing' && status !== 'resolved')
  if (doubtful >= 0) {
    return {
      error: `alerts[${doubtful}].status is ${quote(alerts[doubtful].status)}, which should be firing or resolved`,
    }
  }
  const firing = (alerts as readonly Alert[]).filter(({ status }) => status === 'firing')
  // Which alerts were cut off nobody knows: they may be about any group, and may be firing.
  if (typeof truncatedAlerts === 'number' && truncatedAlerts > 0) return { order: 'all' }
  if (firing.length === 0) return { order: undefined }
  const targets = new Map<string, Target>()
  for (const { labels } of firing) {
    const [namespace, service, pod] = [text(labels.namespace), text(labels.service), text(labels.pod)]
    if (!namespace || !(service || pod)) return { order: 'all' }
    targets.set(JSON.stringify([namespace, service, pod]), { namespace, service, pod, otherwise: 'all' })
  }
  return { order: [...targets.values()] }
}

interface Alert {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, unknown>>
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
