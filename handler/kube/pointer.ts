/** Where labels and annotations are, as a JSON Patch says it: JSON Pointer, RFC 6901. */

export function labelPath(key: string): string {
  return `/metadata/labels/${escaped(key)}`
}

export function annotationPath(key: string): string {
  return `/metadata/annotations/${escaped(key)}`
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
