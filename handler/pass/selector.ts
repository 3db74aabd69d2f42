/**
 * Label selectors in kubectl's syntax (k8s.io/apimachinery/pkg/labels): `a=b`, `a==b`, `a!=b`, `a in (x,y)`,
 * `a notin (x)`, `a`, `!a`, `a>1`, `a<1`, and any of them with commas between. Pure.
 */
import { quoted } from '../util/quoted.js'

type Labels = Readonly<Record<string, string>>

export interface LabelSelector {
  /** As it was written. */
  readonly text: string
  matches(labels: Labels): boolean
}

/** A text that is no selector. The message names the part that is wrong. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError'
}

type Requirement = (labels: Labels) => boolean

/** @throws SelectorError */
export function parseLabelSelector(text: string): LabelSelector {
  const tokens = new Tokens(text)
  const requirements: Requirement[] = []
  do requirements.push(parseRequirement(tokens))
  while (tokens.take(','))
  if (tokens.next !== undefined) throw new SelectorError(`a comma should come before ${quote(tokens.next)}`)
  return { text, matches: (labels) => requirements.every((isMet) => isMet(labels)) }
}

const SYMBOL = /^(==|!=|[=!,()<>])/
const WORD = /^[^\s=!,()<>]+/

class Tokens {
  private readonly tokens: readonly string[]
  private at = 0

  constructor(text: string) {
    const tokens: string[] = []
    for (let rest = text.trim(); rest !== ''; ) {
      const [token = ''] = SYMBOL.exec(rest) ?? WORD.exec(rest) ?? []
      tokens.push(token)
      rest = rest.slice(token.length).trim()
    }
    this.tokens = tokens
  }

  get next(): string | undefined {
    return this.tokens[this.at]
  }

  /** Takes the next token if it is this one. */
  take(token: string): boolean {
    const isNext = this.next === token
    if (isNext) this.at++
    return isNext
  }

  /** Takes the next token if it is no symbol; else it is ''. */
  word(): string {
    const { next } = this
    if (next === undefined || SYMBOL.test(next)) return ''
    this.at++
    return next
  }
}

function parseRequirement(tokens: Tokens): Requirement {
  const isAbsent = tokens.take('!')
  const key = parseKey(tokens)
  const value = (labels: Labels) => (Object.hasOwn(labels, key) ? labels[key] : undefined)
  if (isAbsent) return (labels) => value(labels) === undefined
  if (tokens.next === undefined || tokens.next === ',') return (labels) => value(labels) !== undefined
  if (tokens.take('=') || tokens.take('==')) {
    const wanted = parseValue(tokens, key)
    return (labels) => value(labels) === wanted
  }
  if (tokens.take('!=')) {
    const unwanted = parseValue(tokens, key)
    return (labels) => value(labels) !== unwanted
  }
  if (tokens.take('>')) return compared(value, parseNumber(tokens, key), (one, other) => one > other)
  if (tokens.take('<')) return compared(value, parseNumber(tokens, key), (one, other) => one < other)
  if (tokens.take('in')) {
    const wanted = parseValues(tokens, key)
    return (labels) => wanted.includes(value(labels))
  }
  if (tokens.take('notin')) {
    const unwanted = parseValues(tokens, key)
    return (labels) => !unwanted.includes(value(labels))
  }
  throw new SelectorError(`after ${quote(key)} should come =, ==, !=, in, notin or a comma, not ${quote(tokens.next)}`)
}

function parseKey(tokens: Tokens): string {
  const key = tokens.word()
  if (key === '') throw new SelectorError(`${told(tokens.next)} where a label's key should be`)
  const form = /^([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/
  if (!form.test(key)) throw new SelectorError(`${quote(key)} is no label's key, such as app or example.com/app`)
  return key
}

/** Nothing is the empty value. */
function parseValue(tokens: Tokens, key: string): string {
  const value = tokens.word()
  if (!/^([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$/.test(value)) {
    throw new SelectorError(`${quote(value)} is no value that label ${quote(key)} could have`)
  }
  return value
}

function parseValues(tokens: Tokens, key: string): readonly (string | undefined)[] {
  if (!tokens.take('(')) throw new SelectorError(`the values of ${quote(key)} should be in brackets: (x,y)`)
  if (tokens.next === ')') throw new SelectorError(`the brackets after ${quote(key)} are empty: give values, (x,y)`)
  const values: string[] = []
  do values.push(parseValue(tokens, key))
  while (tokens.take(','))
  if (!tokens.take(')')) throw new SelectorError(`${told(tokens.next)} where ) should be after ${quote(values.at(-1))}`)
  return values
}

function parseNumber(tokens: Tokens, key: string): bigint {
  const text = tokens.word()
  if (!INTEGER.test(text))
    throw new SelectorError(`${quote(text)} should be a whole number, to compare ${quote(key)} with`)
  return BigInt(text)
}

const INTEGER = /^-?\d{1,18}$/

/** A label that is no whole number is not matched. */
function compared(
  value: (labels: Labels) => string | undefined,
  bound: bigint,
  isMet: (one: bigint, other: bigint) => boolean,
): Requirement {
  return (labels) => {
    const text = value(labels)
    return text !== undefined && INTEGER.test(text) && isMet(BigInt(text), bound)
  }
}

function told(token: string | undefined): string {
  return token === undefined ? 'it ends' : `there is ${quote(token)}`
}

function quote(text: string | undefined): string {
  return quoted(text ?? '')
}
