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
