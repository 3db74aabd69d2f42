/** Where more is said about a fault: the section of its code in docs/errors.md, as of this version. */
import type { Fault } from './errors.js'

/** Set by the bundler: the address of docs/. It is not defined when the sources run as they are. */
declare const DOCS: string | undefined

/** The address of the section about the fault's code. */
export function pageOf({ code }: Pick<Fault, 'code'>): string {
  return `${typeof DOCS === 'string' ? DOCS : 'docs'}/errors.md#${code}`
}

/** Those of several faults, each once. */
export function pagesOf(faults: readonly Pick<Fault, 'code'>[]): readonly string[] {
  return [...new Set(faults.map(pageOf))]
}

/** The line below errors that leads to the page. */
export function seePage(page: string): string {
  return `See ${page}`
}
