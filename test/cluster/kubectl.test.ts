// The real kubectl and the same kubeconfigs: it sends what we send, and refuses what we refuse.
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pLimit from 'p-limit'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../handler/kube/auth/config.js'
import { openTransport } from '../../handler/kube/transport.js'
import { findBinaries, pinsFolder } from '../support/cluster/binaries.js'
import { go } from '../support/go-programs.js'
import { ALL_CASES, CASES, type Case, enact, identityIn, PLUGIN_CASES, withPlugin } from '../unit/kube/field-cases.js'
import { startHttpProxy, startSocksProxy } from '../unit/kube/proxies.js'
import { DECISIONS } from '../unit/kube/proxy-decisions.js'
import { folderOf, kubeconfig, never } from '../unit/kube/support.js'

const binaries = findBinaries()
const run = promisify(execFile)

/** Whether it has succeeded. It has no terminal, and no other settings than these. */
async function kubectl(kubeconfig: string, env: Readonly<Record<string, string>> = {}): Promise<boolean> {
  const args = ['--kubeconfig', kubeconfig, 'get', '--raw', '/api/v1/pods', '--request-timeout', '2s']
  const child = run(join(binaries ?? '', 'kubectl'), args, {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
    timeout: 20_000,
  })
  child.child.stdin?.end()
  return await child.then(
    () => true,
    () => false,
  )
}

describe.skipIf(binaries === undefined)('kubectl', { timeout: 60_000 }, () => {
  const outcome = async (one: Case) => {
    const [http, socks] = [await startHttpProxy(), await startSocksProxy()]
    const { server, kubeconfig } = await enact(one, { $HTTP: http.authority, $SOCKS: socks.authority })
    const succeeded = await kubectl(kubeconfig)
    return succeeded ? identityIn(server) : 'nothing'
  }
  const ours = ({ sends }: Case) => (sends ? [...sends].sort() : 'nothing')

  it.each(ALL_CASES.filter(([, one]) => one.differs === undefined))('does the same: %s', async (_name, one) => {
    expect(await outcome(one)).toEqual(ours(one))
  })

  it.each(ALL_CASES.filter(([, one]) => one.differs !== undefined))('differs: %s', async (_name, one) => {
    expect(await outcome(one)).not.toEqual(ours(one))
  })

  it.each(PLUGIN_CASES.map((one) => [one.name, withPlugin(one)] as const))('tells a plugin %s', async (_name, one) => {
    const [http, socks] = [await startHttpProxy(), await startSocksProxy()]
    const { kubeconfig } = await enact(one, { $HTTP: http.authority, $SOCKS: socks.authority })
    const info = join(dirname(kubeconfig), 'info')
    const told = async () => JSON.parse(await readFile(info, 'utf8')) as unknown
    await kubectl(kubeconfig)
    const byKubectl = await told()
    await rm(info)
    const { get } = openTransport(loadConfig({ kubeconfig, env: { PATH: process.env.PATH } }))
    await get('/', never)
    // A plugin of v1beta1 answers in v1 here, which kubectl refuses once it has asked.
    expect(await told()).toEqual(byKubectl)
  })

  it('knows no field of which there is no case', async () => {
    const { output } = await go(pinsFolder, ['list', '-m', '-f', '{{.Dir}}', 'k8s.io/client-go'])
    const types = await readFile(join(output.join(''), 'tools/clientcmd/api/v1/types.go'), 'utf8')
    const fieldsOf = (name: string) => {
      const [, body = ''] = new RegExp(`^type ${name} struct \\{\n([^]*?)^\\}`, 'm').exec(types) ?? []
      return [...body.matchAll(/`json:"([\w-]+)/g)].map(([, field]) => field).sort()
    }
    const { unknown: _, ...top } = CASES['']
    expect(fieldsOf('Config')).toEqual(Object.keys(top).sort())
    expect(fieldsOf('Cluster')).toEqual(Object.keys(CASES.cluster).sort())
    expect(fieldsOf('AuthInfo')).toEqual(Object.keys(CASES.user).sort())
    expect(fieldsOf('ExecConfig')).toEqual(Object.keys(CASES.exec).sort())
    expect(fieldsOf('Context')).toEqual(Object.keys(CASES.context).sort())
  })

  it('uses the proxy of the environment for the same servers', async () => {
    const few = pLimit(4)
    // Where kubectl goes by itself there is nothing to be found: it is the proxy that tells.
    const found = await Promise.all(
      DECISIONS.map(([server, NO_PROXY]) =>
        few(async () => {
          const folder = await folderOf({ config: kubeconfig({ server, user: { token: 't' } }) })
          const own = await startHttpProxy('127.0.0.1', 502)
          await kubectl(join(folder, 'config'), { HTTPS_PROXY: own.authority, HTTP_PROXY: own.authority, NO_PROXY })
          return [server, NO_PROXY, own.asked.length > 0 ? 'proxy' : 'direct']
        }),
      ),
    )
    expect(found).toEqual(DECISIONS)
  })
})
