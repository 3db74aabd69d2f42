// Before all tests that need a node: says loudly when this machine can have none, and makes the images.
import type { TestProject } from 'vitest/node'
import { prepareImages } from './node/images.js'
import { whyNoNode } from './node/requirements.js'
import { reportSkipped } from './skipped.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The archives for a node to import; undefined when there can be no node. */
    images: readonly string[] | undefined
  }
}

/** Called by vitest before all tests. */
export async function setup(project: TestProject): Promise<void> {
  const why = whyNoNode()
  if (why !== undefined) reportSkipped(`NO NODE: the tests that run pods are SKIPPED: ${why}.`)
  project.provide('images', why === undefined ? await prepareImages() : undefined)
}
