// A release, rehearsed: from a clean clone, by the scripts that the workflow runs, into registries on loopback.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { repository } from '../support/handler.js'
import { type BaseContent, pushBase } from './base-image.js'
import { type NpmRegistry, startNpmRegistry } from './npm-registry.js'
import { whyNoPrograms } from './programs.js'
import { type Registry, startRegistry } from './registry.js'

const run = promisify(execFile)

export interface Options {
  /** How often the release is made: each time from a clone of its own, in a folder with another name. */
  readonly rounds: number
  /** Takes this checkout's node_modules, in place of `npm ci` in each clone. */
  readonly isInstalled: boolean
  readonly base: BaseContent
  /** Called with each command before it runs. */
  readonly onStep?: (command: string) => void
}

export interface Rehearsal {
  /** What each round has made: the sum or the digest of each file and artefact, by name. */
  readonly rounds: readonly ReadonlyMap<string, string>[]
  readonly registry: Registry
  readonly npm: NpmRegistry
  /** The commands of the last round, without what differs from round to round. */
  readonly steps: readonly string[]
  /** What was left out, and why. */
  readonly leftOut: readonly string[]
  /**
   * Has the last round publish image and chart once more, in a folder of the registry such as `round-1`. Resolves with their
   * digests. @throws Error with what a step said when it fails
   */
  publishIn(folder: string): Promise<ReadonlyMap<string, string>>
  stop(): Promise<void>
}

/** The repository on a registry, as in the workflow, without the name of the host and the folder of the round. */
export const IMAGE = 'active-passive/active-passive'
/** The folder that charts are pushed to. */
export const CHARTS = 'active-passive/charts'

/** What is missing on this machine to rehearse a release; undefined when nothing is. */
export async function whyNoRehearsal(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `images are built on Linux, and this is ${process.platform}`
  if (!(await isThere('buildah'))) return 'there is no buildah on the PATH: apt-get install buildah'
  if (hasChart && (await helmFolder()) === undefined) return 'Helm is not built: npm run cluster -- --build, once'
  return await whyNoPrograms()
}

const hasChart = existsSync(join(repository, 'jobs', 'chart'))

/** The folder of the Helm that the chart is tested with, or the one on the PATH; undefined when there is neither. */
async function helmFolder(): Promise<string | undefined> {
  const programs = join(repository, 'test', 'support', 'helm', 'programs.ts')
  const built = existsSync(programs)
    ? ((await import(programs)) as { findHelm(): string | undefined }).findHelm()
    : undefined
  if (built !== undefined) return built
  return await run('sh', ['-c', 'command -v helm']).then(
    ({ stdout }) => dirname(stdout.trim()),
    () => undefined,
  )
}

