// The log of `node handler serve`, the real process: one line each, of text or of JSON, whatever tenants write.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { repository, runHandler } from '../support/handler.js'
import { NAMESPACE } from '../support/in-process.js'
import { podStatus } from '../support/pods.js'
import { type Serving, startServing } from '../support/serve.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

let serving: Serving | undefined
afterEach(async () => {
  await serving?.close()
  serving = undefined
})

const [, readme = ''] = readFileSync(join(repository, 'README.md'), 'utf8').split('\n### Log\n')
const [, textShown = ''] = /^```text\n(.*?)\n^```$/ms.exec(readme) ?? []
const [, jsonShown = ''] = /^```json\n(.*?)\n^```$/ms.exec(readme) ?? []

/** Would be two more lines, and a screen that is cleared. */
const FORGED = 'x\n2026-01-01T12:00:00.000Z ERROR default/app: forged\n{"level":"error","msg":"forged"}\x1b[2J'

/** What it says of a first pod, a failover, a wrong annotation and a wrong token. */
async function logOf(
  ...args: readonly string[]
): Promise<{ readonly lines: readonly string[]; readonly stdout: string }> {
  serving = await startServing({
    args: ['--token-file', 'FOLDER/token', '--probes=1', '--failures=1', ...args],
    files: { token: 'secret' },
  })
  const { url, world } = serving
  const run = async (token = 'secret') => {
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${url}/run`, { method: 'POST', headers })).status).toBe(token === 'secret' ? 200 : 401)
  }
  await run()
  world.api.store.update('pods', NAMESPACE, 'a', (pod) => {
    pod.status = podStatus({ ready: false })
  })
  await run()
  world.api.store.update('services', NAMESPACE, 'app', ({ metadata }) => {
    metadata.annotations = { 'active-passive/failures': FORGED }
  })
  await run()
  await run('wrong')
  const { stdout, stderr } = await serving.stop()
  return { lines: stderr.trimEnd().split('\n'), stdout }
}

describe('the log', () => {
  it('is lines of text on stderr, as the README shows them', async () => {
    const { lines, stdout } = await logOf()
    expect(stdout).toBe('')
    for (const line of lines)
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARN|ERROR) \P{Cc}+$/u)
    const withoutTime = (line: string) => line.slice(line.indexOf(' ') + 1)
    expect(textShown.split('\n').map(withoutTime)).toEqual(lines.slice(1, 3).map(withoutTime))
    expect(lines.map(withoutTime)).toEqual([
      expect.stringMatching(/^INFO listening on http:/),
      expect.stringMatching(/^INFO default\/app: first to a: /),
      expect.stringMatching(/^WARN default\/app: failover from a to b: a is not Ready/),
      expect.stringMatching(/^ERROR default\/app: service default\/app: .*x\\n2026-01-01.* ERROR .*forged/),
      expect.stringMatching(/^WARN POST \/run: wrong bearer token: answered with 401/),
    ])
  })

  it('is lines of JSON where that is asked for, as the README shows one', async () => {
    const { lines } = await logOf('--log-format', 'json')
    const entries = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    for (const entry of entries) expect(Object.keys(entry).slice(0, 3)).toEqual(['ts', 'level', 'msg'])
    const ofThisTime = { ts: '', durationMs: 0 }
    expect({ ...JSON.parse(jsonShown), ...ofThisTime }).toEqual({ ...entries[2], ...ofThisTime })
    const group = { namespace: 'default', service: 'app' }
    const pass = { requests: expect.any(Number), durationMs: expect.any(Number) }
    expect(entries).toMatchObject([
      { level: 'info', msg: expect.stringMatching(/^listening on/) },
      { level: 'info', ...group, decision: 'first', active: 'a', ...pass },
      { level: 'warn', ...group, decision: 'failover', reason: 'active-not-ready', active: 'b', ...pass },
      { level: 'error', ...group, code: 'bad-annotation', msg: expect.stringContaining('forged') },
      { level: 'warn', msg: expect.stringContaining('401') },
    ])
  })

  it('has the error that ends the process in the same form', async () => {
    const args = ['serve', '--port=0', '--token-file', 'none']
    const text = await runHandler(args, { KUBECONFIG: 'none' })
    const json = await runHandler([...args, '--log-format=json'], { KUBECONFIG: 'none' })
    expect([text.code, json.code]).toEqual([2, 2])
    expect(text.stderr).toMatch(/^active-passive: /)
    expect(`active-passive: ${JSON.parse(json.stderr).msg}\n`).toBe(text.stderr)
  })
})
