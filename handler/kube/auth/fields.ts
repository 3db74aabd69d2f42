/**
 * Reads the fields of a kubeconfig as kubectl decodes them: an absent or null field is empty, a field of another type
 * is an error, and an unknown field is ignored.
 *
 * https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
type Reader<T> = (value: unknown, at: string) => T

type Values<F> = { readonly [K in keyof F]: F[K] extends Reader<infer T> ? T : never }

/** A cluster, user or context, with its name in the kubeconfig. */
export interface Named<T> {
  readonly name: string
  readonly value: T
}

const text: Reader<string> = (value, at) => {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : wrong(at, 'a text', value)
}

const flag: Reader<boolean> = (value, at) => {
  if (value === undefined || value === null) return false
  return typeof value === 'boolean' ? value : wrong(at, 'true or false', value)
}

const base64: Reader<string> = (value, at) => {
  const data = text(value, at).replace(/[\r\n]/g, '')
  if (data.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(data)) return data
  throw new Error(`${at} is no base64`)
}

/**
 * For fields without a meaning for this program's requests. `preferences` is for kubectl's output, and `extensions` are
 * for other programs (those of a cluster may be for a credential plugin).
 */
const ignored: Reader<undefined> = () => undefined

const anything: Reader<unknown> = (value) => value

const list =
  <T>(item: Reader<T>): Reader<readonly T[]> =>
  (value, at) => {
    if (value === undefined || value === null) return []
    return Array.isArray(value) ? value.map((one, i) => item(one, `${at}[${i}]`)) : wrong(at, 'a list', value)
  }

const map =
  <T>(item: Reader<T>): Reader<Readonly<Record<string, T>>> =>
  (value, at) =>
    Object.fromEntries(Object.entries(mapping(value, at)).map(([key, one]) => [key, item(one, within(at, key))]))

const object =
  <F extends Readonly<Record<string, Reader<unknown>>>>(fields: F): Reader<Values<F>> =>
  (value, at) => {
    const given = mapping(value, at)
    const read = Object.entries(fields).map(([key, reader]) => [key, reader(given[key], within(at, key))])
    return Object.fromEntries(read) as Values<F>
  }

const optional =
  <T>(reader: Reader<T>): Reader<T | undefined> =>
  (value, at) =>
    value === undefined || value === null ? undefined : reader(value, at)

const named =
  <T>(key: string, reader: Reader<T>): Reader<readonly Named<T>[]> =>
  (value, at) => {
    const entries = list(mapping)(value, at).map((entry, i) => {
      const name = text(entry.name, `${at}[${i}].name`)
      return { name, value: reader(entry[key], `${key} ${JSON.stringify(name)}:`) }
    })
    const twice = entries.find(({ name }, i) => entries.findIndex((other) => other.name === name) !== i)
    if (twice) throw new Error(`${at} has two of the name ${JSON.stringify(twice.name)}: remove or rename one`)
    return entries
  }

export const CLUSTER_FIELDS = {
  server: text,
  'tls-server-name': text,
  'insecure-skip-tls-verify': flag,
  'certificate-authority': text,
  'certificate-authority-data': base64,
  'proxy-url': text,
  'disable-compression': flag,
  extensions: named('extension', anything),
}

export const EXEC_FIELDS = {
  command: text,
  args: list(text),
  env: list(object({ name: text, value: text })),
  apiVersion: text,
  installHint: text,
  provideClusterInfo: flag,
  interactiveMode: text,
}

export const USER_FIELDS = {
  'client-certificate': text,
  'client-certificate-data': base64,
  'client-key': text,
  'client-key-data': base64,
  token: text,
  tokenFile: text,
  as: text,
  'as-uid': text,
  'as-groups': list(text),
  'as-user-extra': map(list(text)),
  username: text,
  password: text,
  'auth-provider': optional(object({ name: text, config: ignored })),
  exec: optional(object(EXEC_FIELDS)),
  extensions: ignored,
}

export const CONTEXT_FIELDS = { cluster: text, user: text, namespace: text, extensions: ignored }

export const CONFIG_FIELDS = {
  kind: text,
  apiVersion: text,
  preferences: ignored,
  clusters: named('cluster', object(CLUSTER_FIELDS)),
  users: named('user', object(USER_FIELDS)),
  contexts: named('context', object(CONTEXT_FIELDS)),
  'current-context': text,
  extensions: ignored,
}

export type ClusterFields = Values<typeof CLUSTER_FIELDS>
export type UserFields = Values<typeof USER_FIELDS>
type ConfigFields = Values<typeof CONFIG_FIELDS>

/** Reads a kubeconfig. @throws Error with the name of the field, but not its value, which may be a secret */
export function readFields(document: unknown): ConfigFields {
  const config = object(CONFIG_FIELDS)(document, '')
  const { kind, apiVersion } = config
  if ((kind || 'Config') !== 'Config' || (apiVersion || 'v1') !== 'v1') {
    throw new Error(`is of kind ${kind || 'Config'}, apiVersion ${apiVersion || 'v1'}: a kubeconfig is a Config of v1`)
  }
  return config
}

function mapping(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {}
  return typeof value === 'object' && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : wrong(at, 'a mapping', value)
}

function within(at: string, key: string): string {
  if (at === '') return key
  return at.endsWith(':') ? `${at} ${key}` : `${at}.${key}`
}

function wrong(at: string, wanted: string, value: unknown): never {
  const kinds = { string: 'a text', number: 'a number', boolean: 'true or false' }
  const kind = kinds[typeof value as keyof typeof kinds] ?? (Array.isArray(value) ? 'a list' : 'a mapping')
  const remedy = wanted === 'a text' && typeof value !== 'object' ? ': put it in quotes' : ''
  throw new Error(at === '' ? 'is no kubeconfig' : `${at} must be ${wanted}, not ${kind}${remedy}`)
}
