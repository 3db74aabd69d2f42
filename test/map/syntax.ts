/**
 * Source texts as syntax trees. The compiler that checks the types also parses here: TypeScript 7 offers its trees under
 * `unstable/`, from a process of its own. package.json names one exact version of it, so what is unstable does not change
 * under this code; and a tree tells an import from a comment, and a function's end from a template's, where patterns guess.
 */
import type { Node, SourceFile } from 'typescript/unstable/ast'
import { API } from 'typescript/unstable/async'
import { createVirtualFileSystem } from 'typescript/unstable/fs'

/** Path in the repository -> text. */
export type Sources = ReadonlyMap<string, string>

/** Path in the repository -> syntax tree. */
export type Trees = ReadonlyMap<string, SourceFile>

/** No type is needed, so nothing else is read: no libraries, and no packages. */
const PARSE_ONLY = { compilerOptions: { noLib: true, noResolve: true, types: [] }, include: ['**/*'] }

/** @throws Error (rejects) when a path does not end in `.ts` */
export async function parse(sources: Sources): Promise<Trees> {
  const files = [...sources].map(([path, text]) => [`/${path}`, text])
  const fs = createVirtualFileSystem({ ...Object.fromEntries(files), '/tsconfig.json': JSON.stringify(PARSE_ONLY) })
  const compiler = new API({ cwd: '/', fs })
  try {
    const snapshot = await compiler.updateSnapshot({ openProjects: ['/tsconfig.json'] })
    const [project] = snapshot.getProjects()
    const treeOf = async (path: string) => {
      const tree = await project?.program.getSourceFile(`/${path}`)
      if (tree === undefined) throw new Error(`${path}: not a file that TypeScript compiles`)
      return [path, tree] as const
    }
    return new Map(await Promise.all([...sources.keys()].map(treeOf)))
  } finally {
    await compiler.close()
  }
}

/** Of the node's first character, comments before it left out; from 1. */
export function firstLine(node: Node): number {
  return lineAt(node, node.getStart())
}

/** Of the node's last character; from 1. */
export function lastLine(node: Node): number {
  return lineAt(node, node.getEnd())
}

function lineAt(node: Node, position: number): number {
  return node.getSourceFile().getLineAndCharacterOfPosition(position).line + 1
}
