import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../../handler/kube/auth/config.js'
import {
  CLUSTER_FIELDS,
  CONFIG_FIELDS,
  CONTEXT_FIELDS,
  EXEC_FIELDS,
  USER_FIELDS,
} from '../../../handler/kube/auth/fields.js'
import { LIMITS, openTransport } from '../../../handler/kube/transport.js'
import { UsageError } from '../../../handler/util/errors.js'
import { ALL_CASES, CASES, enact, identityIn } from './field-cases.js'
import { startHttpProxy, startSocksProxy } from './proxies.js'
import { never } from './support.js'

const LIMITS_OF_TESTS = { ...LIMITS, retryDelayMs: 1 }

describe('a field of a kubeconfig is obeyed, or refused by name', () => {
  it.each(ALL_CASES)('%s', async (_name, one) => {
    const [http, socks] = [await startHttpProxy(), await startSocksProxy()]
    const { server, kubeconfig } = await enact(one, { $HTTP: http.authority, $SOCKS: socks.authority })
    const start = async () =>
      openTransport(loadConfig({ kubeconfig, env: { PATH: process.env.PATH } }), LIMITS_OF_TESTS)
    if (one.refused !== undefined) {
      const error = await start().catch((error: unknown) => error)
      expect(error).toBeInstanceOf(UsageError)
      const { message } = error as UsageError
      expect(message).toContain(one.refused)
      expect(message).toContain(`kubeconfig ${kubeconfig}`)
      expect(message).not.toMatch(/secret|\n/)
      return
    }
    const transport = await start()
    if (one.fails) {
      await expect(transport.get('/', never)).rejects.toMatchObject({ kind: 'no-answer' })
      expect(server.seen).toEqual([])
      return
    }
    await transport.get('/', never)
    await transport.patch('/', 'application/json', { name: 'ü' }, never)
    await transport.stream('/', never)
    const identity = [...(one.sends ?? [])].sort()
    expect([0, 1, 2].map((n) => identityIn(server, n))).toEqual([identity, identity, identity])
  })

  it.each([
    ['', CONFIG_FIELDS],
    ['cluster', CLUSTER_FIELDS],
    ['user', USER_FIELDS],
    ['exec', EXEC_FIELDS],
    ['context', CONTEXT_FIELDS],
  ] as const)('there is a case for each field of %s', (part, fields) => {
    const { unknown: _, ...cases } = CASES[part]
    expect(Object.keys(cases).sort()).toEqual(Object.keys(fields).sort())
  })
})
