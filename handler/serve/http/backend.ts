/**
 * Everything that the routes need of the rest of serve. The routes know only this, so that they stand below the parts
 * that make passes and that watch over the API server.
 */

import type { SwitchoverRequest } from '../../group/switchover.js'
import type { PauseRequest } from '../../pass/pause.js'
import type { Selection, ServiceRef } from '../../pass/scope.js'
import type { PauseResult } from '../../report/pause.js'
import type { Report } from '../../report/report.js'
import type { Fault } from '../../util/errors.js'
import type { Guard } from './bearer-token.js'

export interface Backend {
  readonly guard: Guard
  /** Whether this process makes passes over the namespace. */
  isServed(namespace: string): boolean
  /** Resolves with the report of a pass that begins now, or as soon as possible. @throws ShuttingDown */
  request(trigger: 'alertmanager' | 'run', selection: Selection): Promise<Report>
  /** Does the same as a dry run over all groups: nothing is written. @throws ShuttingDown */
  status(): Promise<Report>
  /** See `ByHand`. @throws ShuttingDown @throws TooMany */
  switchover(service: ServiceRef, request: SwitchoverRequest): Promise<Report>
  /** Pauses or resumes. @throws ShuttingDown @throws TooMany */
  pause(request: PauseRequest): Promise<PauseResult | Fault>
  /** Resolves with the metrics in the text format of Prometheus. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  health(): ProcessHealth
  /** Called for each answer. */
  answered(route: string, status: number): void
  /** Called for each defect of the program. */
  failed(error: unknown): void
  /** Called for each request that was refused, or not understood. @param kind one of a few */
  warn(kind: string, line: string): void
}

/** Whether this process can do its work, as `/readyz` and `/livez` answer it. */
export interface ProcessHealth {
  readonly ready: boolean
  readonly alive: boolean
  /** One line: the reason why one of the two is false. */
  readonly why: string
}

/** As much is under way as may be at once. The message says what; the same request may be sent again. */
export class TooMany extends Error {
  override readonly name = 'TooMany'
}

/** The process ends, so the pass was not made and will not be: another replica has to be asked. */
export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown'
}
