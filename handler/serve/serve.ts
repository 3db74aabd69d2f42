/** `node handler serve`: HTTP, and the loop and the watches where they are asked for, until it is told to stop. */

import type { Environment, ServeOptions } from '../cli/options.js'
import { loadConfig } from '../kube/auth/config.js'
import { openNotifier } from '../notice/notifier.js'
import { UsageError } from '../util/errors.js'
import { createApp } from './app.js'
import { type Guard, guardedBy, unguarded } from './http/bearer-token.js'
import { type CertificateFiles, readCertificate, watchCertificate } from './http/certificates.js'
import { type RunningServer, startServer } from './http/server.js'
import type { Log } from './telemetry/log.js'

/**
 * Resolves after `stop`, when no pass is under way and every answer was sent.
 * @throws UsageError for a mistake in flags, files or kubeconfig, or a port that cannot be listened on
 */
export async function serve(options: ServeOptions, env: Environment, log: Log, stop: AbortSignal): Promise<void> {
  const config = loadConfig({ ...options, env })
  const guard = await guardOf(options, log)
  const files = certificateFiles(options)
  const certificate = files && (await readCertificate(files))
  const notify = await openNotifier(options.notify, env, log.warn)
  const app = createApp(options, config, guard, log, { notify, livesOn: true })
  // Without a token, everybody who reaches the port may start passes: only this machine may reach it then.
  const host = options.tokenFile === undefined && !options.insecure ? '127.0.0.1' : undefined
  const server = await startServer({ port: options.port, host, certificate, fetch: app.fetch })
  const endWatch =
    files && certificate && watchCertificate(files, certificate, (renewed) => server.renew(renewed), log.warn)
  log.info(`listening on ${server.url}${describeTriggers(options)}`)

  const work = [app.reachability.keepTrying()]
  if (options.intervalMs !== undefined) work.push(app.loop(options.intervalMs))
  if (options.watch) work.push(app.watch())
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) return resolve()
    stop.addEventListener('abort', () => resolve(), { once: true })
  })
  try {
    await Promise.race([stopped, Promise.all(work).then(() => stopped)])
  } finally {
    endWatch?.()
    await end(server, app)
  }
  await Promise.all(work)
}

/** The port stops accepting connections first. Then the passes that are under way end, and their answers are sent. */
async function end(server: RunningServer, app: { close(): Promise<void> }): Promise<void> {
  const closed = server.close()
  await app.close()
  await closed
}

async function guardOf({ tokenFile }: ServeOptions, log: Log): Promise<Guard> {
  return tokenFile === undefined ? unguarded : guardedBy(tokenFile, log.warn)
}

function certificateFiles({ tlsCert: cert, tlsKey: key }: ServeOptions): CertificateFiles | undefined {
  if (cert !== undefined && key !== undefined) return { cert, key }
  if (cert === undefined && key === undefined) return undefined
  throw new UsageError(`--tls-cert and --tls-key go together: --tls-${cert === undefined ? 'cert' : 'key'} is missing`)
}

function describeTriggers({ intervalMs, watch, tokenFile, insecure }: ServeOptions): string {
  const passes = [
    ...(intervalMs === undefined ? [] : [`a pass every ${intervalMs} ms`]),
    ...(watch ? ['a pass when a pod or Service changes for the worse'] : []),
  ]
  const loopback = tokenFile === undefined && !insecure ? ' (on loopback only: there is no --token-file)' : ''
  return `${loopback}; ${['passes when asked to', ...passes].join(', ')}`
}
