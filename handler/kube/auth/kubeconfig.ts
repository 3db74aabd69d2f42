/** A kubeconfig file, read as kubectl reads it. */
import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { load } from 'js-yaml'

type Entry = Record<string, unknown>

/** Only a user's token file goes by this name, ours in a pod and kubectl's `tokenFile`: client-node reads it again. */
export const TOKEN_FILE = 'tokenFile'

/** @throws Error when the file can't be read, or is no YAML */
export function readKubeconfig(file: string): KubeConfig {
  const text = readFileSync(file, 'utf8')
  const document = load(text) ?? {}
  if (typeof document !== 'object') throw new Error('is no kubeconfig')
  const { clusters, users } = document as Entry
  const adapted = {
    ...document,
    clusters: adapt(clusters, 'cluster', preferData),
    users: adapt(users, 'user', (user) => withPlugin(withTokenFile(preferData(user), dirname(file)), dirname(file))),
  }
  const config = new KubeConfig()
  config.loadFromString(JSON.stringify(adapted), { onInvalidEntry: 'filter' }) // JSON is YAML
  config.makePathsAbsolute(dirname(file))
  return config
}

/** As kubectl merges: the first file that names a thing wins. */
export function mergeKubeconfigs(configs: readonly KubeConfig[]): KubeConfig {
  const merged = new KubeConfig()
  for (const { clusters, users, contexts, currentContext } of configs) {
    merged.clusters.push(...without(clusters, merged.clusters))
    merged.users.push(...without(users, merged.users))
    merged.contexts.push(...without(contexts, merged.contexts))
    merged.currentContext ||= currentContext
  }
  return merged
}

function without<T extends { name: string }>(additions: readonly T[], present: readonly { name: string }[]): T[] {
  return additions.filter(({ name }) => !present.some((one) => one.name === name))
}

function adapt(entries: unknown, key: string, change: (value: Entry) => Entry): unknown {
  if (!Array.isArray(entries)) return entries
  return entries.map((entry: Entry | null) => {
    const value = entry?.[key]
    return value && typeof value === 'object' ? { ...entry, [key]: change(value as Entry) } : entry
  })
}

/** For kubectl, inline data wins over a file; for client-node the file wins. */
function preferData(entry: Entry): Entry {
  const files = ['certificate-authority', 'client-certificate', 'client-key']
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !(files.includes(key) && entry[`${key}-data`])))
}

/** client-node does not know `tokenFile`, which wins over `token` and is read again as it changes. */
function withTokenFile(user: Entry, folder: string): Entry {
  const { tokenFile, token: _, ...rest } = user
  if (typeof tokenFile !== 'string' || tokenFile === '') return user
  return { ...rest, 'auth-provider': { name: TOKEN_FILE, config: { tokenFile: absolute(tokenFile, folder) } } }
}

/** A command with a slash in it is relative to the file, any other is looked for in PATH. */
function withPlugin(user: Entry, folder: string): Entry {
  const { exec } = user as { readonly exec?: { readonly command?: unknown } | null }
  if (typeof exec?.command !== 'string' || !exec.command.includes('/')) return user
  return { ...user, exec: { ...exec, command: absolute(exec.command, folder) } }
}

function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path)
}
