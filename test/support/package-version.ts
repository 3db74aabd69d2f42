import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './handler.js'

/** The version in package.json, and so the tag of the image that the manifests name. */
export const packageVersion: string = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).version
