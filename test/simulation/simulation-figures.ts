/** The figures of simulations: how much happened in them. */

export interface Figures {
  readonly groups: number
  readonly passes: number
  readonly killed: number
  readonly requests: number
  readonly writes: number
  readonly promotions: number
  /** Requests with a fate of their own. */
  readonly faults: number
  /** What happened to pods and Services. */
  readonly troubles: number
  /** The most passes, one after the other and in trouble, after which a group was not served that had a healthy candidate all along. */
  readonly longestWait: number
  /** The same once nothing went wrong any more. */
  readonly longestCalmWait: number
}

export function sumOf(all: readonly Figures[]): Figures {
  const sum = (figure: (one: Figures) => number) => all.reduce((total, one) => total + figure(one), 0)
  const most = (figure: (one: Figures) => number) => Math.max(0, ...all.map(figure))
  return {
    groups: sum(({ groups }) => groups),
    passes: sum(({ passes }) => passes),
    killed: sum(({ killed }) => killed),
    requests: sum(({ requests }) => requests),
    writes: sum(({ writes }) => writes),
    promotions: sum(({ promotions }) => promotions),
    faults: sum(({ faults }) => faults),
    troubles: sum(({ troubles }) => troubles),
    longestWait: most(({ longestWait }) => longestWait),
    longestCalmWait: most(({ longestCalmWait }) => longestCalmWait),
  }
}

export function inWords(all: readonly Figures[]): string {
  const { groups, passes, killed, requests, writes, promotions, faults, troubles, ...waits } = sumOf(all)
  return (
    `${all.length} simulations of ${groups} groups: ${passes} passes (${killed} killed), ${requests} requests (${faults} ` +
    `with a fate of their own), ${troubles} troubles of pods and Services; ${writes} writes, ${promotions} promotions; ` +
    `the longest wait of a group with a healthy candidate: ${waits.longestWait} passes in trouble, ${waits.longestCalmWait} after it`
  )
}
