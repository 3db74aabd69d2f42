/** What a page of docs/recipes prints, as a user copies it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { repository } from '../handler.js'

/** As much of the Service that a page prints as tests look at. */
export interface PrintedService {
  readonly metadata: { readonly name: string; readonly annotations: Readonly<Record<string, string>> }
  readonly spec: { readonly selector: Readonly<Record<string, string>> }
}

/** The blocks of a page that are of this language. @throws Error when there is none */
export function printedBlocks(page: string, language: string): readonly string[] {
  const text = readFileSync(join(repository, 'docs/recipes', page), 'utf8')
  const blocks = [...text.matchAll(/^```(\S+)\n(.*?)^```$/gms)]
  const found = blocks.flatMap(([, of, block = '']) => (of === language ? [block] : []))
  if (found.length === 0) throw new Error(`docs/recipes/${page} has no block of ${language}`)
  return found
}

/** The Service of a page. */
export function printedService(page: string): PrintedService {
  const services = printedBlocks(page, 'yaml').map(
    (block) => load(block) as PrintedService & { readonly kind?: string },
  )
  const service = services.find(({ kind }) => kind === 'Service')
  if (!service) throw new Error(`docs/recipes/${page} prints no Service`)
  return service
}
