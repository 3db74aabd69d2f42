/** Runs checks of kind exec: whether a command in a container of the pod exits with 0. */
import type { Commands, Ran } from '../kube/commands.js'
import type { KubeError } from '../kube/port.js'
import type { Settings } from '../settings/settings.js'
import { printable } from '../util/printable.js'
import { limited } from './limit.js'
import { type Exec, type Probe, probe, probeWith } from './probe.js'
import type { ProbeResult } from './probe-result.js'

/** The most characters of what a command has written, and of what is said of it. */
const MAX_CHARACTERS = 100

/** The probe for these settings. @param connect is called only where commands may be run */
export function probeFor(settings: Pick<Settings, 'allow-exec'>, connect: () => Commands): Probe {
  return settings['allow-exec'] ? probeWith(execBy(connect())) : probe
}

/**
 * Runs the commands of checks. A check that the API server refuses is not made. One that it does not answer in time has
 * failed: an API server answers only when the kubelet does, and a node that is lost never does.
 */
export function execBy({ run }: Pick<Commands, 'run'>): Exec {
  return (target, timeoutMs, signal) =>
    limited(timeoutMs, signal, async (limit) => {
      const begun = () => {
        limit.late = 'no exit within'
      }
      return resultOf(await run(target, begun, limit.signal))
    })
}

function resultOf(ran: Ran): Omit<ProbeResult, 'ms'> {
  switch (ran.kind) {
    case 'exited': {
      const said = lastLine(ran.output)
      return { healthy: ran.code === 0, text: `exit code ${ran.code}${said && `: ${said}`}` }
    }
    case 'failed':
      return { healthy: false, text: shortened(ran.text), ...(ran.reached === false ? { reached: false } : {}) }
    case 'refused':
      return unmade(ran.error)
  }
}

function unmade({ code, message, remedy }: KubeError): Omit<ProbeResult, 'ms'> {
  return { healthy: false, text: `not checked: ${shortened(message)}`, unmade: { code, message, remedy } }
}

/** The last line that is not empty, safe to print. */
function lastLine(output: string): string {
  const [line = ''] = output
    .split(/[\r\n]+/)
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .slice(-1)
  return shortened(line)
}

function shortened(text: string): string {
  const line = printable(text.slice(0, 10 * MAX_CHARACTERS))
  return line.length > MAX_CHARACTERS ? `${line.slice(0, MAX_CHARACTERS)}…` : line
}
