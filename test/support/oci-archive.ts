/** Looks into an OCI archive, as `buildah push oci-archive:…` writes it. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Image {
  readonly config: {
    readonly User?: string
    readonly Entrypoint?: readonly string[]
    readonly Env?: readonly string[]
    readonly Labels?: Readonly<Record<string, string>>
  }
  /** From the base's first to the image's last. */
  readonly layers: readonly Layer[]
}

export interface Layer {
  /** The digest of its content. */
  readonly id: string
  /** As it is transferred: compressed. */
  readonly bytes: number
  /** The paths of its files, without folders. */
  files(): Promise<readonly string[]>
  /** One of them. */
  read(path: string): Promise<Buffer>
}

/** @param archive path of the archive of one image */
export async function openImage(archive: string): Promise<Image> {
  const blob = async (digest: string): Promise<Buffer> => {
    const path = `blobs/${digest.replace(':', '/')}`
    return (await run('tar', ['xOf', archive, path], { encoding: 'buffer', maxBuffer: 1 << 30 })).stdout
  }
  const json = async (digest: string) => JSON.parse((await blob(digest)).toString())
  const { manifests } = JSON.parse((await run('tar', ['xOf', archive, 'index.json'])).stdout)
  const manifest = await json(manifests[0].digest)
  const { config, rootfs } = await json(manifest.config.digest)
  return {
    config,
    layers: manifest.layers.map(({ digest, size }: { digest: string; size: number }, n: number) => ({
      id: rootfs.diff_ids[n],
      bytes: size,
      files: async () => {
        const list = (await tar(['tz'], await blob(digest))).toString()
        return list.split('\n').filter((path) => path !== '' && !path.endsWith('/'))
      },
      read: async (path: string) => tar(['xzO', path], await blob(digest)),
    })),
  }
}

async function tar(args: readonly string[], input: Buffer): Promise<Buffer> {
  const running = run('tar', args, { encoding: 'buffer', maxBuffer: 1 << 30 })
  running.child.stdin?.end(input)
  return (await running).stdout
}
