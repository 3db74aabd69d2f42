/** Finds the imports between files, in every form. */
import { posix } from 'node:path'
import {
  isExportDeclaration,
  isImportDeclaration,
  isNamedExports,
  isNamedImports,
  type Node,
  type NodeArray,
} from 'typescript/unstable/ast'
import { firstLine, type Trees } from './syntax.js'

export interface Import {
  readonly from: string
  readonly to: string
  /** The line with the path of the imported file: the last line of a long import. */
  readonly line: number
  /** The names as the imported file exports them. `all`: the import names none, and may use every export. */
  readonly names: readonly string[] | 'all'
}

/** Imports of a file among these: `import`, `import type`, `export … from`, `import('…')`, and as a type. */
export function importsAmong(trees: Trees): readonly Import[] {
  return [...trees].flatMap(([from, tree]) =>
    tree.imports.flatMap((specifier) => {
      const to = resolve(from, specifier.getText().slice(1, -1))
      if (to === undefined || !trees.has(to)) return []
      return [{ from, to, line: firstLine(specifier), names: namesOf(specifier.parent) }]
    }),
  )
}

/** Imports name the compiled file: `./x.js` is x.ts. Packages are no files of ours, and give `undefined`. */
function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.join(posix.dirname(from), specifier.replace(/\.js$/, '.ts'))
}

function namesOf(importing: Node): Import['names'] {
  if (isImportDeclaration(importing)) {
    const { name, namedBindings } = importing.importClause ?? {}
    if (namedBindings !== undefined && !isNamedImports(namedBindings)) return 'all'
    return [...(name === undefined ? [] : ['default']), ...namesIn(namedBindings?.elements)]
  }
  if (isExportDeclaration(importing)) {
    const { exportClause } = importing
    return exportClause !== undefined && isNamedExports(exportClause) ? namesIn(exportClause.elements) : 'all'
  }
  // The value of import('…') has all exports. The use of that value, or of such a type, is not followed.
  return 'all'
}

interface Specifier extends Node {
  readonly propertyName?: Node
  readonly name: Node
}

/** The names as they are exported: in `{ x as y }`, x. */
function namesIn(specifiers: NodeArray<Specifier> | undefined): readonly string[] {
  return (specifiers ?? []).map(({ propertyName, name }) => (propertyName ?? name).getText())
}
