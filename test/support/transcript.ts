/** Writes down passes against the in-process API: each request, its answer, and the state of the objects after it. */
import { readHistory } from '../../handler/group/history.js'
import { CLAIM, EPOCH, HISTORY, PIN } from '../../handler/kube/keys.js'
import type { Kube, PatchOperation, Written } from '../../handler/kube/port.js'
import { exitCode } from '../../handler/report/exit-code.js'
import type { Report } from '../../handler/report/report.js'
import { type InProcess, NAMESPACE } from './in-process.js'
import { observed } from './observed-kube.js'
import { isActivation, isSeal } from './roles.js'
import type { Call } from './stored.js'

const SERVICE = 'app'
const ROLE = 'role'

/** The pass is killed: its request is never sent, and the pass does not go on. */
export const KILLED = Symbol('killed')

/** Is called before each request of a pass is sent, and may interfere with it. */
export type Meddle = (request: string) => Promise<typeof KILLED | undefined>

export class Transcript {
  private readonly lines: string[] = []
  private requests = 0
  private state = ''

  constructor(private readonly world: InProcess) {}

  say(text: string): void {
    this.lines.push('', text)
  }

  /** Writes down the pods and the Service, if they have changed since the last time. */
  show(): void {
    const lines = [this.service(), ...this.pods()]
    const state = lines.join('\n')
    if (state !== this.state) this.lines.push(...lines.map((line) => `       ${line}`))
    this.state = state
  }

  /** Makes a pass and writes it down. @returns `undefined` if the pass was killed */
  async pass(
    name: string,
    meddle: Meddle = async () => undefined,
    options: Parameters<InProcess['pass']>[0] = {},
  ): Promise<Report | undefined> {
    this.lines.push('', `${name} begins.`)
    this.show()
    let die = () => {}
    const death = new Promise<undefined>((resolve) => {
      die = () => resolve(undefined)
    })
    const kube = this.recorded(name, this.world.connect(), meddle, () => die())
    const report = await Promise.race([this.world.pass(options, { kube, random: () => 0.5 }), death])
    if (!report) {
      this.lines.push('', `${name} is killed.`)
      return undefined
    }
    for (const { decision, latch, faults, warnings } of report.groups) {
      const reason = decision.kind === 'error' ? decision.fault.message : decision.reason.text
      this.lines.push('', `${name} ends: ${decision.kind}, exit code ${exitCode(report)}.`, `       ${reason}`)
      if (latch) this.lines.push(`       latch: ${latch}`)
      for (const fault of faults) this.lines.push(`       error ${fault.code}: ${fault.message}`)
      for (const warning of warnings) this.lines.push(`       warning: ${warning}`)
    }
    return report
  }

  /** The transcript, with uids, times and the like replaced by their meaning. */
  toString(): string {
    let text = this.lines.join('\n').trim()
    for (const resource of ['pods', 'services'] as const)
      for (const { metadata } of this.world.api.store.list(resource, NAMESPACE))
        text = text.replaceAll(metadata.uid, `<uid of ${metadata.name}>`)
    return `${text
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<now>')
      .replaceAll('8000800080008000', '<token>')
      .replaceAll(/resourceVersion=\d+/g, 'resourceVersion')}\n`
  }

  private recorded(pass: string, kube: Kube, meddle: Meddle, die: () => void): Kube {
    const one = async <T>(call: Call, send: () => Promise<T>): Promise<T> => {
      const n = ++this.requests
      const text = textOf(call)
      const fate = await meddle(text)
      if (fate === KILLED) {
        this.lines.push('', `${String(n).padStart(4)}.  ${pass}: ${text} is never sent`)
        die()
        return new Promise(() => {})
      }
      const answer = await send()
      this.lines.push('', `${String(n).padStart(4)}.  ${pass}: ${text}`)
      this.lines.push(...detailsOf(call).map((line) => `       ${line}`), `       -> ${answerOf(answer)}`)
      this.show()
      return answer
    }
    // One at a time: the answers to requests that are sent together may come in any order.
    let last: Promise<unknown> = Promise.resolve()
    return observed(kube, (call, send) => {
      const answer = last.then(() => one(call, send))
      last = answer.catch(() => {})
      return answer
    })
  }

