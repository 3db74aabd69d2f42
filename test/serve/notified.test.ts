// The real process tells a chat: of a handover, through all that may go wrong, without a word of where to.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { aWebhook } from '../support/alerts.js'
import { runHandler } from '../support/handler.js'
import { startInProcess } from '../support/in-process.js'
import { startServing } from '../support/serve.js'
import { startServer } from '../support/servers.js'

vi.setConfig({ testTimeout: 120_000 }) // of a machine that is busy with other things

const SECRET = 'T0SECRET'

async function aChat(behaviour: Parameters<typeof startServer>[0] = 'ok') {
  const chat = await startServer(behaviour)
  onTestFinished(() => chat.close())
  return { chat, url: `${chat.url}/services/${SECRET}` }
}

it('serve answers an alert, and the URL is in no line that it writes', async () => {
  const { chat, url } = await aChat('error')
  const {
    url: server,
    world,
    stop,
    close,
  } = await startServing({
    args: ['--notify-url-file', 'FOLDER/url'],
    files: { url: `${url}\n` },
  })
  onTestFinished(close)
  const body = JSON.stringify(aWebhook([{ namespace: 'default', service: 'app' }]))
  const answer = await (await fetch(`${server}/alertmanager`, { method: 'POST', body })).text()
  const metrics = await (await fetch(`${server}/metrics`)).text()
  expect(world.actives()).toEqual(['a'])
  expect(chat.lastRequest?.path).toBe(`/services/${SECRET}`)
  const { stdout, stderr } = await stop()
  expect(answer).toContain('the notification failed: it was answered with status 500')
  for (const text of [answer, metrics, stdout, stderr]) {
    expect(text).not.toContain(SECRET)
    expect(text).not.toContain(`:${chat.port}`)
  }
})

it('a pass tells of the first active pod, by the variable, and of nothing in the next pass', async () => {
  const { chat, url } = await aChat()
  const world = await startInProcess()
  onTestFinished(() => world.close())
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-notified-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, world.api.kubeconfig)
  const run = (env: Readonly<Record<string, string>>) =>
    runHandler(['--health-check', 'ready'], { AP_KUBECONFIG: kubeconfig, ...env })
  expect(await run({ AP_NOTIFY_URL: url })).toMatchObject({ code: 0, stderr: '' })
  expect(chat.requests).toBe(1)
  expect(await run({ AP_NOTIFY_URL: url })).toMatchObject({ code: 0, stderr: '' })
  expect(chat.requests).toBe(1)
  const wrong = await run({ AP_NOTIFY_URL: `ftp://${SECRET}` })
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toContain('AP_NOTIFY_URL should be an http:// or https:// URL')
  const missing = await run({ AP_NOTIFY_URL_FILE: join(folder, 'none') })
  expect(missing).toMatchObject({ code: 0, stderr: expect.stringContaining('cannot be read: there is no such file') })
  expect(wrong.stderr + wrong.stdout).not.toContain(SECRET)
})
