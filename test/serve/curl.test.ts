// The requests of docs/http.md, as they are written there, to the real process.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repository } from '../support/handler.js'
import { type Serving, startServing } from '../support/serve.js'

const run = promisify(execFile)
const text = readFileSync(join(repository, 'docs/http.md'), 'utf8')
const [setting = '', ...blocks] = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
/** Each with all its lines. */
const commands = blocks.flatMap((block) => block.split(/^(?=curl )/m))

/** For a machine that has no curl: what the examples need of it. */
const STAND_IN = `#!${process.execPath}
const [url, method, headers, body] = [[], ['GET'], [], []]
const args = process.argv.slice(2)
const takes = { '-X': method, '-H': headers, '--data-binary': body }
for (let n = 0; n < args.length; n++) {
  if (args[n] in takes) takes[args[n]].push(args[++n])
  else if (args[n] !== '-fsS') url.push(args[n])
}
const init = { method: method.at(-1), headers: headers.map((line) => line.split(': ')), body: body[0] }
fetch(url[0], init).then(async (answer) => {
  process.stdout.write(await answer.text())
  process.exitCode = answer.ok ? 0 : 22
})
`

const own = process.env.PATH ?? ''
const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
)

describe.each([
  ['curl', ''],
  ['the stand-in for curl', 'stand-in'],
])('by %s', (_name, path) => {
  let serving: Serving
  beforeAll(async () => {
    serving = await startServing({ args: ['--token-file', 'FOLDER/token'], files: { token: 'secret' } })
    serving.world.addService({ name: 'mail', selector: { app: 'mail', role: 'active' } })
    await mkdir(join(serving.folder, 'stand-in'))
    await writeFile(join(serving.folder, 'stand-in/curl'), STAND_IN, { mode: 0o755 })
  })
  afterAll(() => serving.close())

  async function send(command: string): Promise<string> {
    const { folder, url } = serving
    const set = setting.replace('http://127.0.0.1:8080', url)
    const PATH = path ? `${join(folder, path)}${delimiter}${own}` : own
    const options = { cwd: folder, env: { PATH } }
    return (await run('sh', ['-euc', `${set}\n${command}`], options)).stdout
  }

  it.skipIf(!path && !hasCurl)('each request is answered with a success', { timeout: 120_000 }, async () => {
    const answers = new Map<string, string>()
    for (const command of commands) answers.set(/"\$URL(.*?)"/.exec(command)?.[1] ?? '', await send(command))
    const json = (request: string): unknown => JSON.parse(answers.get(request) ?? '')
    expect([...new Set([...answers.keys()].map((request) => request.split('?')[0]))].sort()).toEqual(
      ['alertmanager', 'healthz', 'livez', 'metrics', 'pause', 'readyz', 'resume', 'run', 'status', 'switchover'].map(
        (name) => `/${name}`,
      ),
    )
    expect(json('/status')).toMatchObject({ groups: [{ active: {}, reason: {}, pods: expect.anything() }, {}] })
    expect(json('/run?service=default/app')).toMatchObject({ groups: [{ services: ['app'] }] })
    expect(json('/run?service=default/app&service=default/mail')).toMatchObject({ groups: [{}, {}] })
    expect(json('/alertmanager')).toMatchObject({ groups: [{ services: ['app'] }] })
    expect(json('/switchover?service=default/app')).toMatchObject({ result: 'moved', from: 'a', to: 'b' })
    expect(json('/switchover?service=default/app&to=b&from=a&force=true')).toMatchObject({ result: 'already-active' })
    expect(json('/pause?service=default/app&for=2h')).toMatchObject({ pausedUntil: expect.stringMatching(/Z$/) })
    expect(json('/resume?service=default/app')).toMatchObject({ pausedUntil: null })
    expect(json('/pause?service=default/app')).toMatchObject({ pausedUntil: 'forever' })
    expect(answers.get('/healthz')).toBe('ok\n')
    expect(answers.get('/metrics')).toContain('active_passive_')
    expect(serving.world.actives()).toEqual(['b'])
  })

  it.skipIf(!path && !hasCurl)('a wrong token is a failure', async () => {
    await expect(send(`TOKEN=wrong\n${commands[0]}`)).rejects.toMatchObject({ code: 22 })
  })
})
