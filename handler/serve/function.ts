/**
 * The routes of `serve` as one function, for hosts that receive the requests themselves: no server, no loop, no watch.
 */

import { variableOf } from '../cli/flags.js'
import { type Environment, readServeOptions } from '../cli/options.js'
import { loadConfig } from '../kube/auth/config.js'
import { openNotifier } from '../notice/notifier.js'
import { UsageError } from '../util/errors.js'
import type { Guard } from './http/bearer-token.js'
import type { Fetch } from './http/routes.js'
import { createLog, type Log, logDefect } from './telemetry/log.js'

/** Hosts tell levels apart by the method of the console. A wrong format is told of as text. */
function consoleLog(env: Environment): Log {
  const format = env[variableOf('log-format')] === 'json' ? 'json' : 'text'
  return createLog(format, (line, level) => console[level](line))
}

/**
 * The environment configures it as it configures `serve`: AP_NAMESPACE and the other variables. Every caller may start
 * passes, so it requires AP_TOKEN_FILE, or AP_INSECURE=true where the host checks the callers itself. It reads nothing
 * before the first request. A mistake in the configuration is answered with 500, and is written to the log.
 */
export function createFunction(env: Environment, log: Log = consoleLog(env)): Fetch {
  let opened: Promise<Fetch> | undefined
  return async (request) => {
    opened ??= open(env, log).catch((error: unknown) => {
      opened = undefined // the next request tries again: a missing file may be there by then
      if (error instanceof UsageError) log.error(error.message)
      else logDefect(log, error)
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
  const notify = await openNotifier(options.notify, env, log.warn)
  const app = createApp(options, config, guard, log, { notify })
  const defect = (error: unknown) => logDefect(log, error)
  return async (request) => {
    // Tries are made only within a request. A timer would keep the process alive, or run while its host thinks it idle.
    if (new URL(request.url).pathname === '/readyz') await app.reachability.tryToReach().catch(defect)
    return app.fetch(request)
  }
}

const notConfigured: Fetch = async () => Response.json({ error: 'not configured: see the log' }, { status: 500 })

const closed: Guard = async () =>
  'no token is configured: set AP_TOKEN_FILE, or AP_INSECURE=true where the host itself lets in only whom it knows'
