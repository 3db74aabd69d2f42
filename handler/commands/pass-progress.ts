/** What a terminal is shown of a pass that takes long. */
import type { PassProgress } from '../pass/pass.js'
import { showProgress } from '../util/progress.js'

/** @returns `onProgress` for the options of the pass; call `done` at its end */
export function passProgress(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>) {
  let now: PassProgress | undefined
  const say = (seconds: number) =>
    now === undefined ? `reading the cluster, ${seconds} s` : `${now.served} of ${now.found} groups, ${seconds} s`
  const { done } = showProgress(stream, env, say)
  return {
    done,
    onProgress: (progress: PassProgress) => {
      now = progress
    },
  }
}
