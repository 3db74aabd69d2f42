/** Label and field selectors, as they stand in a query. */
import type { KubeObject } from './objects.js'
import { labelsOf, textAt } from './objects.js'

export type Matcher = (object: KubeObject) => boolean

/** A selector that is no selector. */
export class SelectorError extends Error {}

const everything: Matcher = () => true

/** Equality (`a=b`, `a!=b`), sets (`a in (b,c)`, `a notin (b)`), existence (`a`, `!a`) and order (`a>1`, `a<1`). */
export function labelSelector(text: string): Matcher {
  const tokens = text.match(/==|!=|[=!<>(),]|[^\s=!<>(),]+/g) ?? []
  if (tokens.length === 0) return everything
  const requirements: ((labels: Readonly<Record<string, string>>) => boolean)[] = []
  const isWord = (token: string | undefined): token is string => token !== undefined && !/^[=!<>(),]/.test(token)
  const word = (expected: string) => {
    const token = tokens.shift()
    if (!isWord(token)) throw new SelectorError(`found '${token ?? ''}', expected: ${expected}`)
    return token
  }
  const value = () => (isWord(tokens[0]) ? word('value') : '')
  const values = () => {
    const found: string[] = []
    if (tokens.shift() !== '(') throw new SelectorError("unable to parse requirement: expected: '('")
    for (;;) {
      found.push(value())
      const next = tokens.shift()
      if (next === ')') return found
      if (next !== ',')
        throw new SelectorError(`unable to parse requirement: found '${next ?? ''}', expected: ',' or ')'`)
    }
  }
  const integer = () => {
    const given = value()
    if (/^-?\d+$/.test(given)) return Number(given)
    throw new SelectorError(
      `unable to parse requirement: values[0]: Invalid value: "${given}": for 'Gt', 'Lt' operators, ` +
        'the value must be an integer',
    )
  }
  const requirement = (): (typeof requirements)[number] => {
    if (tokens[0] === '!') {
      tokens.shift()
      const absent = word('identifier')
      return (labels) => !Object.hasOwn(labels, absent)
    }
    const key = word("!, identifier, or 'end of string'")
    const labelOf = (labels: Readonly<Record<string, string>>) => (Object.hasOwn(labels, key) ? labels[key] : undefined)
    if (tokens.length === 0 || tokens[0] === ',') return (labels) => labelOf(labels) !== undefined
    const operator = tokens.shift()
    switch (operator) {
      case '=':
      case '==': {
        const wanted = value()
        return (labels) => labelOf(labels) === wanted
      }
      case '!=': {
        const unwanted = value()
        return (labels) => labelOf(labels) !== unwanted
      }
      case 'in': {
        const wanted = values()
        return (labels) => wanted.includes(labelOf(labels) ?? '\0')
      }
      case 'notin': {
        const unwanted = values()
        return (labels) => !unwanted.includes(labelOf(labels) ?? '\0')
      }
      case '>':
      case '<': {
        const limit = integer()
        return (labels) => {
          const number = Number.parseInt(labelOf(labels) ?? '', 10)
          return operator === '>' ? number > limit : number < limit
        }
      }
      default:
        throw new SelectorError(
          `unable to parse requirement: found '${operator}', expected: in, notin, =, ==, !=, gt, lt`,
        )
    }
  }
  for (;;) {
    requirements.push(requirement())
    const next = tokens.shift()
    if (next === undefined) break
    if (next !== ',') throw new SelectorError(`found '${next}', expected: ',' or 'end of string'`)
    if (!isWord(tokens[0]) && tokens[0] !== '!') {
      throw new SelectorError(`found '${tokens[0] ?? ''}', expected: identifier after ','`)
    }
  }
  return (object) => {
    const labels = labelsOf(object)
    return requirements.every((holds) => holds(labels))
  }
}

/** Equality only, of the fields that the resource offers. */
export function fieldSelector(text: string, fields: readonly string[]): Matcher {
  if (text === '') return everything
  const requirements = text.split(',').map((requirement): Matcher => {
    const [, field, operator, value] = /^([^=!]*)(==|!=|=)(.*)$/.exec(requirement) ?? []
    if (field === undefined || value === undefined) {
      throw new SelectorError(`invalid selector: '${text}'; can't understand '${requirement}'`)
    }
    if (!fields.includes(field)) throw new SelectorError(`field label not supported: ${field}`)
    const path = field.split('.')
    return (object) => (textAt(object, ...path) === value) === (operator !== '!=')
  })
  return (object) => requirements.every((holds) => holds(object))
}
