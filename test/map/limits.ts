/** What the architecture of handler/ may not exceed, for `npm run map` and its test. */
import type { Survey } from './survey.js'

/** The one place to tighten: whatever the code stays below can be lowered here. */
export const LIMITS = {
  arrowsUp: 0,
  circles: 3,
  longestFunction: 70,
  filesAtRoot: 59,
  floors: 26,
  unusedExports: 29,
  notOnTheMap: 57,
}

export type Figures = Readonly<Record<keyof typeof LIMITS, number>>

/** A survey in the numbers that LIMITS is about. */
export function figures(survey: Survey): Figures {
  return {
    arrowsUp: survey.arrowsUp.length,
    circles: survey.circles.length,
    longestFunction: survey.longestFunctions[0]?.lines ?? 0,
    filesAtRoot: survey.filesAtRoot.length,
    floors: survey.floors,
    unusedExports: survey.unusedExports.length,
    notOnTheMap: survey.notOnTheMap.length,
  }
}

/** A line for each limit that is exceeded. */
export function broken(found: Figures, limits: Figures): readonly string[] {
  return (Object.keys(limits) as (keyof Figures)[])
    .filter((key) => found[key] > limits[key])
    .map((key) => `${key}: ${found[key]}, and may be ${limits[key]}`)
}
