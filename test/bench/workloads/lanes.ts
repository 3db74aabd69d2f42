// Scenarios side by side.
import type { Scenario } from './scenario.js'

/** Begins them in their order, so many at a time; but no two that are `alone`. */
export async function inLanes<S extends Pick<Scenario, 'alone'>>(
  lanes: number,
  scenarios: readonly S[],
  play: (scenario: S, n: number) => Promise<void>,
): Promise<void> {
  const waiting = scenarios.map((scenario, n) => ({ scenario, n }))
  let isTaken = false
  const lane = async (): Promise<void> => {
    for (;;) {
      const next = waiting.findIndex(({ scenario }) => !(isTaken && scenario.alone))
      const [begun] = next < 0 ? [] : waiting.splice(next, 1)
      // What is left is for the lane that has one of its kind.
      if (begun === undefined) return
      const { scenario, n } = begun
      isTaken ||= scenario.alone === true
      await play(scenario, n)
      if (scenario.alone) isTaken = false
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
