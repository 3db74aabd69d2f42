// The keys and certificates of a throw-away cluster. Node makes keys but signs no certificates; openssl does.
import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const days = '30'

/** Paths of a certificate and its key, both PEM. */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

/** Whom a certificate names. Kubernetes reads `commonName` as the user, `organization` as the group. */
export interface Subject {
  readonly commonName: string
  readonly organization?: string
  /** Names and addresses it serves under, as openssl writes them: `DNS:localhost`, `IP:127.0.0.1`. */
  readonly alternativeNames?: readonly string[]
}

export interface Authority {
  readonly caFile: string
  /** Makes `name.crt` and `name.key`. @throws Error when openssl does. */
  issue(name: string, subject: Subject): Promise<Certificate>
}

/** Makes a certificate authority whose files lie in `folder`. @throws Error when openssl is missing or fails. */
export async function createAuthority(folder: string): Promise<Authority> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // A configuration of our own: what the system's says differs from one distribution to the next.
  const config = join(folder, 'openssl.cnf')
  await writeFile(config, '[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = unused\n')
  const caFile = join(folder, 'ca.crt')
  const caKey = await writeKey(folder, 'ca')
  const request = join(folder, 'ca.csr')
  const extensions = join(folder, 'ca.ext')
  await writeFile(extensions, 'basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n')
  await openssl('req', '-new', '-config', config, '-key', caKey, '-subj', '/CN=active-passive-test', '-out', request)
  await openssl(
    ...['x509', '-req', '-in', request, '-signkey', caKey, '-days', days, '-extfile', extensions, '-out', caFile],
  )

  async function issue(name: string, subject: Subject): Promise<Certificate> {
    const keyFile = await writeKey(folder, name)
    const certFile = join(folder, `${name}.crt`)
    const request = join(folder, `${name}.csr`)
    const extensions = join(folder, `${name}.ext`)
    const names = subject.alternativeNames ?? []
    await writeFile(
      extensions,
      `basicConstraints = CA:FALSE\nkeyUsage = digitalSignature\nextendedKeyUsage = serverAuth, clientAuth\n${
        names.length > 0 ? `subjectAltName = ${names.join(', ')}\n` : ''
      }`,
    )
    const organization = subject.organization === undefined ? '' : `/O=${subject.organization}`
    const subj = `${organization}/CN=${subject.commonName}`
    await openssl('req', '-new', '-config', config, '-key', keyFile, '-subj', subj, '-out', request)
    // -set_serial: a serial number file would be shared by certificates that are made at the same time.
    const serial = `0x${randomUUID().replaceAll('-', '').slice(0, 16)}`
    await openssl(
      ...['x509', '-req', '-in', request, '-CA', caFile, '-CAkey', caKey, '-set_serial', serial],
      ...['-days', days, '-extfile', extensions, '-out', certFile],
    )
    return { certFile, keyFile }
  }
  return { caFile, issue }
}

/** The key pair that signs ServiceAccount tokens: paths of both keys, PEM. */
export async function createSigningKeys(folder: string): Promise<{ readonly key: string; readonly publicKey: string }> {
  const { privateKey, publicKey } = keyPair()
  const key = join(folder, 'service-account.key')
  const pub = join(folder, 'service-account.pub')
  await Promise.all([writeFile(key, privateKey, { mode: 0o600 }), writeFile(pub, publicKey)])
  return { key, publicKey: pub }
}

async function writeKey(folder: string, name: string): Promise<string> {
  const file = join(folder, `${name}.key`)
  await writeFile(file, keyPair().privateKey, { mode: 0o600 })
  return file
}

function keyPair(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
}

async function openssl(...args: readonly string[]): Promise<void> {
  try {
    await run('openssl', args)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error(
        'openssl is needed to make the certificates of the test cluster and is not on the PATH: install it',
      )
    }
    throw error
  }
}
