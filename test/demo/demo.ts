/** `npm run demo`: a Service whose active pod fails, served by real passes. Needs no cluster. */
import { setTimeout as sleep } from 'node:timers/promises'
import { runHandler } from '../support/handler.js'
import type { Behaviour } from '../support/servers.js'
import { buildWorld, type World } from './demo-world.js'
import { openScreen, type Screen } from './picture.js'

const watches = process.argv.includes('--watch')
const unknown = process.argv.slice(2).find((arg) => arg !== '--watch')
if (unknown !== undefined) {
  console.error(`demo: unknown argument ${JSON.stringify(unknown)}: there is --watch`)
  process.exit(2)
}

const screen = openScreen(process.stdout, process.env)
const world = await buildWorld()
process.once('SIGINT', () => void leave())
process.once('SIGTERM', () => void leave())
await (watches ? watch(world, screen) : threeActs(world, screen))
await leave()

async function threeActs(world: World, screen: Screen): Promise<void> {
  screen.heading('Act 1: two pods start, neither is active')
  screen.picture(world)
  await makePass('the first pass checks both and makes one active')
  screen.picture(world)
  await makePass('the next one finds nothing to do: two reads, no write')

  screen.heading('Act 2: the active pod starts to answer 500')
  await behave(world, ['error', 'ok'])
  const stopClient = world.startClient()
  await makePass('three failed checks in a row, then the other pod takes over')
  await sleep(200)
  screen.picture(world)
  screen.traffic(await stopClient())
  await makePass('calm again')

  screen.heading('Act 3: now the other one fails as well')
  await behave(world, ['error', 'error'])
  await makePass('no pod is better than the active one, so it is left alone')
  screen.picture(world)
}

/** Pods that fail and recover at random, until Ctrl-C. */
async function watch(world: World, screen: Screen): Promise<void> {
  for (let n = 1; ; n++) {
    await makePass(`pass ${n}`)
    screen.picture(world)
    await sleep(2_000)
    await behave(
      world,
      world.pods.map(() => (Math.random() < 0.3 ? 'error' : 'ok')),
    )
  }
}

async function makePass(why: string): Promise<void> {
  screen.line(`$ node handler    # ${why}`)
  const { stdout, stderr, code } = await runHandler([], { KUBECONFIG: world.kubeconfig })
  screen.report(stdout + stderr)
  screen.line(`  exit code ${code}`)
}

async function behave(world: World, behaviours: readonly Behaviour[]): Promise<void> {
  await Promise.all(world.pods.map((pod, n) => pod.behave(behaviours[n] ?? 'ok')))
}

async function leave(): Promise<void> {
  await world.close()
  process.exit(0)
}
