/** Describes objects and moves in words. */
import { CLAIM, EPOCH, PIN } from '../../handler/kube/keys.js'
import type { Pod, Service } from '../../handler/kube/port.js'
import type { Call } from '../support/stored.js'
import type { Answer } from './run.js'

const passName = (n: number) => `pass ${n + 1}`

export function describePod({ name, uid, phase, labels, annotations, terminating }: Pod): string {
  const pin = labels[PIN]
  const notes = [
    ...(terminating ? ['terminating'] : []),
    ...(phase === 'Running' ? [] : [phase]),
    ...(pin === undefined || pin === uid ? [] : [`with the pin of ${pin}`]),
  ]
  return `${name} ${labels.role ?? 'unlabelled'}@${annotations?.[EPOCH] ?? 0}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`
}

export function describeService({ name, selector, annotations }: Service): string {
  const { app: _, ...rest } = selector
  const claim = annotations[CLAIM]
  const selects = Object.entries(rest).map(([key, value]) => `${key === PIN ? 'pin' : key}=${value}`)
  return `${name} selects ${selects.join(' and ')}${claim ? `, claimed for ${claim.split(' ')[1]} by ${claim.slice(0, 4)}` : ''}`
}

export function describeCall(call: Call): string {
  switch (call.verb) {
    case 'listPods':
      return 'reads the pods'
    case 'listServices':
      return 'reads the Services'
    case 'testService':
      return `checks its claim on ${call.service.name}`
    case 'patchService': {
      const { annotations, selector } = call.patch
      const token = annotations[CLAIM]
      if (token)
        return `claims ${call.service.name} by ${token.slice(0, 4)}${selector[PIN] ? `, pinned to ${selector[PIN]}` : ''}`
      return `releases ${call.service.name}`
    }
    case 'patchPodMetadata':
      return `marks pod ${call.pod.name}`
    case 'patchPod': {
      const added = new Map(call.patch.flatMap((one) => (one.op === 'add' ? [[one.path, one.value] as const] : [])))
      const role = added.get('/metadata/labels/role')
      const whole = added.get('/metadata/annotations')
      const epoch =
        added.get('/metadata/annotations/active-passive~1epoch') ??
        (typeof whole === 'object' ? whole[EPOCH] : undefined)
      return epoch === undefined
        ? `labels pod ${call.pod.name} ${role}`
        : `${role === 'active' ? 'promotes' : 'seals'} ${call.pod.name} in epoch ${epoch}`
    }
  }
}

export function answered(pass: number, call: Call, answer: Answer): string {
  return `${passName(pass)} ${describeCall(call)}: ${describeAnswer(answer)}`
}

export function landed(pass: number, call: Call, answer: Answer): string {
  return `the late request of ${passName(pass)} arrives, which ${describeCall(call)}: ${describeAnswer(answer)}`
}

export function unanswered(pass: number, call: Call): string {
  return `${passName(pass)} ${describeCall(call)}, and gets no answer`
}

export function delayed(pass: number, ms: number): string {
  return `${passName(pass)} is held for ${ms} ms of its time`
}

export function died(pass: number, calls: readonly Call[]): string {
  return `${passName(pass)} dies while it ${calls.map(describeCall).join(' and ')}`
}

function describeAnswer(answer: Answer): string {
  switch (answer.kind) {
    case 'pods':
      return answer.pods.map(describePod).join(', ') || 'none'
    case 'services':
      return answer.services.map(describeService).join(', ')
    case 'applied':
      return answer.differences ? `done, but changed by admission: ${answer.differences}` : 'done'
    case 'lost':
      return 'too late, somebody else was faster'
    case 'gone':
      return 'it is gone'
    case 'denied':
      return 'forbidden'
    case 'unauthenticated':
      return 'status 401'
    case 'throttled':
      return 'the server is too busy'
    case 'none':
      return 'no answer'
  }
}
