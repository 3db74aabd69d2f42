/**
 * Finds this program's variables in the environment. A misspelled one is refused: if AP_DRYRUN=true were ignored, the
 * pass would write.
 */

import { closest } from '../util/closest.js'
import { UsageError } from '../util/errors.js'
import { FLAGS, VARIABLE_PREFIX, VARIABLES, variableOf } from './flags.js'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The variables that stand in for flags, and VARIABLES. An empty variable counts as absent. Kubernetes sets variables of such names
 * for a Service called `ap` (AP_PORT); those are left out.
 * @throws UsageError with the name of every other variable that begins with AP_, and the variable that was probably
 *   meant
 */
export function ownVariables(env: Environment): Environment {
  const given = Object.entries(env).filter(
    ([name, value]) => name.startsWith(VARIABLE_PREFIX) && value && !isServiceLink(name, value),
  )
  const known = [...Object.keys(FLAGS).map(variableOf), ...VARIABLES]
  // A shell distinguishes `ap_dry_run` from AP_DRY_RUN; a person does not.
  const isMeant = ([name, value]: [string, string | undefined]) =>
    value && !name.startsWith(VARIABLE_PREFIX) && known.includes(name.toUpperCase().replaceAll('-', '_'))
  const unknown = [...given, ...Object.entries(env).filter(isMeant)]
    .map(([name]) => name)
    .filter((name) => !known.includes(name))
  // The values are not shown: a misspelled variable may hold a secret.
  if (unknown.length > 0) throw new UsageError(unknown.map(describe).join('; '))
  return Object.fromEntries(given)
}

function describe(name: string): string {
  const rest = (variable: string) => variable.slice(VARIABLE_PREFIX.length).toUpperCase().replaceAll('-', '_')
  const variables = [...Object.keys(FLAGS).map(variableOf), ...VARIABLES]
  const meant = closest(rest(name), variables.map(rest))
  return meant === undefined
    ? `${name} is no variable of this program: unset it, or see --help for the flags that each have one`
    : `${name} is no variable of this program: did you mean ${VARIABLE_PREFIX}${meant}?`
}

/** A Service's variables, whatever its name is, with links: pkg/kubelet/envvars of Kubernetes makes them. */
const LINKS = [/_SERVICE_HOST$/, /_SERVICE_PORT(_[A-Z0-9_]+)?$/, /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/]

/**
 * Whether Kubernetes has set this variable: it sets such variables in every pod of a namespace that has a Service named
 * `ap` or `ap-…`.
 */
function isServiceLink(name: string, value: string): boolean {
  return LINKS.some((link) => link.test(name)) || (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value))
}
