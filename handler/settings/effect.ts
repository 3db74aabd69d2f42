/** Finds settings that change nothing, given the others of their group. Pure. */
import { PREFIX } from '../kube/keys.js'
import type { Service } from '../kube/port.js'
import { formatDuration } from '../util/duration.js'
import type { Check } from './check.js'
import { DEFAULT_HEALTH_TIMEOUT_MS, type Settings } from './settings.js'

type Kind = Check['kind']
type Annotated = readonly Pick<Service, 'name' | 'annotations'>[]

/** The kinds of checks that a setting is for, and why it has no effect without them. */
const ONLY_FOR: readonly (readonly [settings: readonly (keyof Settings)[], kinds: readonly Kind[], why: string])[] = [
  [
    ['health-status', 'health-body', 'health-json', 'health-headers'],
    ['http', 'probe'],
    'none of the checks is http(s)://:PORT or probe',
  ],
  [['health-send', 'health-expect'], ['tcp'], 'none of the checks is tcp://:PORT'],
  [
    ['health-slow'],
    ['http', 'tcp', 'grpc', 'exec', 'probe'],
    'the Ready condition, which is all that is checked, takes no time',
  ],
]

/** One line for each annotation that has no effect. */
export function withoutEffect(services: Annotated, settings: Settings): readonly string[] {
  const checks = settings['health-check']
  const said = ONLY_FOR.flatMap(([names, kinds, why]) =>
    checks.some(({ kind }) => kinds.includes(kind)) ? [] : names.flatMap((name) => annotated(services, name, why)),
  )
  const preferred = settings.prefer ? [] : annotated(services, 'failback', 'there is no prefer, so no pod is preferred')
  return [...said, ...unanswered(services, settings), ...neverSlow(services, settings), ...preferred]
}

/** What is sent when nobody looks at the answer. */
function unanswered(services: Annotated, settings: Settings): readonly string[] {
  if (settings['health-expect'] || !settings['health-check'].some(({ kind }) => kind === 'tcp')) return []
  return annotated(services, 'health-send', `there is no ${PREFIX}health-expect, so that no answer is looked at`)
}

/** A probe fails by its time limit before it can be too slow. A readinessProbe may have a longer one of its own. */
function neverSlow(services: Annotated, settings: Settings): readonly string[] {
  const { 'health-slow': slowMs, 'health-timeout': timeoutMs, 'health-check': checks } = settings
  if (slowMs === undefined || slowMs < (timeoutMs ?? DEFAULT_HEALTH_TIMEOUT_MS)) return []
  if (timeoutMs === undefined && checks.some(({ kind }) => kind === 'probe')) return []
  const limit = formatDuration(timeoutMs ?? DEFAULT_HEALTH_TIMEOUT_MS)
  const why = `a probe that takes longer than ${limit} (health-timeout) has failed anyway, so that ${formatDuration(slowMs)} should be less than that`
  return annotated(services, 'health-slow', why)
}

function annotated(services: Annotated, name: keyof Settings, why: string): readonly string[] {
  return services
    .filter(({ annotations }) => Object.hasOwn(annotations, PREFIX + name))
    .map((service) => `service ${service.name}: annotation ${PREFIX}${name} has no effect: ${why}`)
}
