/** Carries out the commands that a person gives. */
import type { Invocation } from '../cli/cli.js'
import { check } from './check.js'
import { completion } from './completion.js'
import { history } from './history.js'
import type { Io } from './io.js'
import { pause, resume } from './pause.js'
import { status } from './status.js'
import { switchover } from './switchover.js'

export type ByHand = Exclude<Invocation, { readonly kind: 'run' | 'serve' | 'text' | 'complete' }>

/** @returns the exit code */
export function carryOut(invocation: ByHand, io: Io, stop: AbortSignal): Promise<number> {
  switch (invocation.kind) {
    case 'status':
      return status(invocation.options, io, stop)
    case 'switchover':
      return switchover(invocation.options, io, stop)
    case 'pause':
      return pause(invocation.options, io, stop)
    case 'resume':
      return resume(invocation.options, io, stop)
    case 'history':
      return history(invocation.options, io, stop)
    case 'check':
      return check(invocation.options, io, stop)
    case 'completion':
      return completion(invocation.options, io)
  }
}
