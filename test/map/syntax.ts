/**
 * Parses source texts into syntax trees, with the compiler that also checks the types. TypeScript 7 offers its trees
 * under `unstable/`, from a process of its own. package.json names one exact version, so that this interface does not
 * change. A tree tells an import from a comment, and a function's end from a template's; a pattern could only guess.
 */
import type { Node, SourceFile } from 'typescript/unstable/ast'
import { API } from 'typescript/unstable/async'
import { createVirtualFileSystem } from 'typescript/unstable/fs'

/** Path in the repository -> text. */
export type Sources = ReadonlyMap<string, string>

/** Path in the repository -> syntax tree. */
export type Trees = ReadonlyMap<string, SourceFile>

/** No types are needed, so the compiler reads no libraries and no packages. */
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

/** The line of the node's first character, without the comments before it; counted from 1. */
export function firstLine(node: Node): number {
  return lineAt(node, node.getStart())
}

/** The line of the node's last character; counted from 1. */
export function lastLine(node: Node): number {
  return lineAt(node, node.getEnd())
}

function lineAt(node: Node, position: number): number {
  return node.getSourceFile().getLineAndCharacterOfPosition(position).line + 1
}
