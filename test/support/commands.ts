/** The commands of a person, carried out by the built program over the in-process API. Pods are as healthy as Ready. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Run, type RunningHandler, startHandler } from './handler.js'
import { type InProcess, NAMESPACE, startInProcess } from './in-process.js'
import { podStatus } from './pods.js'

export interface Keyboard {
  readonly world: InProcess
  /** Starts a command as somebody types it, here without a terminal. */
  start(...words: readonly string[]): RunningHandler
  /** The same, to its end. */
  type(...words: readonly string[]): Promise<Run>
  /** The same with `-o json`. @throws SyntaxError if it answers with anything else */
  answer<T>(...words: readonly string[]): Promise<{ readonly code: number | null; readonly answer: T }>
  /** `PATCH pod/a`, … of the requests that could have changed something, since `world.takeRequests`. */
  writes(): readonly string[]
  /** Sets annotations of Service `app`, or of another one, as its user does. */
  annotate(annotations: Readonly<Record<string, string>>, service?: string): void
  setReady(pod: string, ready: boolean): void
  close(): Promise<void>
}

/** Two pods, `a` active and `b` passive, behind Service `app`, unless told otherwise. No request of it is counted. */
export async function openKeyboard(pods: readonly string[] = ['a', 'b']): Promise<Keyboard> {
  const world = await startInProcess(pods)
  await world.pass()
  world.takeRequests()
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-keyboard-'))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, world.api.kubeconfig)
  const env = { KUBECONFIG: kubeconfig, AP_HEALTH_CHECK: 'ready' }
  const start = (...words: readonly string[]) => startHandler(words, env)
  return {
    world,
    start,
    type: (...words) => start(...words).done,
    answer: async (...words) => {
      const { code, stdout, stderr } = await start(...words, '-o', 'json').done
      if (stdout === '') throw new Error(`no answer: ${stderr}`)
      return { code, answer: JSON.parse(stdout) }
    },
    writes: () =>
      world.api.requests
        .filter(({ method }) => method !== 'GET')
        .map(({ method, path }) => `${method} ${path.split('/').slice(-2).join('/')}`),
    annotate: (annotations, service = 'app') =>
      void world.api.store.update('services', NAMESPACE, service, ({ metadata }) => {
        metadata.annotations = { ...(metadata.annotations as object | undefined), ...annotations }
      }),
    setReady: (pod, ready) =>
      void world.api.store.update('pods', NAMESPACE, pod, (object) => {
        object.status = podStatus({ ready })
      }),
    close: async () => {
      await world.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
