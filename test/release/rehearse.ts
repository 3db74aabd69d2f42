// `npm run release:rehearse`: makes a release from a clean clone, into registries on loopback, and shows what came out.
import { hideBin } from 'yargs/helpers'
import yargs from 'yargs/yargs'
import { rehearse } from './rehearsal.js'

const { twice } = yargs(hideBin(process.argv))
  .scriptName('npm run release:rehearse --')
  .usage('$0 [--twice]\n\nMakes a release of this checkout, and publishes it to registries on loopback.')
  .option('twice', { type: 'boolean', default: false, describe: 'Make it twice, and compare what came out' })
  .version(false)
  .strict()
  .demandCommand(0, 0, undefined, 'It takes no words, only flags.')
  .parseSync()

try {
  const rehearsal = await rehearse({
    rounds: twice ? 2 : 1,
    isInstalled: false,
    base: 'node',
    onStep: (command) => process.stdout.write(`$ ${command}\n`),
  })
  await rehearsal.stop()
  const [first = new Map<string, string>(), second] = rehearsal.rounds
  const differing = second ? [...first.keys()].filter((name) => second.get(name) !== first.get(name)) : []
  const lines = [...first].map(([name, sum]) => `${sum}  ${name}${differing.includes(name) ? '  DIFFERS' : ''}`)
  process.stdout.write(`\n${[...lines, ...rehearsal.leftOut.map((what) => `left out: ${what}`)].join('\n')}\n`)
  if (second) process.stdout.write(differing.length === 0 ? 'Both times the same, byte for byte.\n' : '')
  process.exitCode = differing.length === 0 ? 0 : 1
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
