// Writes kubeconfigs of test clusters: one context, everything embedded, so that the file can be copied anywhere.
import { writeFile } from 'node:fs/promises'

/** The name of the context, and of the cluster, in every kubeconfig that we write. */
export const contextName = 'active-passive-test'

/** A user, with a token or the PEM of a client certificate. */
export type Credentials =
  | { readonly token: string }
  | { readonly certificate: string | Buffer; readonly key: string | Buffer }

export interface KubeconfigOptions {
  readonly server: string
  /** PEM; absent: what the system trusts. */
  readonly ca?: string | Buffer | undefined
  readonly user: string
  readonly namespace?: string
  readonly credentials: Credentials
}

/** Writes `file`, readable by its owner only. The content is JSON, which is YAML. */
export async function writeKubeconfig(file: string, options: KubeconfigOptions): Promise<void> {
  const { server, ca, user, namespace, credentials } = options
  const cluster = { server, ...(ca !== undefined && { 'certificate-authority-data': base64(ca) }) }
  const identity =
    'token' in credentials
      ? { token: credentials.token }
      : { 'client-certificate-data': base64(credentials.certificate), 'client-key-data': base64(credentials.key) }
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: contextName, cluster }],
    users: [{ name: user, user: identity }],
    contexts: [{ name: contextName, context: { cluster: contextName, user, ...(namespace && { namespace }) } }],
    'current-context': contextName,
  }
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
}

function base64(pem: string | Buffer): string {
  return Buffer.from(pem).toString('base64')
}
