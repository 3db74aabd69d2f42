// Handovers of real passes, written down: docs/transcripts has them, and is the documentation of the protocol.
// `npx vitest run test/pass/transcripts.test.ts -u` writes it.
import { afterEach, describe, expect, it } from 'vitest'
import { type InProcess, startInProcess } from '../support/in-process.js'
import { KILLED, leaveClaim, type Meddle, Transcript } from '../support/transcript.js'

interface Story {
  readonly file: string
  readonly title: string
  readonly pods?: readonly string[]
  /** Whether no pass has made a pod active before. */
  readonly isFresh?: true
  play(world: InProcess, transcript: Transcript): Promise<unknown>
}

/** Meddles with the nth request of this kind, once. */
function at(wanted: string, nth: number, meddle: () => Promise<typeof KILLED | undefined>): Meddle {
  let seen = 0
  return async (request) => (request === wanted && ++seen === nth ? meddle() : undefined)
}

const kill = async (): Promise<typeof KILLED> => KILLED

/** The API server answers a write to this object with a 403. */
function refuse(world: InProcess, path: string, message: string): void {
  world.api.intercept((request) =>
    request.method === 'PATCH' && request.path.endsWith(path)
      ? { kind: 'answer', status: 403, body: { kind: 'Status', message } }
      : undefined,
  )
}

const STORIES: readonly Story[] = [
  {
    file: 'first',
    title: 'The first pass: no pod is active.',
    isFresh: true,
    play: (_, transcript) => transcript.pass('The pass'),
  },
  {
    file: 'failover',
    title: 'A failover: the active pod a fails its check.',
    play: (world, transcript) => {
      world.health.set('a', '500')
      return transcript.pass('The pass')
    },
  },
  {
    file: 'all-fail',
    title: 'Both pods fail their check: the active pod stays. The next pass has nothing to write.',
    play: async (world, transcript) => {
      for (const pod of ['a', 'b']) world.health.set(pod, '500')
      await transcript.pass('The pass')
      await transcript.pass('The next pass')
    },
  },
  {
    file: 'lost-race',
    title: 'A lost race: pass 2 makes its whole handover before pass 1 sends its claim.',
    play: (world, transcript) => {
      world.health.set('a', '500')
      return transcript.pass(
        'Pass 1',
        at('PATCH service/app (claim)', 1, async () => void (await transcript.pass('Pass 2'))),
      )
    },
  },
  {
    file: 'lost-race-without-latch',
    title: 'A lost race without the latch: pass 2 makes its whole handover before pass 1 seals the active pod.',
    play: (world, transcript) => {
      world.health.set('a', '500')
      refuse(world, '/services/app', 'services "app" is forbidden: User "u" cannot patch resource')
      return transcript.pass(
        'Pass 1',
        at('PATCH pod/a (seal)', 1, async () => void (await transcript.pass('Pass 2'))),
      )
    },
  },
  {
    file: 'crash-after-seal',
    title: 'A crash after the seal: pass 1 is killed before its promotion. Pass 2 finds the claim, and no active pod.',
    play: async (world, transcript) => {
      world.health.set('a', '500')
      await transcript.pass('Pass 1', at('PATCH pod/b (promote)', 1, kill))
      await transcript.pass('Pass 2')
    },
  },
  {
    file: 'leftover-claim',
    title:
      'A leftover claim: a pass was killed after its claim. The next pass releases the Service, and a keeps its role.',
    play: (world, transcript) => {
      leaveClaim(world, 'b')
      return transcript.pass('The pass')
    },
  },
  {
    file: 'promotion-refused',
    title: 'A refused promotion: an admission policy lets nobody promote b. Under the same claim, c is promoted.',
    pods: ['a', 'b', 'c'],
    play: (world, transcript) => {
      world.health.set('a', '500')
      let writes = 0
      world.api.intercept(({ method, path }) =>
        method === 'PATCH' && path.endsWith('/pods/b') && ++writes <= 2
          ? {
              kind: 'answer',
              status: 403,
              body: { kind: 'Status', message: 'admission webhook "policy" denied the request' },
            }
          : undefined,
      )
      return transcript.pass('The pass')
    },
  },
  {
    file: 'no-right-to-claim',
    title: 'No right to patch Services: the role moves without a latch.',
    play: (world, transcript) => {
      world.health.set('a', '500')
      refuse(world, '/services/app', 'services "app" is forbidden: User "u" cannot patch resource')
      return transcript.pass('The pass')
    },
  },
]

let world: InProcess
afterEach(() => world.close())

describe('docs/transcripts has', () => {
  it.each(STORIES)('$file', async ({ file, title, pods, isFresh, play }) => {
    world = await startInProcess(pods)
    if (!isFresh) await world.pass()
    const transcript = new Transcript(world)
    transcript.say(title)
    await play(world, transcript)
    await expect(`${transcript}`).toMatchFileSnapshot(`../../docs/transcripts/${file}.txt`)
  })
})
