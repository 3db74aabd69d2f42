/** Debian's PostgreSQL, which does not run as root. */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Island } from './island.js'

/** Where each version's programs are. */
const VERSIONS = '/usr/lib/postgresql'

/** The folder with the programs of the newest version that is installed, from `oldest` on; undefined without one. */
export async function binariesOfPostgres(oldest = 0): Promise<string | undefined> {
  const versions = (await readdir(VERSIONS).catch(() => [])).map(Number).filter((version) => version >= oldest)
  const folders = versions.sort((a, b) => b - a).map((version) => join(VERSIONS, `${version}`, 'bin'))
  return folders.find((folder) => existsSync(join(folder, 'postgres'))) // what is left of an older one is no server
}

/** The command, to be run as the user `postgres`. */
export function asPostgres(program: string, ...args: readonly string[]): readonly [string, ...string[]] {
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', '--', program, ...args]
}

/** The numbers of that user. */
export async function userOfPostgres({ exec }: Island): Promise<{ readonly uid: number; readonly gid: number }> {
  const [uid, gid] = [await exec('id', '-u', 'postgres'), await exec('id', '-g', 'postgres')]
  return { uid: Number(uid), gid: Number(gid) }
}

/** What these commands answer, each of them a transaction of its own. @throws Error when one fails */
export function sql({ exec }: Island, address: string, ...commands: readonly string[]): Promise<string> {
  const all = commands.flatMap((command) => ['-c', command])
  return exec('env', 'PGCONNECT_TIMEOUT=2', 'psql', '-h', address, '-U', 'postgres', '-Atq', ...all)
}

/** Writes a number to the table `writes`; resolves when that is acknowledged. @throws Error when it is not */
export async function insert(island: Island, address: string, n: number): Promise<true> {
  await sql(island, address, `INSERT INTO writes VALUES (${n})`)
  return true
}

/** The numbers in that table. */
export async function written(island: Island, address: string): Promise<ReadonlySet<number>> {
  const numbers = await sql(island, address, 'SELECT n FROM writes')
  return new Set(numbers.trim().split('\n').map(Number))
}
