/** Documents for programs. */

/** @param value plain data */
export async function documentOf(value: unknown, output: 'json' | 'yaml'): Promise<string> {
  const text = `${JSON.stringify(value, null, 2)}\n`
  if (output === 'json') return text
  const { toYaml } = await import('../report/yaml.js')
  return toYaml(text)
}
