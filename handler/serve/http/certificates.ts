/** The certificate that serve shows, and its key: files that somebody renews while it runs. */
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import { UsageError } from '../../util/errors.js'

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** @throws UsageError which names the file that cannot be read, or that does not fit */
export async function readCertificate({ cert, key }: CertificateFiles): Promise<Certificate> {
  const pair = { cert: await read('--tls-cert', cert), key: await read('--tls-key', key) }
  contextOf(pair, { cert, key })
  return pair
}

/** What a TLS connection is begun with. @throws UsageError */
function contextOf(pair: Certificate, files: CertificateFiles): SecureContext {
  try {
    return createSecureContext(pair)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new UsageError(`--tls-cert ${files.cert} and --tls-key ${files.key}: no certificate with its key (${why})`)
  }
}

async function read(flag: string, file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${flag} ${file}: cannot be read (${error.code ?? error.message})`)
  })
  // TLS would go on without one, and refuse every client.
  if (text.trim() === '') throw new UsageError(`${flag} ${file}: is empty, which should hold PEM`)
  return text
}

/** Files may be replaced one after the other: a pair that does not fit is looked at again. */
const REREAD_MS = 10_000

/** Tells `renewed` of each pair that differs from the last. @returns a function that ends it */
export function watchCertificate(
  files: CertificateFiles,
  first: Certificate,
  renewed: (pair: Certificate) => void,
  warn: (message: string) => void,
  everyMs = REREAD_MS,
): () => void {
  let current = first
  let complaint = ''
  let looking = false // a slow file system must not show an older pair after a newer one
  const timer = setInterval(async () => {
    if (looking) return
    looking = true
    try {
      const pair = await readCertificate(files)
      complaint = ''
      if (pair.cert === current.cert && pair.key === current.key) return
      current = pair
      renewed(pair)
    } catch (error) {
      const { message } = error as Error
      if (message !== complaint) warn(`${message}; the certificate read before is still shown`)
      complaint = message
    } finally {
      looking = false
    }
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
