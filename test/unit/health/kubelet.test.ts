/** `probe` means what the kubelet means: its own code and ours judge the same servers, and send them the same requests. */
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { planCheck } from '../../../handler/health/plan.js'
import { probe } from '../../../handler/health/probe.js'
import { readPod } from '../../../handler/kube/read.js'
import { DEFAULT_SETTINGS } from '../../../handler/settings/settings.js'
import { findReference, goVersion } from '../../support/cluster/binaries.js'
import { type OddServer, plain, secure } from '../../support/odd-servers.js'
import { type ProbeRun, type Reference, startReference } from '../../support/reference.js'
import { reportSkipped } from '../../support/skipped.js'
import { CASES, type Case } from './kubelet-cases.js'

const program = findReference()
if (program === undefined) {
  reportSkipped(
    'NO REFERENCE of the kubelet’s probes: our verdicts are compared with what is written in the table only. ' +
      `Build it once with \`npm run cluster -- --build\` (needs Go ≥ ${goVersion}).`,
  )
}

/** On a machine that is busy. */
const ANSWERS_WITHIN_MS = 30_000
const HANGS_FOR_MS = 500
const OTHERS = { plain: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', tls: 'HTTP/1.1 200 OK\r\n\r\n' }

const runOf = ({ get, tcp, host = '127.0.0.1' }: Case, { port }: OddServer): ProbeRun => ({
  podIP: host,
  container: {
    name: 'app',
    readinessProbe: tcp
      ? { tcpSocket: { port } }
      : {
          httpGet: {
            port,
            path: get.path ?? '/health',
            scheme: get.scheme ?? 'HTTP',
            httpHeaders: (get.headers ?? []).map(([name, value]) => ({ name, value })),
          },
        },
  },
  timeoutMs: get.hangs ? HANGS_FOR_MS : ANSWERS_WITHIN_MS,
})

async function ours({ podIP, container, timeoutMs }: ProbeRun) {
  const json = {
    metadata: { name: 'web-0' },
    spec: { containers: [container] },
    status: { podIP, podIPs: [{ ip: podIP }] },
  }
  return await probe(
    planCheck(readPod(json as unknown as V1Pod), DEFAULT_SETTINGS, []),
    timeoutMs,
    new AbortController().signal,
  )
}

interface Found {
  readonly healthy: boolean
  readonly text: string
  readonly asked: readonly string[]
}

/** Which version of Kubernetes, and who else asks, is the only difference. */
const sameAgent = (request: string) => request.replace(/kube-probe\/[\d.]+( active-passive\/[\w.-]+)?/, 'kube-probe')

describe('as the kubelet has it,', () => {
  let reference: Reference | undefined
  const servers: OddServer[] = []
  const oursFound: Found[] = []
  const kubeletFound: Found[] = []

  beforeAll(async () => {
    const others = [
      await plain(OTHERS.plain)({ plain: 0, tls: 0 }),
      await secure(OTHERS.tls)({ plain: 0, tls: 0 }),
    ] as const
    const ports = { plain: others[0].port, tls: others[1].port }
    servers.push(...(await Promise.all(CASES.map(({ start, host }) => start(ports, host)))))
    const runs = CASES.map((one, n) => runOf(one, servers[n] as OddServer))
    const asked = () => servers.slice(0, CASES.length).map((server) => server.take().map(sameAgent))
    if (program !== undefined) {
      reference = startReference(program)
      const verdicts = await reference.probe(runs)
      const requests = asked()
      for (const [n, { result, output }] of verdicts.entries()) {
        const healthy = result === 'success' || result === 'warning'
        kubeletFound.push({ healthy, text: output, asked: requests[n] ?? [] })
      }
    }
    const results = await Promise.all(runs.map(ours))
    const requests = asked()
    for (const [n, { healthy, text }] of results.entries()) oursFound.push({ healthy, text, asked: requests[n] ?? [] })
    servers.push(...others)
  }, 60_000)

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.close()))
    await reference?.close()
  })

  test.each(CASES.map(({ name }, n) => [name, n] as const))('%s', (_name, n) => {
    const [our, kubelets] = [oursFound[n], kubeletFound[n]]
    if (kubelets) expect(kubelets, 'the kubelet').toMatchObject({ healthy: CASES[n]?.passes })
    expect(our, `ours ${our?.text}`).toMatchObject({ healthy: CASES[n]?.ours ?? CASES[n]?.passes })
    if (CASES[n]?.get.hangs) return
    expect(our?.text, 'known before the time is up').not.toMatch(/ (within|after) /)
    if (kubelets) expect(our?.asked, 'the requests').toEqual(kubelets.asked)
  })

  test('no probe of ours leaves a connection', async () => {
    await reference?.close() // with those that its HTTP/2 keeps
    const open = () => CASES.flatMap(({ name }, n) => (servers[n]?.connections ? [name] : []))
    await expect.poll(open, { timeout: 10_000 }).toEqual([])
  })
})
