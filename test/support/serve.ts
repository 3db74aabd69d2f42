/** `node handler serve`, the real process, over the in-process API. Its pods are as healthy as they are Ready. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Run, type RunningHandler, startHandler } from './handler.js'
import { type InProcess, startInProcess } from './in-process.js'

export interface Serving {
  readonly world: InProcess
  /** Where kubeconfig, token and whatever a test adds are. */
  readonly folder: string
  /** Without a slash at the end; on loopback, however much it listens on. */
  readonly url: string
  readonly port: number
  readonly pid: number
  stderr(): string
  /** The most memory that it has had so far, in MiB. Linux only. */
  peakMemoryMib(): Promise<number>
  /** SIGTERM, and how it ended. */
  stop(): Promise<Run>
  readonly done: Promise<Run>
  /** Ends everything, however it is. */
  close(): Promise<void>
}

export interface ServeOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Written to files before the start; `FOLDER` in an argument is where they are. */
  readonly files?: Readonly<Record<string, string>>
}

/** Resolves when it listens. */
export async function startServing({ args = [], env = {}, files = {} }: ServeOptions = {}): Promise<Serving> {
  const world = await startInProcess()
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-serve-'))
  for (const [name, text] of Object.entries({ kubeconfig: world.api.kubeconfig, ...files })) {
    await writeFile(join(folder, name), text)
  }
  const words = ['serve', '--port', '0', '--health-check', 'ready', ...args]
  const handler = startHandler(
    words.map((word) => word.replaceAll('FOLDER', folder)),
    { AP_KUBECONFIG: join(folder, 'kubeconfig'), ...env },
  )
  let stderr = ''
  handler.process.stderr?.on('data', (text: string) => {
    stderr += text
  })
  const close = async () => {
    handler.process.kill('SIGKILL')
    await handler.done
    await world.close()
    await rm(folder, { recursive: true, force: true })
  }
  const listened = await listening(handler).catch(async (error: unknown) => {
    await close()
    throw error
  })
  const { pid = 0 } = handler.process
  return {
    ...{ world, folder, pid, close },
    url: listened.replace('0.0.0.0', '127.0.0.1'),
    port: Number(new URL(listened).port),
    stderr: () => stderr,
    peakMemoryMib: async () => {
      const [, kib] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
      return Number(kib) / 1024
    },
    stop: () => {
      handler.process.kill('SIGTERM')
      return handler.done
    },
    done: handler.done,
  }
}

/** The address in the line that says so. @throws Error when it ends instead */
function listening({ process, done }: RunningHandler): Promise<string> {
  let text = ''
  return new Promise((resolve, reject) => {
    process.stderr?.on('data', (more: string) => {
      text += more
      const [, url] = /listening on (\S+?)[; ]/.exec(text) ?? []
      if (url) resolve(url)
    })
    void done.then(({ code, stderr }) => reject(new Error(`serve ended with ${code}: ${stderr}`)))
  })
}
