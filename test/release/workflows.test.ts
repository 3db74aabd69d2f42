import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { repository } from '../support/handler.js'
import { reportSkipped } from '../support/skipped.js'
import { releaseProgram, whyNoPrograms } from './programs.js'

const run = promisify(execFile)
const why = await whyNoPrograms()
if (why) reportSkipped(`The workflows are not checked by actionlint: skipped because ${why}.`)

const folder = join(repository, '.github', 'workflows')
const workflows = readdirSync(folder).sort()
const read = (file: string): string => readFileSync(join(folder, file), 'utf8')

interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly steps?: readonly { readonly run?: string }[]
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

test.skipIf(why)(
  'actionlint finds nothing in the workflows',
  async () => {
    const actionlint = await releaseProgram('actionlint')
    // The programs that it would call if they were here.
    const { stdout } = await run(actionlint, ['-no-color', '-shellcheck=', '-pyflakes='], { cwd: repository }).catch(
      (error: { stdout: string; stderr: string }) => ({ stdout: `${error.stdout}${error.stderr}` }),
    )
    expect(stdout).toBe('')
  },
  120_000,
)

test('A version such as 0.2.0-rc.1 is no latest release', () => {
  expect(read('release.yml')).toMatch(/ --prerelease=\$\{\{ contains\(github\.ref_name, '-'\) \}\} /)
})

describe.each(workflows)('%s', (file) => {
  test('names each action by its commit, with its version as a comment', () => {
    const used = [...read(file).matchAll(/^ +(?:- )?uses: (.*)$/gm)].map(([, action]) => action as string)
    expect(used.length).toBeGreaterThan(0)
    const pinned = /^(?:[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\.\/\.github\/workflows\/[\w-]+\.yml)$/
    expect(used.filter((action) => !pinned.test(action))).toEqual([])
  })

  test('gives rights to jobs alone, and to each what it needs', () => {
    const { permissions, jobs } = load(read(file)) as Workflow
    expect(permissions).toEqual({})
    for (const [name, job] of Object.entries(jobs)) expect(job.permissions, name).toBeDefined()
  })

  test('runs no script of a package that it installs where it may publish', () => {
    const { jobs } = load(read(file)) as Workflow
    for (const [name, { steps = [], permissions }] of Object.entries(jobs)) {
      if (file !== 'release.yml' && !Object.values(permissions ?? {}).includes('write')) continue
      const installs = steps.flatMap(({ run = '' }) => run.match(/npm (?:ci|i|install)\b.*/g) ?? [])
      expect([name, installs.filter((command) => !command.includes('--ignore-scripts'))]).toEqual([name, []])
    }
  })

  test('calls scripts that are there', () => {
    const called = [...read(file).matchAll(/(?:^|\s)(?:node )?((?:release|\.ci)\/[\w.-]+)/gm)].map(([, path]) => path)
    expect(called.filter((path) => path !== 'release/' && !existsSync(join(repository, path as string)))).toEqual([])
  })
})