/** @throws Error with what is missing, or with what a step said when it fails */
export async function rehearse(options: Options): Promise<Rehearsal> {
  const why = await whyNoRehearsal()
  if (why) throw new Error(`A release cannot be rehearsed here: ${why}`)
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-rehearsal-'))
  const registry = await startRegistry(folder)
  const npm = await startNpmRegistry()
  const stop = async (): Promise<void> => {
    await Promise.all([registry.stop(), npm.stop()])
  }
  try {
    const base = `${registry.host}/base:1`
    await pushBase(base, options.base)
    const helm = await helmFolder()
    const rounds: ReadonlyMap<string, string>[] = []
    const steps: string[] = []
    let last: Round | undefined
    for (let n = 1; n <= options.rounds; n++) {
      // Only the first one's files may be read by others: no sum may tell.
      const umask = n === 1 ? '022' : '077'
      last = new Round(join(folder, 'deeper/'.repeat(n - 1), `round-${n}`), umask, options, {
        registry,
        npm,
        base,
        helm,
      })
      // What one round has pushed, the next one would find there.
      rounds.push(await last.make(`round-${n}`))
      steps.splice(0, steps.length, ...last.steps)
    }
    const leftOut = [
      'signatures: a workflow of GitHub has an identity to sign with, this machine has none',
      'the release on GitHub: it is made by gh',
      ...(hasChart ? [] : ['the chart: there is no jobs/chart']),
    ]
    const publishIn = async (where: string) => (await last?.publish(where)) ?? new Map<string, string>()
    return { rounds, registry, npm, steps, leftOut, publishIn, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Places {
  readonly registry: Registry
  readonly npm: NpmRegistry
  readonly base: string
  readonly helm: string | undefined
}

/** One release, from a clone that is its own. */
class Round {
  readonly steps: string[] = []
  readonly #clone: string
  readonly #out: string

  constructor(
    readonly folder: string,
    readonly umask: string,
    readonly options: Options,
    readonly places: Places,
  ) {
    this.#clone = join(folder, 'clone')
    this.#out = join(folder, 'out')
  }

  /** @param where the folder of the registry that image and chart are pushed to */
  async make(where: string): Promise<ReadonlyMap<string, string>> {
    const { npm } = this.places
    await mkdir(this.folder, { recursive: true })
    await makeClone(this.#clone)
    if (this.umask === '077') await run('chmod', ['-R', 'go=', this.#clone])
    if (this.options.isInstalled) await copyModules(join(this.#clone, 'node_modules'))
    else await this.#step('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund')
    const { version } = JSON.parse(await readFile(join(this.#clone, 'package.json'), 'utf8')) as { version: string }
    await this.#script('check', `v${version}`, '--rehearsal')
    await this.#script('files', this.#out)
    const tarball = join(this.#out, 'package', `active-passive-${version}.tgz`)
    await this.#script('publish-package', tarball, '--registry', npm.url)
    return new Map([...(await this.publish(where)), ...(await sums(this.#out))])
  }

  async publish(where: string): Promise<ReadonlyMap<string, string>> {
    const { registry, base } = this.places
    const to = (path: string) => ['--to', `${registry.host}/${where}/${path}`, '--plain-http']
    const image = await this.#script('image', this.#out, ...to(IMAGE), '--base', base)
    const made = new Map([['image', image.split('@').at(-1) as string]])
    if (hasChart) {
      const chart = await this.#script('publish-chart', ...to(CHARTS), join(this.#out, 'chart'))
      made.set('chart', chart.split('@').at(-1) as string)
    }
    return made
  }

  /** Runs a script of release/; resolves with the last line that it printed. */
  #script(name: string, ...args: readonly string[]): Promise<string> {
    return this.#step('node', `release/${name}.mjs`, ...args)
  }

  async #step(command: string, ...args: readonly string[]): Promise<string> {
    const said = [command, ...args].join(' ').replaceAll(`${this.folder}/`, '')
    this.steps.push(said)
    this.options.onStep?.(said)
    const npmrc = join(this.folder, 'npmrc')
    await writeFile(npmrc, `${this.places.npm.url.replace('http:', '')}/:_authToken=rehearsal\n`)
    // The user's settings say from where packages are installed; they are not for a registry on loopback. Under `npm run`
    // the variable is there in small letters.
    const { PATH = '' } = process.env
    const { helm } = this.places
    const own = { TMPDIR: this.folder, PATH: helm ? `${helm}:${PATH}` : PATH }
    const env = { ...process.env, ...own, ...(command === 'node' && { npm_config_userconfig: npmrc }) }
    try {
      const { stdout } = await run('sh', ['-c', `umask ${this.umask} && exec "$@"`, 'sh', command, ...args], {
        ...{ cwd: this.#clone, env, maxBuffer: 64 << 20 },
      })
      return stdout.trim().split('\n').at(-1) as string
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string }
      throw new Error(`${said} failed:\n${`${stdout}${stderr}`.trim().split('\n').slice(-30).join('\n')}`)
    }
  }
}

/** The commit of this checkout, with what has been changed since as one more commit. */
async function makeClone(clone: string): Promise<void> {
  const git = async (folder: string, ...args: readonly string[]): Promise<string> =>
    (await run('git', ['-C', folder, ...args], { maxBuffer: 64 << 20 })).stdout
  const [revision = '', date = ''] = (await git(repository, 'log', '-1', '--format=%H %cI')).trim().split(' ')
  await run('git', ['clone', '--quiet', '--no-checkout', repository, clone])
  await git(clone, 'checkout', '--quiet', '--detach', revision)
  // Also what is staged, which `ls-files --modified` does not name.
  const changed = await git(repository, 'diff', '--name-only', '--no-renames', '-z', 'HEAD')
  const others = await git(repository, 'ls-files', '-z', '--others', '--exclude-standard')
  for (const path of `${changed}${others}`.split('\0').filter(Boolean)) {
    await rm(join(clone, path), { force: true })
    if (!existsSync(join(repository, path))) continue
    await mkdir(dirname(join(clone, path)), { recursive: true })
    await cp(join(repository, path), join(clone, path))
  }
  await git(clone, 'add', '--all')
  if ((await git(clone, 'status', '--porcelain')) === '') return
  const who = ['-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost', '-c', 'commit.gpgsign=false']
  const env = { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }
  await run('git', ['-C', clone, ...who, 'commit', '--quiet', '--message', 'Changes that are not committed'], { env })
}

/** Hard links where the file system can, and copies elsewhere. */
async function copyModules(target: string): Promise<void> {
  const source = join(repository, 'node_modules')
  await run('cp', ['-al', source, target]).catch(() => run('cp', ['-a', source, target]))
}

async function sums(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const sum = async (path: string) =>
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  return new Map(
    await Promise.all(files.sort().map(async (path) => [relative(folder, path), `sha256:${await sum(path)}`] as const)),
  )
}

function isThere(program: string): Promise<boolean> {
  return run('sh', ['-c', 'command -v "$0"', program]).then(
    () => true,
    () => false,
  )
}
