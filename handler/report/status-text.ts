/** The status for people: a table of all groups, or all about one of them. Pure. */
import type { HistoryEntry } from '../group/history.js'
import { compareNames } from '../util/compare-names.js'
import { formatAge, wholeSeconds } from '../util/duration.js'
import { seePage } from '../util/error-page.js'
import { printable } from '../util/printable.js'
import { type Cell, type TableStyle, type Tone, table } from '../util/table.js'
import { wrap } from '../util/width.js'
import type { GroupStatus, Health, PodStatus, Status } from './status.js'

export interface StatusStyle extends TableStyle {
  /** More columns, and times in full. */
  readonly isWide: boolean
  /** Names begin with their namespace; they do anyway where there are several. */
  readonly isNamespaced?: boolean
  readonly nowMs: number
}

/** A line for each group. Groups of several namespaces are told apart by theirs. */
export function statusText({ groups, warnings }: Status, style: StatusStyle): string {
  const namespaces = new Set(groups.map(({ namespace }) => namespace))
  const isLong = style.isNamespaced || namespaces.size > 1
  const headers = ['SERVICE', 'ACTIVE', 'SINCE', 'HEALTH', 'STANDBYS', ...(style.isWide ? ['EPOCH'] : []), 'NEXT']
  const known = groups
    .filter(({ services }) => services.length > 0) // the others have an error, which is below
    .sort((a, b) => compareNames(a.namespace ?? '', b.namespace ?? ''))
  const rows = known.map((group) => [
    cell(nameOf(group, isLong)),
    activeCell(group),
    cell(sinceOf(group, style)),
    healthCell(group),
    standbysCell(group),
    ...(style.isWide ? [cell(`${group.epoch}`)] : []),
    nextCell(group),
  ])
  const spare = style.isWide ? [] : ['STANDBYS', 'SINCE']
  const shown = known.length > 0 ? table(headers, rows, { ...style, spare }) : ''
  const notes = [
    ...groups.flatMap((group) => notesOn(group, isLong)),
    ...warnings.map((text) => `Warning: ${text}`),
    ...pagesAbout(groups),
  ]
  return [shown, blockOf(notes)].filter((part) => part !== '').join('\n') || 'There is no managed Service here.\n'
}

/** What is wrong with a group, or odd. */
function notesOn(group: GroupStatus, isLong: boolean): readonly string[] {
  const name = nameOf(group, isLong)
  const said = [...group.errors.map((text) => `Error: ${text}`), ...group.warnings.map((text) => `Warning: ${text}`)]
  return said.map((text) => (group.services.length > 0 ? `${name}: ${text}` : text))
}

function pagesAbout(groups: readonly GroupStatus[]): readonly string[] {
  return [...new Set(groups.flatMap(({ docs }) => docs))].map(seePage)
}

/** All about one group: its state, its pods, its settings, and the last handovers. */
export function groupText(group: GroupStatus, style: StatusStyle): string {
  const { namespace, services, pods, settings, history, next } = group
  const notes = blockOf([...notesOn(group, false), ...pagesAbout([group])])
  if (services.length === 0) return notes // of a namespace that could not be read, nothing else is known
  const facts: readonly (readonly [string, string])[] = [
    ['Service', `${namespace ?? ''}/${services.join(',')}`],
    ['Active', isUnseen(group) ? 'not looked at' : activeWords(group, style)],
    ...(group.pausedUntil === null ? [] : [['Paused', pauseWords(group)] as const]),
    // The error is told below, on one line: it may have a command to copy.
    ['Next', `${nextWords(group)}: ${next.kind === 'error' ? next.code : next.text}`],
  ]
  const changed = Object.entries(settings).map(([name, value]) => [cell(`${name}:`), cell(value)])
  return [
    facts.map(([name, text]) => factLines(name, printable(text), style)).join(''),
    pods.length > 0 ? podTable(pods, style) : '',
    changed.length > 0
      ? `Settings that are not defaults:\n${indented(table([], changed, { ...style, columns: undefined }))}`
      : '',
    history.length > 0 ? `Last handovers:\n${indented(historyText(history.slice(0, SHOWN), inside(style)))}` : '',
    notes,
  ]
    .filter((part) => part !== '')
    .join('\n')
}

/** A long text goes on in its own column. */
function factLines(name: string, text: string, { columns = Number.POSITIVE_INFINITY }: StatusStyle): string {
  const indent = 10
  const lines = wrap(text, columns - indent)
  return lines.map((line, n) => `${(n === 0 ? `${name}:` : '').padEnd(indent)}${line}\n`).join('')
}

/** The handovers that the status shows; `history` shows all. */
const SHOWN = 3

function podTable(pods: readonly PodStatus[], style: StatusStyle): string {
  const headers = ['POD', 'ROLE', 'EPOCH', 'READY', 'CHECK', 'MS', 'FAILURES', 'NODE', 'WHY-NOT']
  const rows = pods.map((pod) => [
    cell(pod.name),
    pod.role === 'active' ? cell('active', 'good') : cell('passive'),
    cell(`${pod.epoch}`),
    pod.ready ? cell('yes') : cell('no', 'bad'),
    cell(short(pod.check), TONES[pod.health]),
    cell(style.isWide ? eachMs(pod) : `${pod.ms}`),
    cell(`${pod.failures}`, pod.failures > 0 ? 'warn' : undefined),
    cell(pod.node ?? '-'),
    whyNotCell(pod),
  ])
  return table(headers, rows, { ...style, spare: style.isWide ? [] : ['NODE', 'MS', 'EPOCH', 'FAILURES', 'READY'] })
}

