/** Answers a shell, or kubectl, that asks what may be written next: in the form of cobra's `__complete`. */
import { parseServiceWord, SERVICE_KINDS } from '../cli/command-options.js'
import { type Choice, completionsOf, type Wanted } from '../cli/completions.js'
import { type CommandOptions, readOptions } from '../cli/options.js'
import { type GroupServices, groupServices, selects } from '../group/groups.js'
import { namesInKubeconfig } from '../kube/auth/config.js'
import { connect } from '../kube/client.js'
import type { Kube } from '../kube/port.js'
import { listIn } from '../pass/named-service.js'
import { names } from '../pass/scope.js'
import { clusterOf } from './cluster.js'
import type { Io } from './io.js'

/** Somebody waits at a prompt. */
const LIMIT_MS = 2_000

/** cobra's directives: complete no file names, or complete them. */
const NO_FILES = ':4'
const FILES = ':0'

/**
 * Prints a line for each choice, with its description behind a tab, and then a directive. Whatever goes wrong, there
 * are just no choices: there is nobody to tell.
 * @param words the last is the one to complete
 */
export async function complete(words: readonly string[], { env, print }: Pick<Io, 'env' | 'print'>): Promise<number> {
  const wanted = completionsOf(words)
  if (wanted.kind === 'files') {
    await print(`${FILES}\n`)
    return 0
  }
  const choices =
    wanted.kind === 'words' ? wanted.choices : await asked(wanted, words.at(-1) ?? '', env).catch(() => [])
  const lines = choices.map(({ word, text }) => (text ? `${word}\t${text}` : word))
  await print(`${[...lines.filter(isLine), NO_FILES].join('\n')}\n`)
  return 0
}

/** Names of a kubeconfig may hold anything. */
function isLine(line: string): boolean {
  return !/[\n\r\p{Cc}]/u.test(line.replace('\t', ''))
}

type Asked = Exclude<Wanted, { readonly kind: 'words' | 'files' }>

async function asked(wanted: Asked, word: string, env: Io['env']): Promise<readonly Choice[]> {
  const options = readOptions(wanted.argv, env)
  if (wanted.kind === 'entries') {
    const named = namesInKubeconfig({ ...options, env })[wanted.of]
    return named.map((name) => ({ word: wanted.before + name })).filter((one) => one.word.startsWith(word))
  }
  const { config, namespaces, limits } = clusterOf(options, env)
  const kube = connect(config, limits)
  const cluster = { ...options, namespaces, kube, signal: AbortSignal.timeout(LIMIT_MS) }
  const found = await (wanted.kind === 'services' ? services(wanted.begun, cluster) : pods(wanted.service, cluster))
  return found.map((one) => ({ ...one, word: wanted.before + one.word })).filter((one) => one.word.startsWith(word))
}

interface Asking extends Pick<CommandOptions, 'roleLabel' | 'optIn'> {
  readonly namespaces: readonly string[] | 'all'
  readonly kube: Pick<Kube, 'listServices' | 'listPods'>
  readonly signal: AbortSignal
}

/** The Services that are managed, in the form in which the user has begun. */
async function services(begun: string, asking: Asking): Promise<readonly Choice[]> {
  const [, before = ''] = /^([^/]*\/)/.exec(begun) ?? []
  const isKind = SERVICE_KINDS.includes(before.slice(0, -1))
  const other = before !== '' && !isKind ? before.slice(0, -1) : undefined
  const namespaces = other === undefined ? asking.namespaces : [other]
  const isWhole = other !== undefined || namespaces === 'all' || namespaces.length > 1
  const groups = await groupsIn(namespaces, asking)
  const named = groups.flatMap((group) => group.services)
  if (isKind && isWhole) return []
  return named.map(({ namespace, name }) => ({ word: isWhole ? `${namespace}/${name}` : before + name }))
}

/** The pods of a Service, with their roles. */
async function pods(word: string, asking: Asking): Promise<readonly Choice[]> {
  const ref = parseServiceWord(word)
  if (!ref) return []
  const groups = await groupsIn(ref.namespace === undefined ? asking.namespaces : [ref.namespace], asking)
  const [group, ...others] = groups.filter((one) => one.services.some((service) => names(ref, service)))
  if (!group || others.length > 0) return []
  const { namespace, selector } = group
  const found = await asking.kube.listPods({ namespace, labels: selector }, asking.signal)
  return found
    .filter((pod) => selects(group, pod) && !pod.terminating)
    .map(({ name, labels }) => ({ word: name, text: labels[asking.roleLabel] ?? '' }))
}

async function groupsIn(namespaces: readonly string[] | 'all', asking: Asking): Promise<readonly GroupServices[]> {
  const { kube, roleLabel, optIn, signal } = asking
  return groupServices(await listIn(kube, namespaces, signal), roleLabel, optIn)
}
