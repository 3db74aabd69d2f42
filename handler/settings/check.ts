/** The forms in which users write a health check, one per line. */

export type Check =
  | { readonly kind: 'probe' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'http'; readonly scheme: 'http' | 'https'; readonly port: PortRef; readonly path: string }
  | { readonly kind: 'tcp'; readonly port: PortRef }
  /** `service` is empty for the whole server. */
  | { readonly kind: 'grpc'; readonly scheme: 'grpc' | 'grpcs'; readonly port: PortRef; readonly service: string }
  /** `command` is run without a shell, in a container of the pod. */
  | { readonly kind: 'exec'; readonly command: readonly string[] }

/** A number, or the name of a container port. */
export type PortRef = number | string

/** Characters of path and query together. */
export const MAX_PATH_LENGTH = 2_048

/**
 * The most bytes of a command, with one more between two words. It is part of a URL, in which a byte may take nine. The
 * API server reads 1 MiB of URL and headers (`MaxHeaderBytes` of k8s.io/apiserver).
 */
export const MAX_COMMAND_BYTES = 16_384

/** The most checks of a pod. All of them run side by side. */
const MAX_CHECKS = 8

const WORDS: ReadonlyMap<string, Check> = new Map([
  ['probe', { kind: 'probe' }],
  ['ready', { kind: 'ready' }],
])

interface Scheme {
  readonly form: string
  /** @param rest the text after the port: path and query */
  readonly read: (port: PortRef, rest: string) => Check | undefined
}

const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ['http', { form: 'http://:PORT/PATH', read: httpCheck('http') }],
  ['https', { form: 'https://:PORT/PATH', read: httpCheck('https') }],
  ['tcp', { form: 'tcp://:PORT', read: (port, rest) => (rest === '' ? { kind: 'tcp', port } : undefined) }],
  ['grpc', { form: 'grpc://:PORT/SERVICE', read: grpcCheck('grpc') }],
  ['grpcs', { form: 'grpcs://:PORT/SERVICE', read: grpcCheck('grpcs') }],
])

const EXEC = 'exec:'
const EXEC_FORM = `${EXEC} COMMAND`

/** What comes before `://` in a check. */
export const SCHEME_NAMES = [...SCHEMES.keys()]

/** The checks that are one word. */
export const WORD_NAMES = [...WORDS.keys()]

const FORMS = [...WORDS.keys(), ...[...SCHEMES.values()].map(({ form }) => form), EXEC_FORM]

export const CHECK_FORMS = `${FORMS.slice(0, -1).join(', ')} or ${FORMS.at(-1)} (no host: the check goes to the pod; PORT may be the name of a container port; PATH has at most ${MAX_PATH_LENGTH} characters, COMMAND ${MAX_COMMAND_BYTES / 1_024} KiB), or at most ${MAX_CHECKS} of these, one a line, all of which have to pass`

/**
 * Parses checks, one per line. `undefined` if there is none, if there are too many, or if a line has none of the forms.
 */
export function parseChecks(text: string): readonly Check[] | undefined {
  const lines = filledLines(text)
  if (lines.length === 0 || lines.length > MAX_CHECKS) return undefined
  const checks = lines.map(({ line }) => parseCheck(line))
  return checks.every((check) => check !== undefined) ? checks : undefined
}

/** Writes checks as `parseChecks` reads them. */
export function formatChecks(checks: readonly Check[]): string {
  return checks.map(formatCheck).join('\n')
}

function formatCheck(check: Check): string {
  switch (check.kind) {
    case 'probe':
    case 'ready':
      return check.kind
    case 'tcp':
      return `tcp://:${check.port}`
    case 'grpc':
      return `${check.scheme}://:${check.port}${check.service && `/${check.service}`}`
    case 'exec':
      return `exec: ${formatCommand(check.command)}`
    case 'http':
      return `${check.scheme}://:${check.port}${check.path}`
  }
}

/** The first line that is no check. `undefined`: all of them are. */
export function wrongLine(text: string): FilledLine | undefined {
  return filledLines(text).find(({ line }) => parseCheck(line) === undefined)
}

/** How many checks the text has, right or wrong. */
export function countLines(text: string): number {
  return filledLines(text).length
}

/** One line of an annotation that holds one thing a line. */
interface FilledLine {
  readonly line: string
  /** From 1, as an editor counts: empty lines count too. */
  readonly number: number
}

/** The lines that are not empty. Surrounding spaces, which YAML can leave unseen, are removed. */
export function filledLines(text: string): readonly FilledLine[] {
  return text
    .split('\n')
    .map((line, n) => ({ line: line.trim(), number: n + 1 }))
    .filter(({ line }) => line !== '')
}

/** Parses one check. `undefined` if it has none of the forms. */
export function parseCheck(text: string): Check | undefined {
  // No expression for this: one in which a space can match in two places is slow for a long text of spaces.
  if (text.startsWith(EXEC)) return execCheck(text)
  const match = /^([a-z]+):\/\/:([^/?#\s]+)([/?][^#\s]*)?$/.exec(text)
  const [, scheme = '', portText = '', rest = ''] = match ?? []
  const port = parsePort(portText)
  if (port === undefined || rest.length > MAX_PATH_LENGTH) return WORDS.get(text)
  return SCHEMES.get(scheme)?.read(port, rest)
}

function httpCheck(scheme: 'http' | 'https'): Scheme['read'] {
  return (port, rest) => ({ kind: 'http', scheme, port, path: rest.startsWith('/') ? rest : `/${rest}` })
}

function grpcCheck(scheme: 'grpc' | 'grpcs'): Scheme['read'] {
  return (port, rest) => (rest.startsWith('?') ? undefined : { kind: 'grpc', scheme, port, service: rest.slice(1) })
}

function execCheck(text: string): Check | undefined {
  const command = commandIn(text)
  return command && bytesOf(command) <= MAX_COMMAND_BYTES ? { kind: 'exec', command } : undefined
}

/**
 * The command of an `exec:`, however long: words separated by spaces, or a JSON array of words that hold spaces
 * themselves. There is no shell. `undefined`: there is none.
 */
export function commandIn(line: string): readonly string[] | undefined {
  if (!line.startsWith(EXEC)) return undefined
  const text = line.slice(EXEC.length).trim()
  const command = text.startsWith('[') ? stringsIn(text) : text.split(/\s+/)
  return command?.[0] ? command : undefined
}

/** How long a command is, as `MAX_COMMAND_BYTES` counts. */
export function bytesOf(command: readonly string[]): number {
  return Buffer.byteLength(command.join(' '))
}

function stringsIn(json: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined
  } catch {
    return undefined
  }
}

function formatCommand(command: readonly string[]): string {
  return command.every((word) => /^[^\s[][^\s]*$/.test(word)) ? command.join(' ') : JSON.stringify(command)
}

function parsePort(text: string): PortRef | undefined {
  if (/^\d+$/.test(text)) {
    const port = Number(text)
    return port >= 1 && port <= 65_535 ? port : undefined
  }
  return /^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/.test(text) ? text : undefined
}
