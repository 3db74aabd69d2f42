/** The exports for programs that import this package. */

import { createFunction } from './serve/function.js'
import type { Fetch } from './serve/http/routes.js'

const fetch: Fetch = createFunction(process.env)

/**
 * The routes of `node handler serve`, configured by the environment. Some hosts call a function, others an object's
 * method `fetch`: this is both.
 */
export default Object.assign(fetch, { fetch })

export { execBy } from './health/exec.js'
export { type Exec, probe, probeWith } from './health/probe.js'
export {
  type Cluster,
  type ClusterOptions,
  connect,
  connectCommands,
  defaultNamespace,
  loadConfig,
} from './kube/cluster.js'
export type { Commands } from './kube/commands.js'
export type { Effects } from './pass/context.js'
export { type PassOptions, pass } from './pass/pass.js'
export { exitCode } from './report/exit-code.js'
export { toJson } from './report/json.js'
export type { GroupReport, Report } from './report/report.js'
export { toText } from './report/text.js'
export { createFunction } from './serve/function.js'
export type { Fetch } from './serve/http/routes.js'
export type { Log } from './serve/telemetry/log.js'
export { DEFAULT_SETTINGS } from './settings/settings.js'
export { type Clock, systemClock } from './util/clock.js'
