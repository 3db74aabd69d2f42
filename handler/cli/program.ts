/** How the user calls this program: alone, as a plugin of kubectl, or from a checkout. Pure. */
import { basename } from 'node:path'

/** The plugin's completion, by the name that kubectl looks for. It gets the words, and answers with what may follow. */
const COMPLETER = 'kubectl_complete-active_passive'
const PLUGIN = 'kubectl-active_passive'

/** The name in usage and errors. @param script process.argv[1]: the file that Node runs, or a link to it */
export function programName(script: string | undefined): string {
  const name = nameOf(script)
  if (name === PLUGIN || name === COMPLETER) return 'kubectl active-passive'
  return name === 'handler' ? 'node handler' : 'active-passive'
}

/** Whether kubectl asks for words to complete. */
export function isCompleter(script: string | undefined): boolean {
  return nameOf(script) === COMPLETER
}

function nameOf(script = ''): string {
  return basename(script.replaceAll('\\', '/')).replace(/\.(cjs|js|cmd|exe|ps1)$/i, '')
}
