/** Handlers that are started again whenever they have ended, each with its own way to the API server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningHandler, startHandler } from '../../support/handler.js'
import { type TcpProxy, throughProxy } from '../../support/tcp-proxy.js'
import type { Life } from './judge.js'

export interface Handler {
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

/**
 * @param latencyMs how late everything is on its way to the API server, and back
 * @param pauseMs between a life and the next
 */
export async function startAgainAndAgain(
  args: readonly string[],
  kubeconfig: string,
  latencyMs: number,
  pauseMs: () => number,
): Promise<Handler> {
  const { proxy, kubeconfig: way } = await throughProxy(kubeconfig)
  proxy.delay(latencyMs)
  const lives: Life[] = []
  const ending = new AbortController()
  let current: RunningHandler
  let ordered = false
  const order = (signal: NodeJS.Signals) => {
    ordered = true
    current.process.kill(signal)
  }
  const live = async () => {
    while (!ending.signal.aborted) {
      ordered = false
      current = startHandler(args, { KUBECONFIG: way })
      const run = await current.done
      lives.push({ ...run, args, ordered })
      await sleep(pauseMs(), undefined, { signal: ending.signal }).catch(() => {})
    }
  }
  const living = live()
  return {
    proxy,
    latencyMs,
    kill: () => order('SIGKILL'),
    freeze: () => void current.process.kill('SIGSTOP'),
    thaw: () => void current.process.kill('SIGCONT'),
    end: async () => {
      ending.abort()
      order('SIGTERM')
      await living
      await proxy.close()
      return lives
    },
  }
}
