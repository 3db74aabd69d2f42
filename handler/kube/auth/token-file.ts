/**
 * Reads the token from its file for each request. client-node would keep it for a minute, and so would show a refused
 * token for as long.
 */
import { readFile } from 'node:fs/promises'
import { isHeaderValue } from './impersonation.js'

/** @throws Error with the fault of the content, but not the content */
export function tokenIn(content: string, file: string): string {
  const token = content.trim()
  if (token === '') throw new Error(`tokenFile: ${file} is empty`)
  if (!isHeaderValue(token)) {
    throw new Error(`tokenFile: ${file} holds more than one line, or a control character: leave one token in it`)
  }
  return token
}

/** A token file of a kubeconfig's user. */
export class TokenFile {
  private last: string | undefined

  constructor(private readonly file: string) {}

  /** The token, or the last one while the file is being replaced. @throws Error if there is none yet */
  async token(): Promise<string> {
    try {
      this.last = tokenIn(await readFile(this.file, 'utf8'), this.file)
    } catch (error) {
      if (this.last === undefined) throw error
    }
    return this.last
  }
}