  private service(): string {
    const { selector, annotations } = this.world.service(SERVICE)
    const pairs = Object.entries(selector).map(([key, value]) => `${key}=${value}`)
    const claim = CLAIM in annotations ? `; claimed: ${annotations[CLAIM]}` : ''
    return `Service ${SERVICE} selects ${pairs.join(', ')}${claim}`
  }

  private pods(): readonly string[] {
    return this.world.api.store.list('pods', NAMESPACE).map(({ metadata: { name } }) => {
      const role = this.world.labels(name)[ROLE] ?? 'no role'
      return `Pod ${name}: ${role}, epoch ${this.world.annotations(name)[EPOCH] ?? 'none'}`
    })
  }
}

function textOf(call: Call): string {
  switch (call.verb) {
    case 'listServices':
      return 'LIST services'
    case 'listPods':
      return 'LIST pods'
    case 'patchPod':
      return `PATCH pod/${call.pod.name}${isActivation(call) ? ' (promote)' : isSeal(call) ? ' (seal)' : ''}`
    case 'patchPodMetadata':
      return `PATCH pod/${call.pod.name}`
    case 'patchService':
      return `PATCH service/${call.service.name}${call.patch.annotations[CLAIM] === null ? ' (release)' : ' (claim)'}`
    case 'testService':
      return 'PATCH service (test only)'
  }
}

function detailsOf(call: Call): readonly string[] {
  switch (call.verb) {
    case 'patchPod':
      return operations(call.patch)
    case 'patchPodMetadata':
      return merged({ ...call.patch.labels, ...call.patch.annotations })
    case 'patchService': {
      const { resourceVersion, annotations, selector } = call.patch
      const { [HISTORY]: history, ...others } = annotations
      const [entry] = readHistory(history ?? undefined)
      return [
        `test   resourceVersion=${resourceVersion}`,
        ...merged({ ...others, ...prefixed('selector ', selector) }),
        ...(entry ? [`add    ${HISTORY}: ${JSON.stringify(entry)}`] : []),
      ]
    }
    default:
      return []
  }
}

function answerOf(answer: unknown): string {
  if (Array.isArray(answer)) return answer.length === 1 ? '1 object' : `${answer.length} objects`
  const written = answer as Written<unknown>
  return 'error' in written ? `${written.kind}: ${written.error.message}` : written.kind
}

function operations(patch: readonly PatchOperation[]): readonly string[] {
  return patch.flatMap((operation) => {
    const path = operation.path.replaceAll('~1', '/').replace(/^\/(metadata|status)\/(labels\/|annotations\/)?/, '')
    if (operation.op === 'remove') return [`remove ${path}`]
    const verb = operation.op === 'test' ? 'test  ' : 'set   '
    if (operation.value !== null && typeof operation.value !== 'string') return merged(operation.value)
    return [`${verb} ${path}${operation.value === null ? ' is absent' : `=${operation.value}`}`]
  })
}

function merged(fields: Readonly<Record<string, string | null>>): readonly string[] {
  return Object.entries(fields).map(([key, value]) => (value === null ? `remove ${key}` : `set    ${key}=${value}`))
}

function prefixed(prefix: string, fields: Readonly<Record<string, string | null>>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [`${prefix}${key}`, value]))
}

/** Leaves the claim of a pass that was killed before it sealed any pod. */
export function leaveClaim(world: InProcess, pod: string): void {
  world.api.store.update('services', NAMESPACE, SERVICE, ({ metadata, spec }) => {
    metadata.annotations = { [CLAIM]: `f00df00df00df00d ${pod}` }
    const { [ROLE]: _, ...rest } = (spec as { selector: Record<string, string> }).selector
    const pinned = world.api.store.get('pods', NAMESPACE, 'a')?.metadata.uid as string
    ;(spec as { selector: Record<string, string> }).selector = { ...rest, [PIN]: pinned }
  })
}
