/** The forms that a health check can be written in. */

export type Check =
  | { readonly kind: 'probe' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'http'; readonly scheme: 'http' | 'https'; readonly port: PortRef; readonly path: string }
  | { readonly kind: 'tcp'; readonly port: PortRef }

/** A number, or the name of a container port. */
export type PortRef = number | string

/** Of path and query together. */
const MAX_PATH_LENGTH = 2_048

export const CHECK_FORMS = `probe, ready, http://:PORT/PATH, https://:PORT/PATH or tcp://:PORT (no host: the check goes to the pod; PORT may be the name of a container port; PATH has at most ${MAX_PATH_LENGTH} characters)`

/** Reads a check as users write it; `undefined` when it has none of the forms. */
export function parseCheck(text: string): Check | undefined {
  if (text === 'probe' || text === 'ready') return { kind: text }
  const match = /^(http|https|tcp):\/\/:([^/?#\s]+)([/?][^#\s]*)?$/.exec(text)
  const [, scheme, portText = '', rest = ''] = match ?? []
  const port = parsePort(portText)
  if (port === undefined || rest.length > MAX_PATH_LENGTH) return undefined
  if (scheme === 'tcp') return rest === '' ? { kind: 'tcp', port } : undefined
  if (scheme !== 'http' && scheme !== 'https') return undefined
  return { kind: 'http', scheme, port, path: rest.startsWith('/') ? rest : `/${rest}` }
}

function parsePort(text: string): PortRef | undefined {
  if (/^\d+$/.test(text)) {
    const port = Number(text)
    return port >= 1 && port <= 65_535 ? port : undefined
  }
  return /^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/.test(text) ? text : undefined
}
