/**
 * `npm run bench:detection`: from the failure of the active pod to the new pod's answers, with `serve` triggered by a
 * webhook, a loop and a watch. On a real node, a client opens a new connection every 5 ms through the Service's cluster IP.
 */
import { hideBin } from 'yargs/helpers'
import yargs from 'yargs/yargs'
import { describeDetections, detections, ways } from '../support/detection.js'
import { clusterOrExit } from './cluster.js'

const { runs, only } = yargs(hideBin(process.argv))
  .scriptName('npm run bench:detection --')
  .option('runs', { type: 'number', default: 10, requiresArg: true, describe: 'Failovers in each way' })
  .option('only', { type: 'string', default: '', requiresArg: true, describe: 'Only the ways whose names hold this' })
  .check(({ runs }) => {
    if (Number.isInteger(runs) && runs > 0) return true
    throw new Error(`--runs ${runs}: a whole number above zero, please.`)
  })
  .version(false)
  .strict()
  .fail((message, error) => {
    process.stderr.write(`${message ?? error.message}\nTry \`npm run bench:detection -- --help\`.\n`)
    process.exit(2)
  })
  .parseSync()

const chosen = ways.filter(({ name }) => name.includes(only))
const cluster = await clusterOrExit()
try {
  console.log(`Median (min to max) of ${runs} failovers each, ms from the failure; Node ${process.version}`)
  for await (const one of detections(cluster, runs, chosen)) console.log(describeDetections(one))
} finally {
  await cluster.stop()
}
