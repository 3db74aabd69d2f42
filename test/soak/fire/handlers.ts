/** Handlers that are started again whenever they have ended, each with its own way to the API server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningHandler, startHandler } from '../../support/handler.js'
import { type TcpProxy, throughProxy } from '../../support/tcp-proxy.js'
import type { Chronicle } from './chronicle.js'
import type { Life } from './fire-judge.js'

export interface Handler {
  readonly name: string
  readonly proxy: TcpProxy
  /** Of its way, when nothing is wrong with it. */
  readonly latencyMs: number
  kill(): void
  /** Stops it where it is. */
  freeze(): void
  thaw(): void
  /** Tells it to end, and starts it no more. @returns all its lives */
  end(): Promise<readonly Life[]>
}

/** One of them, and what tells it from the others. */
export interface HandlerDraft {
  readonly name: string
  readonly args: readonly string[]
  /** How late everything is on its way to the API server, and back. */
  readonly latencyMs: number
}

/** @param pauseMs between a life and the next */
export async function startAgainAndAgain(
  { name, args, latencyMs }: HandlerDraft,
  kubeconfig: string,
  chronicle: Chronicle,
  pauseMs: () => number,
): Promise<Handler> {
  const { proxy, kubeconfig: way } = await throughProxy(kubeconfig)
  proxy.delay(latencyMs)
  const lives: Life[] = []
  const ending = new AbortController()
  let current: RunningHandler
  let ordered = false
  let frozen = false
  const note = (what: string, runs?: boolean) => chronicle.note(name, what, runs)
  const order = (signal: NodeJS.Signals) => {
    ordered = true
    current.process.kill(signal)
  }
  const live = async () => {
    while (!ending.signal.aborted) {
      ordered = false
      frozen = false
      current = startHandler(args, { KUBECONFIG: way })
      note('is started', true)
      for (const output of [current.process.stdout, current.process.stderr]) output?.on('data', note)
      const run = await current.done
      note(`has ended: ${run.signal ?? run.code}`, false)
      lives.push({ ...run, args, ordered })
      await sleep(pauseMs(), undefined, { signal: ending.signal }).catch(() => {})
    }
  }
  const living = live()
  return {
    name,
    proxy,
    latencyMs,
    kill: () => order('SIGKILL'),
    freeze: () => {
      if (frozen || !current.process.kill('SIGSTOP')) return
      frozen = true
      note('is frozen', false)
    },
    thaw: () => {
      if (!frozen || !current.process.kill('SIGCONT')) return
      frozen = false
      note('goes on', true)
    },
    end: async () => {
      ending.abort()
      order('SIGTERM')
      await living
      await proxy.close()
      return lives
    },
  }
}
