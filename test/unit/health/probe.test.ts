import { expect, onTestFinished, test } from 'vitest'
import type { Plan, Target } from '../../../handler/health/plan.js'
import { probe } from '../../../handler/health/probe.js'
import { aPod } from '../../support/builders.js'
import { startServer } from '../../support/servers.js'

const planOf = (targets: readonly Target[]): Plan => ({
  ...{ kind: 'http', pod: aPod('web-0'), evidence: 'check', timeoutMs: 200, targets },
})
const { signal } = new AbortController()

test('Of a pod with thousands of containers no more are probed at once than a pod may hold up, and none after a failure', async () => {
  const server = await startServer('hang')
  onTestFinished(() => server.close())
  const request = { headers: [], statuses: [[200, 399]], redirects: 'none' } as const
  const target: Target = { kind: 'http', url: `http://127.0.0.1:${server.port}/`, ...request }
  const result = await probe(planOf(Array.from({ length: 2_000 }, () => target)), 200, signal)
  expect(result).toMatchObject({ healthy: false, text: 'no answer within 200ms' })
  expect(server.accepted).toBeLessThanOrEqual(16)
})

test('Of several checks the one that fails is named, without its query; where all pass each is', async () => {
  const server = await startServer('ok')
  onTestFinished(() => server.close())
  const { port } = server
  const open: Target = { kind: 'tcp', host: '127.0.0.1', port }
  const http = (path: string): Target => ({
    ...{ kind: 'http', url: `http://127.0.0.1:${port}${path}`, headers: [], redirects: 'none' },
    statuses: [[path.startsWith('/bad') ? 500 : 200, 599]],
  })
  const several = (...targets: Target[]) =>
    probe({ ...planOf(targets), kind: 'several' }, 5_000, signal).then(({ healthy, text }) => [healthy, text])
  expect(await several(http('/a?key=s3cret'), open)).toEqual([true, `http :${port}/a: 200, tcp :${port}: open`])
  expect(await several(open, http('/bad?key=s3cret'), http('/bad2'))).toEqual([false, `http :${port}/bad: 200`])
  expect(await several(open, { kind: 'unusable', text: 'no container port named "x"' })).toEqual([
    false,
    'no container port named "x"',
  ])
  expect(await several(...Array.from({ length: 9 }, () => open))).toEqual([
    true,
    `${`tcp :${port}: open, `.repeat(8)}…`,
  ])
})

test('Each container of a pod has to pass, and the first that fails is named', async () => {
  const server = await startServer('ok')
  onTestFinished(() => server.close())
  const open: Target = { kind: 'tcp', host: '127.0.0.1', port: server.port }
  const all = Array.from({ length: 40 }, () => open)
  expect(await probe(planOf(all), 5_000, signal)).toMatchObject({ healthy: true })
  await expect.poll(() => server.accepted).toBe(40)
  const bad = (text: string): Target => ({ kind: 'unusable', text })
  const failed = [...all.slice(0, 30), bad('first'), ...all, bad('second')]
  expect(await probe(planOf(failed), 5_000, signal)).toMatchObject({ healthy: false, text: 'first' })
})
