/** What a program imports. */

export { type Clock, systemClock } from './clock.js'
export type { Effects } from './effects.js'
export { probe } from './health/probe.js'
export { defaultNamespace, loadConfig } from './kube/auth/config.js'
export { connect } from './kube/client.js'
export { type PassOptions, pass } from './pass.js'
export { DEFAULT_SETTINGS } from './policy.js'
export { exitCode } from './report/exit-code.js'
export { toJson } from './report/json.js'
export type { GroupReport, Report } from './report/report.js'
export { toText } from './report/text.js'
