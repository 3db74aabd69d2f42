/**
 * Defects of this program: errors that it does not expect. A fence keeps a defect with the one object that met it: it
 * becomes a fault of that object, and everything else goes on.
 */
import type { Fault } from './errors.js'

/** Where defects are reported: `bugs` in package.json. */
const ISSUES = 'https://github.com/active-passive/active-passive/issues'

/** The text of others that an error may quote is cut here. */
const LONGEST_TEXT = 300

/** The fault of an object that has met the error. */
export function defectOf(error: unknown): Omit<Fault, 'object'> {
  return {
    code: 'defect',
    message: `a defect of this program: ${textOf(error)}`,
    remedy: `Report it, with the stack that the log and the report as JSON have: ${ISSUES}. The next pass tries again.`,
    ...(error instanceof Error && error.stack ? { stack: error.stack } : {}),
  }
}

/** Does the work. @param otherwise makes the result where the work throws */
export function fence<T>(work: () => T, otherwise: (error: unknown) => T): T {
  try {
    return work()
  } catch (error) {
    return otherwise(error)
  }
}

/** Anything can be thrown: not everything becomes a text. */
function textOf(error: unknown): string {
  const text = error instanceof Error || typeof error === 'string' ? String(error) : `${typeof error} thrown`
  return text.slice(0, LONGEST_TEXT)
}
