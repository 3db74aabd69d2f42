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
