// A base image for two platforms, in a registry: what the release finds under node:26-slim, without a C library. Nothing runs
// in it here.
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inWorkshop, nodeVersion } from '../support/node/images.js'
import { nodeBinary } from '../support/node-binary.js'

/** What Node and images call a processor. */
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' }

/**
 * `node`: each platform has the binary of Node that is made for it. `stand-in`: it has a short file in place of that, which
 * saves the time to compress 240 MB.
 */
export type BaseContent = 'node' | 'stand-in'

/** Makes the image and pushes it. @throws Error with the end of what buildah said */
export async function pushBase(reference: string, content: BaseContent): Promise<void> {
  await inWorkshop(async ({ folder, buildah }) => {
    const list = 'localhost/base:1'
    const dockerfile = join(folder, 'Dockerfile')
    await writeFile(dockerfile, 'FROM scratch\nCOPY . /\n')
    await buildah('manifest', 'create', list)
    for (const [arch, name] of Object.entries(ARCHITECTURES)) {
      const root = await mkdtemp(join(folder, 'content-'))
      const node = join(root, 'usr/local/bin/node')
      await mkdir(join(root, 'usr/local/bin'), { recursive: true })
      if (content === 'node') await cp(await nodeBinary(nodeVersion, arch), node)
      else await writeFile(node, `in place of Node for ${arch}\n`, { mode: 0o755 })
      const how = ['--platform', `linux/${name}`, '--timestamp', '0', '--identity-label=false', '--manifest', list]
      await buildah('build', '--quiet', ...how, '--file', dockerfile, root)
    }
    const how = ['--all', '--quiet', '--format', 'oci', '--tls-verify=false']
    await buildah('manifest', 'push', ...how, list, `docker://${reference}`)
  })
}
