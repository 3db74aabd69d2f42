// What a container runtime leaves of control groups when it is ended together with all its containers.
import { readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

const root = '/sys/fs/cgroup'

/** Removes the control group `name` with all below it, from every hierarchy (cgroup v1) or from the only one (v2). */
export function removeControlGroups(name: string): void {
  for (const hierarchy of ['', ...foldersIn(root)]) removeTree(join(root, hierarchy, name))
}

function removeTree(group: string): void {
  for (const child of foldersIn(group)) removeTree(join(group, child))
  try {
    rmdirSync(group) // its files need no removal, nor can they be removed
  } catch {
    // It was never made, or something lives in it that is not ours to end.
  }
}

function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch {
    return []
  }
}
