/** The limits on the architecture of handler/, for `npm run map` and its test. */
import type { Survey } from './survey.js'

/** The only place to tighten the limits: lower a limit when the code stays below it. */
export const LIMITS = {
  arrowsUp: 0,
  circles: 0,
  longestFunction: 70,
  filesAtRoot: 2,
  floors: 29,
  unusedExports: 0,
  notOnTheMap: 0,
}

export type Figures = Readonly<Record<keyof typeof LIMITS, number>>

/** The numbers of a survey that LIMITS bounds. */
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

/** One line for each limit that is exceeded. */
export function broken(found: Figures, limits: Figures): readonly string[] {
  return (Object.keys(limits) as (keyof Figures)[])
    .filter((key) => found[key] > limits[key])
    .map((key) => `${key}: ${found[key]}, and may be ${limits[key]}`)
}
