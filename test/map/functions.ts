/** How long functions are. */
import {
  type Block,
  isArrowFunction,
  isBlock,
  isCallExpression,
  isClassDeclaration,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isMethodDeclaration,
  isNewExpression,
  isPropertyAssignment,
  isPropertyDeclaration,
  isSetAccessorDeclaration,
  isVariableDeclaration,
  type Node,
} from 'typescript/unstable/ast'
import { firstLine, lastLine, type Trees } from './syntax.js'

/** What a reader sees at once. */
export const LONG = 70

export interface MeasuredFunction {
  readonly name: string
  readonly file: string
  readonly line: number
  /** From its first to its closing brace, both counted, and with what is nested in it. */
  readonly lines: number
}

/** Every function, method, accessor and arrow function that has a block for a body, the longest first. */
export function measureFunctions(trees: Trees): readonly MeasuredFunction[] {
  const found: MeasuredFunction[] = []
  for (const [file, tree] of trees) {
    const visit = (node: Node): void => {
      if (hasBlock(node)) {
        const line = firstLine(node)
        found.push({ name: nameOf(node), file, line, lines: lastLine(node) - line + 1 })
      }
      node.forEachChild(visit)
    }
    visit(tree)
  }
  return found.sort((a, b) => b.lines - a.lines || a.file.localeCompare(b.file) || a.line - b.line)
}

function hasBlock(node: Node): node is Node & { readonly body: Block; readonly name?: Node } {
  const isFunction =
    isFunctionDeclaration(node) ||
    isFunctionExpression(node) ||
    isArrowFunction(node) ||
    isMethodDeclaration(node) ||
    isConstructorDeclaration(node) ||
    isGetAccessorDeclaration(node) ||
    isSetAccessorDeclaration(node)
  // An overload has no body, an arrow function may have an expression.
  return isFunction && node.body !== undefined && isBlock(node.body)
}

/** Its own name, or that of what it is given to. */
function nameOf(node: Node & { readonly name?: Node }): string {
  const { parent } = node
  const isOfClass = isClassDeclaration(parent) && parent.name !== undefined
  const prefix = isOfClass ? `${parent.name.getText()}.` : ''
  if (isConstructorDeclaration(node)) return `${prefix}constructor`
  if (node.name !== undefined) return prefix + node.name.getText()
  if (isVariableDeclaration(parent) || isPropertyAssignment(parent) || isPropertyDeclaration(parent)) {
    return parent.name.getText()
  }
  if (isCallExpression(parent) || isNewExpression(parent)) return `(in ${lastWord(parent.expression)}(…))`
  return '(without a name)'
}

/** In `a.b.c`, c; the rest may be long. */
function lastWord(callee: Node): string {
  return callee.getText().match(/[\w$]+$/)?.[0] ?? '…'
}
