// The cluster of a bench.

import { prepareImages } from '../support/node/images.js'
import { type ClusterOptions, type NodeCluster, startCluster } from '../support/node/node-cluster.js'

/** Starts a cluster with the images of the demos. Where there can be none, says why and ends the process with 1. */
export async function clusterOrExit(options: Omit<ClusterOptions, 'images'> = {}): Promise<NodeCluster> {
  try {
    return await startCluster({ ...options, images: await prepareImages() })
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exit(1)
  }
}
