/** JSON Pointers (RFC 6901) to labels and annotations, for JSON Patch. */

/** The pointer to a label. */
export function labelPath(key: string): string {
  return `/metadata/labels/${escaped(key)}`
}

/** The pointer to an annotation. */
export function annotationPath(key: string): string {
  return `/metadata/annotations/${escaped(key)}`
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** The map of the metadata that a pointer leads to, and the key in it; `key` is absent for the whole map. */
export function fieldOf(path: string): { readonly map: string | undefined; readonly key: string | undefined } {
  const [, , map, key] = path.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return { map, key }
}
