// What takes long to make is kept in the user's cache, outside the checkout, so that every clone on a machine makes it
// once. Folders in it are named after all that decides what is in them.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** Where what takes long to make is kept. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'active-passive')
}

/**
 * Calls `make` to fill `folder`, unless it is there already. It appears when it is complete; of two that make it at the
 * same time, the first to be ready wins.
 */
export async function makeOnce(folder: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return
  await mkdir(dirname(folder), { recursive: true })
  await sweep(dirname(folder))
  const unfinished = await mkdtemp(`${folder}${suffix}${process.pid}-`)
  try {
    await make(unfinished)
    await rename(unfinished, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

const suffix = '.unfinished-'

/** Removes what those have left who were killed while they made it. */
async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = Number.parseInt(name.split(suffix)[1] ?? '', 10)
    if (pid > 0 && !isAlive(pid)) await rm(join(parent, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
