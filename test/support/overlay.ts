/** Kustomizations over folders of jobs/, as jobs/README.md tells users to write them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { repository } from './handler.js'

export interface Overlay {
  readonly namespace: string
  /** Folders of the repository. */
  readonly resources: readonly string[]
  readonly components?: readonly string[]
  /** As kustomize wants them. */
  readonly patches?: readonly unknown[]
  readonly images?: readonly unknown[]
  readonly namePrefix?: string
  readonly nameSuffix?: string
}

/** Writes it into a folder, for as long as `use` needs it. */
export async function withOverlay<T>(overlay: Overlay, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'active-passive-overlay-'))
  const fromHere = (path: string): string => relative(folder, join(repository, path))
  const { resources, components = [], ...others } = overlay
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    ...others,
    resources: resources.map(fromHere),
    components: components.map(fromHere),
  }
  try {
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
