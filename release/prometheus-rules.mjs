// Makes the PrometheusRules of jobs/components/prometheus-operator of the rules in jobs/alerts:
//   npm run rules [-- FOLDER]
// kustomize cannot put a file into a field, and rules that stood twice would come to differ.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const jobs = fileURLToPath(new URL('../jobs/', import.meta.url))
const [folder = join(jobs, 'components/prometheus-operator/objects')] = process.argv.slice(2)

for (const [file, name] of [
  ['rules.yaml', 'active-passive'],
  ['rules-serve.yaml', 'active-passive-serve'],
]) {
  const rules = readFileSync(join(jobs, 'alerts', file), 'utf8')
  const head = `# By \`npm run rules\` from jobs/alerts/${file}: change that file, not this one.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: ${name}
spec:
`
  writeFileSync(join(folder, file), head + rules.replace(/^(?=.)/gm, '  '))
}
