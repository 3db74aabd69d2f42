// The Grafana dashboard: a file that any Grafana takes, whose queries ask for what serve exports.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { alertsFolder, check, has, metricsOf } from '../support/promql.js'
import { isDefaultMetric, SERVE_METRICS } from '../support/serve-metrics.js'

interface Source {
  readonly type: string
  readonly uid: string
}

interface Panel {
  readonly id: number
  readonly title: string
  readonly datasource: Source
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets: readonly { readonly expr: string; readonly legendFormat?: string; readonly datasource: Source }[]
}

interface Dashboard {
  readonly id: unknown
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[]
  }
}

const { panels, ...dashboard } = JSON.parse(readFileSync(join(alertsFolder, 'dashboard.json'), 'utf8')) as Dashboard
const queries = panels.flatMap(({ title, targets }) => targets.map((target) => ({ title, ...target })))
/** As Grafana fills them in. */
const filledIn = (expr: string) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.*')
/** Those of the target, from the scrape; the others are the metric's own. */
const TARGET_LABELS = ['job', 'instance']

describe('the dashboard', () => {
  it('is for Grafana 10 and later, and for no Grafana in particular', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(38)
    expect(dashboard.id).toBeNull()
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' })
    const sources = [...panels, ...queries].map(({ datasource }) => datasource)
    expect(new Set(sources.map(({ type, uid }) => `${type} ${uid}`))).toEqual(new Set([`prometheus \${datasource}`]))
  })

  it('has panels that do not overlap, each under an id of its own', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24)
  })

  it.each(queries)('"$title" asks for metrics and labels that serve has: $expr', ({ expr, legendFormat = '' }) => {
    const metrics = metricsOf(filledIn(expr))
    expect(metrics).not.toEqual([])
    expect(metrics.filter((name) => !(name in SERVE_METRICS))).toEqual([])
    const labels = [
      ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(', ')),
      ...[...expr.matchAll(/(\w+)=~?"/g)].map(([, name = '']) => name),
      ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = '']) => name),
    ]
    const own = metrics.flatMap((name) => SERVE_METRICS[name] ?? [])
    expect(labels.filter((name) => !own.includes(name) && !TARGET_LABELS.includes(name))).toEqual([])
  })

  it('leaves none of its own metrics out', () => {
    const shown = new Set(queries.flatMap(({ expr }) => metricsOf(filledIn(expr))))
    const own = Object.keys(SERVE_METRICS).filter((name) => !isDefaultMetric(name))
    const missing = own.filter((name) => !shown.has(name) && !/_(sum|count)$/.test(name))
    expect(missing).toEqual([])
  })
})

describe.skipIf(!has('promtool', 'prometheus'))('promtool', () => {
  it('takes every query of the dashboard', () => {
    const folder = mkdtempSync(join(tmpdir(), 'active-passive-dashboard-'))
    const rules = queries.map(({ expr }, n) => ({ record: `query:${n}`, expr: filledIn(expr) }))
    const file = join(folder, 'queries.yaml')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    expect(check('promtool', 'check', 'rules', file)).toMatchObject({ status: 0, stderr: '' })
    rmSync(folder, { recursive: true })
  })
})
