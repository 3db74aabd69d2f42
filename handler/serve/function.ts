/** The routes of `serve` as one function, for hosts that bring the requests themselves: no server, no loop, no watch. */

import { type Environment, readServeOptions } from '../cli/options.js'
import { loadConfig } from '../kube/auth/config.js'
import { UsageError } from '../util/errors.js'
import { printable } from '../util/printable.js'
import type { Guard } from './http/bearer-token.js'
import type { Fetch } from './http/routes.js'
import { describeDefect, type Log } from './telemetry/log.js'

const consoleLog: Log = {
  print: (text) => console.log(text.trimEnd()),
  warn: (text) => console.error(`active-passive: ${printable(text)}`),
}

/**
 * Configured as `serve` is by its environment, AP_NAMESPACE and the others. Whoever may call it may start passes: it
 * wants AP_TOKEN_FILE, or AP_INSECURE=true where the host itself knows its callers. Nothing is read before the first
 * request; what is wrong with the configuration is a 500, and in the log.
 */
export function createFunction(env: Environment, log: Log = consoleLog): Fetch {
  let opened: Promise<Fetch> | undefined
  return async (request) => {
    opened ??= open(env, log).catch((error: unknown) => {
      opened = undefined // files may be there the next time
      log.warn(error instanceof UsageError ? error.message : describeDefect(error))
      return notConfigured
    })
    const fetch = await opened
    return fetch(request)
  }
}

async function open(env: Environment, log: Log): Promise<Fetch> {
  const options = readServeOptions({}, env)
  const config = loadConfig({ ...options, env })
  const [{ createApp }, { guardedBy, unguarded }] = await Promise.all([
    import('./app.js'),
    import('./http/bearer-token.js'),
  ])
  const { tokenFile, insecure } = options
  const guard = tokenFile !== undefined ? await guardedBy(tokenFile, log.warn) : insecure ? unguarded : closed
  const app = createApp(options, config, guard, log)
  const defect = (error: unknown) => log.warn(describeDefect(error))
  return async (request) => {
    // What tries by itself would keep the process alive, or run while its host believes it to be idle.
    if (new URL(request.url).pathname === '/readyz') await app.reach.tryReach().catch(defect)
    return app.fetch(request)
  }
}

const notConfigured: Fetch = async () => Response.json({ error: 'not configured: see the log' }, { status: 500 })

const closed: Guard = async () =>
  'no token is configured: set AP_TOKEN_FILE, or AP_INSECURE=true where the host itself lets in only whom it knows'
