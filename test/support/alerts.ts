/** Messages as Alertmanager, or Grafana, posts them to a webhook. */

type Labels = Readonly<Record<string, string>>

/** One alert for each set of labels. */
export function aWebhook(labels: readonly Labels[], status: 'firing' | 'resolved' = 'firing') {
  return {
    version: '4',
    groupKey: '{}:{alertname="Down"}',
    truncatedAlerts: 0,
    status,
    receiver: 'active-passive',
    groupLabels: { alertname: 'Down' },
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager:9093',
    alerts: labels.map((own) => ({
      status,
      labels: { alertname: 'Down', ...own },
      annotations: {},
      startsAt: '2026-01-01T00:00:00Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: '',
      fingerprint: 'c0ffee',
    })),
  }
}

/** What Grafana makes of the same. */
export function aGrafanaWebhook(labels: readonly Labels[], status: 'firing' | 'resolved' = 'firing') {
  const { alerts, ...rest } = aWebhook(labels, status)
  return {
    ...rest,
    version: '1',
    orgId: 1,
    title: '[FIRING:1] Down',
    state: status === 'firing' ? 'alerting' : 'ok',
    message: 'down',
    alerts: alerts.map((alert) => ({
      ...alert,
      silenceURL: '',
      dashboardURL: '',
      panelURL: '',
      values: { A: 1 },
      valueString: '',
    })),
  }
}
