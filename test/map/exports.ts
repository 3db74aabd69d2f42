/** Exports that no other file imports. */
import {
  isExportAssignment,
  isExportDeclaration,
  isNamedExports,
  isNamespaceExport,
  isVariableStatement,
  type Node,
  type Statement,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { grouped } from './grouped.js'
import type { Import } from './imports.js'
import { firstLine, type Trees } from './syntax.js'

export interface Export {
  readonly file: string
  readonly name: string
  readonly line: number
}

/**
 * Exports of these files that none of the imports names. An import without names (`* as x`, `import('…')`) counts as a
 * use of all exports, so that every export found here is surely unused.
 */
export function unusedExports(trees: Trees, imports: readonly Import[]): readonly Export[] {
  const importsOf = grouped(
    imports.filter(({ from, to }) => from !== to),
    ({ to }) => to,
  )
  return [...trees].flatMap(([file, tree]) => {
    const used = (importsOf.get(file) ?? []).map(({ names }) => names)
    const isUsed = (name: string) => used.some((names) => names === 'all' || names.includes(name))
    const exported = tree.statements.flatMap((statement) => exportsOf(statement))
    return exported.filter(({ name }) => !isUsed(name)).map(({ name, node }) => ({ file, name, line: firstLine(node) }))
  })
}

interface Named {
  readonly name: string
  readonly node: Node
}

function exportsOf(statement: Statement): readonly Named[] {
  if (isExportAssignment(statement)) return [{ name: 'default', node: statement }]
  if (isExportDeclaration(statement)) {
    const { exportClause } = statement
    if (exportClause === undefined) return [] // `export *` has no names of its own
    if (isNamespaceExport(exportClause)) return named([exportClause])
    return isNamedExports(exportClause) ? named(exportClause.elements) : []
  }
  const { modifiers = [], name } = statement as Declared
  const has = (kind: SyntaxKind) => modifiers.some((modifier) => modifier.kind === kind)
  if (!has(SyntaxKind.ExportKeyword)) return []
  if (has(SyntaxKind.DefaultKeyword)) return [{ name: 'default', node: statement }]
  if (isVariableStatement(statement)) return statement.declarationList.declarations.flatMap(({ name }) => bound(name))
  return name === undefined ? [] : [{ name: name.getText(), node: statement }]
}

/** The common parts of all declarations that can be exported. */
interface Declared extends Statement {
  readonly modifiers?: readonly Node[]
  readonly name?: Node
}

function named(specifiers: readonly (Node & { readonly name: Node })[]): readonly Named[] {
  return specifiers.map((node) => ({ name: node.name.getText(), node }))
}

/** The names that a pattern binds: in `{ x, y: [z] }`, x and z. */
function bound(pattern: Node): readonly Named[] {
  if (pattern.kind === SyntaxKind.Identifier) return [{ name: pattern.getText(), node: pattern }]
  const found: Named[] = []
  pattern.forEachChild((element) => {
    const { name } = element as Node & { readonly name?: Node }
    if (name !== undefined) found.push(...bound(name))
  })
  return found
}
