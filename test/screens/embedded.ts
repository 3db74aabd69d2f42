/** Screens in the documents: `<!-- screen: NAME -->`, and below it the file of docs/screens as a block. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../support/handler.js'

/** The pages that show screens. */
export const PAGES = ['README.md', 'docs/troubleshooting.md']

const MARK = /^<!-- screen: ([\w-]+) -->\n(?:\n```text\n[\s\S]*?^```\n)?/gm

/** The page with its screens as they are now. */
export function embedded(page: string): string {
  return page.replaceAll(MARK, (_, name: string) => {
    const screen = readFileSync(join(repository, 'docs/screens', `${name}.txt`), 'utf8')
    return `<!-- screen: ${name} -->\n\n\`\`\`text\n${screen.trimEnd()}\n\`\`\`\n`
  })
}
