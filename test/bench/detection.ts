/**
 * `npm run bench:detection`: from the failure of the active pod to the new pod's answers, with `serve` triggered by a
 * webhook, a loop and a watch. On a real node, a client opens a new connection every 5 ms through the Service's cluster IP.
 */

import { describeDetections, detections, ways } from '../support/detection-runs.js'
import { runsFlag, scriptFlags } from '../support/flags.js'
import { startWork } from '../support/work.js'
import { clusterOrExit } from './cluster.js'

const { runs, only } = scriptFlags('bench:detection')
  .option('runs', runsFlag('Failovers in each way', 10))
  .option('only', { type: 'string', default: '', requiresArg: true, describe: 'Only the ways whose names hold this' })
  .check(({ only }) => {
    if (ways.some(({ name }) => name.includes(only))) return true
    throw new Error(`--only ${only}: no way holds this: ${ways.map(({ name }) => name).join('; ')}.`)
  })
  .parseSync()

const chosen = ways.filter(({ name }) => name.includes(only))
const work = startWork('bench:detection')
const cluster = await clusterOrExit()
try {
  work.print(`Median (min to max) of ${runs} failovers each, ms from the failure; Node ${process.version}`)
  for await (const one of detections(cluster, runs, chosen)) work.print(describeDetections(one))
} finally {
  work.done()
  await cluster.stop()
}
