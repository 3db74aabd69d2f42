/** Builds the program with edits, to show that a search finds the missing rule. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { repository } from '../support/handler.js'
import type { Code } from './run.js'

/** A text of a file, which is there exactly once, and what takes its place. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** @throws Error when a text is not there, or more than once: the program has changed, and the mutant no longer fits */
export async function mutated(edits: readonly Edit[]): Promise<Code> {
  const made = new Set<Edit>()
  const { outputFiles } = await build({
    stdin: {
      contents: `
        export { pass } from './handler/pass/pass.ts'
        export { KubeError } from './handler/kube/port.ts'
        export { fairShares } from './handler/pass/fair-share.ts'`,
      resolveDir: repository,
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    plugins: [
      {
        name: 'edits',
        setup: ({ onLoad }) =>
          onLoad({ filter: /\/handler\/.*\.ts$/ }, async ({ path }) => {
            let contents = await readFile(path, 'utf8')
            for (const edit of edits.filter(({ file }) => relative(repository, path) === file)) {
              const found = contents.split(edit.find).length - 1
              if (found !== 1) throw new Error(`${edit.file} holds this ${found} times, not once: ${edit.find}`)
              contents = contents.replace(edit.find, () => edit.replace)
              made.add(edit)
            }
            return { contents, loader: 'ts' }
          }),
      },
    ],
  })
  const missed = edits.find((edit) => !made.has(edit))
  if (missed) throw new Error(`${missed.file} is no part of a pass`)
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-mutant-'))
  try {
    const file = join(folder, 'pass.mjs')
    await writeFile(file, outputFiles[0]?.text ?? '')
    return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Code
  } finally {
    await rm(folder, { recursive: true })
  }
}
