/** Measures the length of functions. */
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

/** The number of lines that a reader sees at once. */
export const LONG = 70

export interface MeasuredFunction {
  readonly name: string
  readonly file: string
  readonly line: number
  /** From the first line to the line of the closing brace, both included, with all nested code. */
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

/** The function's own name, or that of the variable, property or call that it is given to. */
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

/** The last part of a name, because the rest may be long: in `a.b.c`, c. */
function lastWord(callee: Node): string {
  return callee.getText().match(/[\w$]+$/)?.[0] ?? '…'
}
