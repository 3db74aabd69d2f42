/** Which variables of the environment are ours. One that nearly is would be ignored: AP_DRYRUN=true would write. */

import { closest } from '../util/closest.js'
import { UsageError } from '../util/errors.js'
import { FLAGS, VARIABLE_PREFIX, variableOf } from './flags.js'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The variables that stand in for flags. A Service of the pod's namespace whose link has the name of one (`ap` and
 * AP_PORT) sets nothing. An empty variable counts as none.
 * @throws UsageError which names every other variable that begins with AP_, and the one that was probably meant
 */
export function ownVariables(env: Environment): Environment {
  const given = Object.entries(env).filter(
    ([name, value]) => name.startsWith(VARIABLE_PREFIX) && value && !isServiceLink(name, value),
  )
  const known = Object.keys(FLAGS).map(variableOf)
  // `ap_dry_run` is another variable to a shell, and no other to a person.
  const isMeant = ([name, value]: [string, string | undefined]) =>
    value && !name.startsWith(VARIABLE_PREFIX) && known.includes(name.toUpperCase().replaceAll('-', '_'))
  const unknown = [...given, ...Object.entries(env).filter(isMeant)]
    .map(([name]) => name)
    .filter((name) => !known.includes(name))
  // Without their values: those of a variable that is misspelled may be secrets.
  if (unknown.length > 0) throw new UsageError(unknown.map(describe).join('; '))
  return Object.fromEntries(given)
}

function describe(name: string): string {
  const rest = (variable: string) => variable.slice(VARIABLE_PREFIX.length).toUpperCase().replaceAll('-', '_')
  const flags = Object.keys(FLAGS)
  const meant = closest(
    rest(name),
    flags.map((flag) => rest(variableOf(flag))),
  )
  return meant === undefined
    ? `${name} is no variable of this program: unset it, or see --help for the flags that each have one`
    : `${name} is no variable of this program: did you mean ${VARIABLE_PREFIX}${meant}?`
}

/** Of whatever name the Service is, and with links as pkg/kubelet/envvars of Kubernetes makes them. */
const LINKS = [/_SERVICE_HOST$/, /_SERVICE_PORT(_[A-Z0-9_]+)?$/, /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/]

/** Every pod of a namespace is given such variables for a Service there that is named `ap`, or `ap-` and more. */
function isServiceLink(name: string, value: string): boolean {
  return LINKS.some((link) => link.test(name)) || (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value))
}
