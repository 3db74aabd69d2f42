/** Reads a kubeconfig file as kubectl does. */
import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import type { Cluster, User } from '@kubernetes/client-node/dist/config_types.js'
import { CORE_SCHEMA, load, Type } from 'js-yaml'
import { type ClusterFields, type Named, readFields, type UserFields } from './fields.js'

/** For modules outside of kube/, which do not import the client library. */
export type { KubeConfig } from '@kubernetes/client-node/dist/config.js'

/** A cluster of client-node's, with all fields of the kubeconfig. client-node knows only some of them. */
export interface KubeCluster extends Cluster {
  readonly given?: ClusterFields
  /** The URL of the environment's proxy, if the kubeconfig names none. */
  readonly environmentProxy?: string
}

export interface KubeUser extends User {
  readonly given?: UserFields
}

/** Reads a file. @throws Error if it cannot be read, or is no kubeconfig */
export function readKubeconfig(file: string): KubeConfig {
  return toKubeConfig(load(textOf(readFileSync(file)), { schema: SCHEMA }), dirname(file))
}

/**
 * @param document the parsed file
 * @param folder the folder for relative paths in it
 * @throws Error with the name of the field that makes no sense
 */
export function toKubeConfig(document: unknown, folder: string): KubeConfig {
  const fields = readFields(document)
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: fields.clusters.map((cluster) => clusterOf(cluster, folder)),
    users: fields.users.map((user) => userOf(user, folder)),
    contexts: fields.contexts.map(({ name, value: { cluster, user, namespace } }) => ({
      name,
      cluster,
      ...notEmpty({ user, namespace }),
    })),
    currentContext: fields['current-context'],
  })
  return config
}

/** Merges kubeconfigs as kubectl does: the first file that names a thing wins. */
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

function clusterOf({ name, value: given }: Named<ClusterFields>, folder: string): KubeCluster {
  return {
    name,
    server: given.server.replace(/\/$/, ''),
    skipTLSVerify: given['insecure-skip-tls-verify'],
    ...notEmpty({
      caFile: absolute(given['certificate-authority'], folder),
      caData: given['certificate-authority-data'],
      tlsServerName: given['tls-server-name'],
      proxyUrl: given['proxy-url'],
    }),
    given,
  }
}

/**
 * A token file goes before a token; client-node's own `auth-provider` of the name tokenFile stands for it. identity.ts
 * sends the token of that file, a password, and the fields of impersonation.
 */
function userOf({ name, value: given }: Named<UserFields>, folder: string): KubeUser {
  const tokenFile = absolute(given.tokenFile, folder)
  const { exec } = given
  return {
    name,
    ...notEmpty({
      certFile: absolute(given['client-certificate'], folder),
      certData: given['client-certificate-data'],
      keyFile: absolute(given['client-key'], folder),
      keyData: given['client-key-data'],
      token: tokenFile === '' ? given.token : '',
    }),
    ...(tokenFile !== '' && { authProvider: { name: 'tokenFile', config: { tokenFile } } }),
    // A command with a slash is relative to the file. Any other is searched for in PATH.
    ...(exec && { exec: exec.command.includes('/') ? { ...exec, command: absolute(exec.command, folder) } : exec }),
    given,
  }
}

function absolute(path: string, folder: string): string {
  return path === '' || isAbsolute(path) ? path : join(folder, path)
}

function notEmpty<T extends Readonly<Record<string, string>>>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '')) as Partial<T>
}

/** Decodes a file by its byte order mark: PowerShell writes UTF-16. */
function textOf(bytes: Buffer): string {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    throw new Error(`is no text in ${encoding.toUpperCase()}: save it as UTF-8`)
  }
}

const YES = /^(y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/
const NO = /^(n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/

/** kubectl's YAML: yes and no are booleans as in YAML 1.1, there are merge keys, and dates stay strings. */
const SCHEMA = CORE_SCHEMA.extend({
  implicit: [
    new Type('tag:yaml.org,2002:bool', {
      kind: 'scalar',
      resolve: (text: unknown) => typeof text === 'string' && (YES.test(text) || NO.test(text)),
      construct: (text: string) => YES.test(text),
    }),
    new Type('tag:yaml.org,2002:merge', { kind: 'scalar', resolve: (text: unknown) => text === '<<' || text === null }),
  ],
})
