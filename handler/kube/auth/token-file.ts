/**
 * The token in a file, as the file is at the moment of each request. client-node would keep it for a minute, and so show
 * for as long what was refused.
 */
import { readFile } from 'node:fs/promises'
import { isHeaderValue } from './impersonation.js'

/** @throws Error what is wrong with the content, without it */
export function tokenIn(content: string, file: string): string {
  const token = content.trim()
  if (token === '') throw new Error(`tokenFile: ${file} is empty`)
  if (!isHeaderValue(token)) {
    throw new Error(`tokenFile: ${file} holds more than one line, or a control character: leave one token in it`)
  }
  return token
}

export class TokenFile {
  private last: string | undefined

  constructor(private readonly file: string) {}

  /** The token, or the last one while the file is being replaced. @throws Error when there is none yet */
  async token(): Promise<string> {
    try {
      this.last = tokenIn(await readFile(this.file, 'utf8'), this.file)
    } catch (error) {
      if (this.last === undefined) throw error
    }
    return this.last
  }
}
