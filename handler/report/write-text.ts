/** A write for people. Pure. */
import { objectOf, type Write } from '../kube/recording.js'
import { patchLines } from './patch-text.js'

/** A write; in a dry run with its patch. */
export function writeLines(write: Write): readonly string[] {
  const { planned, result } = write
  if (!planned) return [describeWrite(write)]
  return [`${objectOf(write)} ${PLANNED[result]}:`, ...patchLines(planned).map((line) => `  ${line}`)]
}

/** What became of a write, on one line. */
export function describeWrite(write: Write): string {
  return `${objectOf(write)} ${WRITTEN[write.result]}`
}

const WRITTEN = {
  applied: 'patched',
  changed: 'patched, but changed by admission',
  lost: 'not patched: it has changed meanwhile',
  gone: 'not patched: it is gone',
  denied: 'not patched: forbidden',
  unauthenticated: 'not patched: not authenticated',
  throttled: 'not patched: the API server is busy',
  rejected: 'not patched: rejected',
  unknown: 'may not have been patched: no answer',
  'dry run': 'patched (dry run)',
} as const

/** The same where nothing was stored. Only a dry run that asks the API server knows anything but the last of these. */
const PLANNED = {
  applied: 'would be patched',
  changed: 'would be patched, but changed by admission',
  lost: 'would not be patched, because it has changed meanwhile',
  gone: 'would not be patched, because it is gone',
  denied: 'would not be patched, because that is forbidden',
  unauthenticated: 'would not be patched, because the API server does not know who asks',
  throttled: 'would not be patched now, because the API server is busy',
  rejected: 'would not be patched, because the API server rejects it',
  unknown: 'might be patched, but the API server did not answer',
  'dry run': 'would be patched',
} as const
