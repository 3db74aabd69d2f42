// What a registry of images and charts has already: a step that publishes asks before it does. Buildah and helm would
// replace a tag without a word.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { request } from './request.mjs'

const KINDS = [
  ...['index', 'manifest'].map((kind) => `application/vnd.oci.image.${kind}.v1+json`),
  ...['manifest.list', 'manifest'].map((kind) => `application/vnd.docker.distribution.${kind}.v2+json`),
]
/** The codes by which a registry says that it does not have something. */
const UNKNOWN = ['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'NOT_FOUND']

/**
 * The manifest or index that a registry has, with its digest; undefined when it has none.
 * @param name REGISTRY/NAME
 * @param reference a tag or a digest
 * @throws Error when the registry does not say whether it has it
 */
export async function published(name, reference, { isPlain = false, seconds } = {}) {
  const [, host, path] = /^([^/]+)\/(.+)$/.exec(name)
  const url = `${isPlain ? 'http' : 'https'}://${host}/v2/${path}/manifests/${reference}`
  const ask = (headers) => request(url, { headers: { accept: KINDS.join(', '), ...headers }, seconds })
  let answer = await ask({})
  if (answer.status === 401) answer = await ask(await authorization(host, answer.headers, seconds))
  if (answer.status === 404 && isUnknown(answer.body)) return undefined
  if (answer.status === 401 || answer.status === 403) {
    throw new Error(`${url}: status ${answer.status}: log in by \`docker login ${host}\`, as somebody who may read it`)
  }
  if (answer.status !== 200) throw new Error(`${url}: status ${answer.status}`)
  const digest = `sha256:${createHash('sha256').update(answer.body).digest('hex')}`
  return { digest, manifest: JSON.parse(answer.body.toString()) }
}

/** A 404 of something else, such as a proxy, does not say that the tag is free. */
function isUnknown(body) {
  try {
    return JSON.parse(body.toString()).errors.some(({ code }) => UNKNOWN.includes(code))
  } catch {
    return false
  }
}

/** The headers for a registry that asks who it is: by the login itself, or by a token that the login is good for. */
async function authorization(host, headers, seconds) {
  const login = noted(host)
  const basic = login && { authorization: `Basic ${login}` }
  const challenge = headers.get('www-authenticate') ?? ''
  if (!/^bearer /i.test(challenge)) return basic ?? {}
  const { realm, ...query } = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, k, v]) => [k, v]))
  const url = `${realm}?${new URLSearchParams(query)}`
  const { status, body } = await request(url, { headers: basic ?? {}, seconds })
  if (status !== 200) throw new Error(`${url}: status ${status}: log in by \`docker login ${host}\``)
  const { token, access_token = token } = JSON.parse(body.toString())
  return { authorization: `Bearer ${access_token}` }
}

/** What `docker login` has noted for a registry; undefined when it has nothing, or has given it to a credential helper. */
function noted(host) {
  const file = join(process.env.DOCKER_CONFIG ?? join(homedir(), '.docker'), 'config.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).auths?.[host]?.auth : undefined
}
