/** What files import of each other, in whichever form. */
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
  /** Where it names the file: of several lines, the last. */
  readonly line: number
  /** As the imported file exports them. `all`: whichever, for the import names none. */
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

/** Imports name what the compiler makes of a file: `./x.js` is x.ts. Packages are no file of ours. */
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
  // import('…') has all as its value. What is done with it, and with a type of that form, is not followed.
  return 'all'
}

interface Specifier extends Node {
  readonly propertyName?: Node
  readonly name: Node
}

/** In `{ x as y }`, x. */
function namesIn(specifiers: NodeArray<Specifier> | undefined): readonly string[] {
  return (specifiers ?? []).map(({ propertyName, name }) => (propertyName ?? name).getText())
}
