/**
 * `npm run map`: prints the architecture of handler/, as its imports show it. Exit code 1 when a limit is exceeded; 2
 * for wrong flags.
 */
import { scriptFlags } from '../support/flags.js'
import { broken, figures, LIMITS } from './limits.js'
import { readSources } from './read.js'
import { survey } from './survey.js'
import { toText } from './text.js'

const { json } = scriptFlags('map')
  .usage('$0 [--json]\n\nFloors, rooms, arrows up and circles of handler/.')
  .option('json', { type: 'boolean', default: false, describe: 'all of it, for programs' })
  .parseSync()

const found = await survey(readSources())
const wrong = broken(figures(found), LIMITS)
if (json) console.log(JSON.stringify({ figures: figures(found), limits: LIMITS, broken: wrong, ...found }, null, 2))
else console.log(toText(found, LIMITS))
if (wrong.length > 0) process.exitCode = 1