/** The milliseconds of each probe, in the order in which CHECK names them. */
function eachMs({ ms, probes = [] }: PodStatus): string {
  return probes.length > 0 ? probes.map((probe) => probe.ms).join(', ') : `${ms}`
}

function whyNotCell({ role, whyNot, whyNotCode, place }: PodStatus): Cell {
  if (role === 'active') return cell('-')
  const inLine = place === null ? '' : `would take over${place === 1 ? '' : `, ${place}${ordinal(place)} in line`}`
  if (whyNot === null) return { ...cell(inLine), brief: `${place}${ordinal(place ?? 0)} in line` }
  const code = whyNotCode ?? ''
  return { ...cell(`${inLine ? `${inLine}, but ` : ''}${REPEATED.includes(code) ? code : whyNot}`), brief: code }
}

/** The check of these pods says the rest. */
const REPEATED = ['check-failed', 'unchecked']

function ordinal(n: number): string {
  return n % 100 > 10 && n % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')
}

/** The handovers of a Service, newest first. */
export function historyText(history: readonly HistoryEntry[], style: StatusStyle): string {
  const rows = history.map(({ at, kind, from, to, reason, text }) => [
    cell(timeOf(at, style)),
    cell(kind, kind === 'failover' ? 'warn' : undefined),
    cell(from ?? '-'),
    cell(to),
    cell(text || reason),
  ])
  return table([style.isWide ? 'TIME' : 'AGO', 'KIND', 'FROM', 'TO', 'WHY'], rows, style)
}

function timeOf(at: string, { isWide, nowMs }: StatusStyle): string {
  return isWide ? wholeSeconds(at) : formatAge(nowMs - Date.parse(at))
}

function nameOf({ namespace, services }: GroupStatus, isLong: boolean): string {
  if (services.length === 0) return namespace ?? 'all namespaces'
  return `${isLong && namespace !== null ? `${namespace}/` : ''}${services.join(',')}`
}

/** An error that keeps a pass from looking at the pods. */
function isUnseen({ next, pods }: GroupStatus): boolean {
  return next.kind === 'error' && pods.length === 0
}

function activeWords(group: GroupStatus, style: StatusStyle): string {
  return group.active.length > 0 ? `${group.active.join(', ')}${since(group, style)}` : 'none'
}

function activeCell(group: GroupStatus): Cell {
  const { active } = group
  if (isUnseen(group)) return cell('?', 'warn')
  if (active.length === 0) return cell('none', 'bad')
  return cell(active.join(','), active.length > 1 ? 'bad' : undefined)
}

function sinceOf({ since }: GroupStatus, style: StatusStyle): string {
  return since === null ? '-' : timeOf(since, style)
}

function since({ since: at }: GroupStatus, { nowMs }: StatusStyle): string {
  return at === null ? '' : `, for ${formatAge(nowMs - Date.parse(at))} (since ${wholeSeconds(at)})`
}

const TONES: Readonly<Record<Health, Tone | undefined>> = {
  healthy: 'good',
  failing: 'warn',
  failed: 'bad',
  none: undefined,
  unknown: 'warn',
}

function healthCell({ health, pods }: GroupStatus): Cell {
  const [active] = pods
  const count = health === 'failing' && active && active.failures > 0 ? ` (${active.failures})` : ''
  return health === 'none' ? cell('-') : cell(`${health}${count}`, TONES[health])
}

function standbysCell(group: GroupStatus): Cell {
  if (isUnseen(group)) return cell('-')
  const { ready, total } = group.standbys
  return cell(`${ready}/${total}`, ready === 0 ? 'warn' : undefined)
}

/** The words for what the next pass does. */
function nextWords({ next, pausedUntil }: GroupStatus): string {
  if (pausedUntil !== null && next.kind === 'paused') return 'nothing'
  return next.to === null ? (WORDS[next.kind] ?? next.kind) : `${next.kind} to ${next.to}`
}

const WORDS: Readonly<Record<string, string>> = {
  keep: 'nothing',
  empty: 'nothing',
  count: 'count',
  blocked: 'blocked',
}

function nextCell(group: GroupStatus): Cell {
  const { next } = group
  const tone = next.kind === 'error' || next.kind === 'blocked' ? 'bad' : next.to === null ? undefined : 'warn'
  const brief = `${nextWords(group)}: ${next.code}`
  return { ...cell(next.kind === 'error' ? brief : `${nextWords(group)}: ${next.text}`, tone), brief: printable(brief) }
}

function pauseWords({ pausedUntil }: GroupStatus): string {
  return pausedUntil === 'forever' ? 'until it is resumed' : `until ${wholeSeconds(pausedUntil ?? '')}`
}

function cell(text: string, tone?: Tone): Cell {
  return { text: printable(text), tone }
}

const LONGEST_CHECK = 40

function short(text: string): string {
  return text.length > LONGEST_CHECK ? `${text.slice(0, LONGEST_CHECK - 1)}…` : text
}

const INDENT = '  '

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, INDENT)
}

/** The style of what will be indented. */
function inside({ columns, ...style }: StatusStyle): StatusStyle {
  return columns === undefined ? style : { ...style, columns: Math.max(0, columns - INDENT.length) }
}

function blockOf(lines: readonly string[]): string {
  return lines.map((line) => `${printable(line)}\n`).join('')
}
