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
  readonly uses?: string
  readonly 'timeout-minutes'?: number
  readonly steps?: readonly {
    readonly run?: string
    readonly uses?: string
    readonly with?: Readonly<Record<string, unknown>>
  }[]
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

  test('ends each job by itself', () => {
    const { jobs } = load(read(file)) as Workflow
    for (const [name, job] of Object.entries(jobs)) {
      // A job that calls another workflow has the limits of that one's jobs, and may have none of its own.
      if (job.uses === undefined) expect([name, job['timeout-minutes']]).toEqual([name, expect.any(Number)])
    }
  })

  test('puts no expression into a script: a branch, a tag or a title can be one by itself', () => {
    const { jobs } = load(read(file)) as Workflow
    const runs = Object.values(jobs).flatMap(({ steps = [] }) => steps.flatMap(({ run = [] }) => run))
    expect(runs.filter((run) => run.includes('${{'))).toEqual([])
  })

  test('leaves its token to no later step of a job', () => {
    const { jobs } = load(read(file)) as Workflow
    const checkouts = Object.values(jobs).flatMap(({ steps = [] }) =>
      steps.filter(({ uses = '' }) => uses.startsWith('actions/checkout@')),
    )
    expect(checkouts.filter((step) => step.with?.['persist-credentials'] !== false)).toEqual([])
  })

  test('installs nothing where it may publish, and runs no script of a package that goes into a release', () => {
    const { jobs } = load(read(file)) as Workflow
    for (const [name, { steps = [], permissions }] of Object.entries(jobs)) {
      const installs = steps.flatMap(({ run = '' }) => run.match(/npm (?:ci|i|install)\b.*/g) ?? [])
      const mayPublish = Object.values(permissions ?? {}).includes('write')
      if (mayPublish) expect([name, installs]).toEqual([name, []])
      if (file !== 'release.yml') continue
      expect([name, installs.filter((command) => !command.includes('--ignore-scripts'))]).toEqual([name, []])
    }
  })

  test('has all tags where a step decides by them, and no cache where it may publish', () => {
    const { jobs } = load(read(file)) as Workflow
    for (const [name, { steps = [], permissions }] of Object.entries(jobs)) {
      const isByTags = steps.some(({ run = '' }) => /release\/(?:publish-package|announce|channel)\.mjs/.test(run))
      const checkout = steps.find(({ uses = '' }) => uses.startsWith('actions/checkout@'))
      if (isByTags) expect([name, checkout?.with?.['fetch-depth']]).toEqual([name, 0])
      if (!Object.values(permissions ?? {}).includes('write')) continue
      // Other runs fill a cache, and it is as good as the least of them.
      const caching = steps.filter(({ uses = '', with: how = {} }) => {
        const key = { 'actions/setup-node': 'package-manager-cache', 'actions/setup-go': 'cache' }[
          uses.split('@')[0] ?? ''
        ]
        return uses.startsWith('actions/cache@') || (key !== undefined && how[key] !== false)
      })
      expect([name, caching]).toEqual([name, []])
    }
  })

  test('calls scripts that are there', () => {
    const called = [...read(file).matchAll(/(?:^|\s)(?:node )?((?:release|\.ci)\/[\w.-]+)/gm)].map(([, path]) => path)
    expect(called.filter((path) => path !== 'release/' && !existsSync(join(repository, path as string)))).toEqual([])
  })
})
