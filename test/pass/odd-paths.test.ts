// Paths of readinessProbes that the API server takes, and that make no URL.
import { expect, it, onTestFinished } from 'vitest'
import { planCheck } from '../../handler/health/plan.js'
import { probe } from '../../handler/health/probe.js'
import { DEFAULT_SETTINGS } from '../../handler/settings/settings.js'
import { aPod } from '../support/builders.js'
import { startInProcess } from '../support/in-process.js'

const ODD = ['x:%', 'a:b c', 'a:b:c', 'a:@']

it.each(ODD)('%j fails its pod, and is named in a report of several checks', async (path) => {
  const http = { kind: 'http', scheme: 'http', port: 8080, path, headers: [], timeoutMs: 1_000 } as const
  const containers = ['one', 'two'].map((name) => ({ name, ports: [], readinessProbe: http }))
  const plan = planCheck(aPod('web-0', { containers }), DEFAULT_SETTINGS, [])
  const { healthy, probes } = await probe(plan, 1_000, new AbortController().signal)
  const one = { target: 'http', result: 'invalid URL', ms: expect.any(Number) }
  expect({ healthy, probes }).toEqual({ healthy: false, probes: [one, one] })
})

it.each(ODD)('%j of a pod costs no other group its pass', async (path) => {
  const world = await startInProcess()
  onTestFinished(() => world.close())
  world.addService({ name: 'odd', selector: { app: 'odd', role: 'active' } })
  world.addPod({ name: 'odd-0', labels: { app: 'odd' }, readinessProbe: { httpGet: { path, port: 'http' } } })
  const { groups } = await world.pass()
  expect(groups.map(({ decision }) => decision.kind)).toEqual(['first', 'first'])
  expect(world.actives()).toEqual(['a', 'odd-0'])
})
