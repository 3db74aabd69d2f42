/** The certificate of serve and its key: files that may be renewed while it runs. */
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import { UsageError } from '../../util/errors.js'
import { whyUnreadable } from '../../util/unreadable.js'

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** @throws UsageError which names the file that cannot be read, or the pair that does not fit */
export async function readCertificate({ cert, key }: CertificateFiles): Promise<Certificate> {
  const pair = { cert: await read('--tls-cert', cert), key: await read('--tls-key', key) }
  contextOf(pair, { cert, key })
  return pair
}

/** Makes the context in which TLS connections begin. @throws UsageError */
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
    throw new UsageError(`${flag} ${file}: cannot be read: ${whyUnreadable(error)}`)
  })
  // With an empty file, TLS would start without a certificate, and refuse every client.
  if (text.trim() === '') throw new UsageError(`${flag} ${file}: is empty, which should hold PEM`)
  return text
}

/** The files may be replaced one after the other, so a pair that does not fit is read again after this time. */
const REREAD_MS = 10_000

/** Calls `renewed` with each pair that differs from the last one. @returns a function that ends the watch */
export function watchCertificate(
  files: CertificateFiles,
  first: Certificate,
  renewed: (pair: Certificate) => void,
  warn: (message: string) => void,
  everyMs = REREAD_MS,
): () => void {
  let current = first
  let complaint = ''
  let reading = false // where the file system is slow, an older pair must not follow a newer one
  const timer = setInterval(async () => {
    if (reading) return
    reading = true
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
      reading = false
    }
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
