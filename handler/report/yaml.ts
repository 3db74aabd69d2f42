/** YAML of what is JSON elsewhere. Load it where it is needed: most passes print none. */
import { dump } from 'js-yaml'

/** @param json one JSON document, as the report's `toJson` makes it */
export function toYaml(json: string): string {
  return dump(JSON.parse(json), { lineWidth: -1, noRefs: true })
}
