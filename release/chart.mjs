// Brings the chart in line with what it is made of:
//   npm run chart              files/, Chart.yaml and the repository of the image; then the table in its README
//   node release/chart.mjs     the same without the README, which helm-docs makes
// The manifests, the policies, the rules and the dashboard exist once, in jobs/; the chart has copies, because Helm packs
// nothing that is outside of its folder. The rest is in package.json.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from 'js-yaml'
import { address, manifest, pageOf, repository } from './facts.mjs'

const chart = join(repository, 'jobs', 'chart')
const read = (path) => readFileSync(join(repository, path), 'utf8')

/** The files below jobs/ that the chart has under the same path in files/. */
const COPIES = [
  ...['base', 'cronjob', 'policy', 'serve'].flatMap((folder) =>
    load(read(`jobs/${folder}/kustomization.yaml`))
      .resources.filter((name) => !name.startsWith('..'))
      .map((name) => `${folder}/${name}`),
  ),
  ...['alerts/dashboard.json', 'alerts/rules-serve.yaml', 'alerts/rules.yaml'],
]

/** The paths in the chart of what is made by this script, each with its text. */
export function generated() {
  return new Map([
    ['Chart.yaml', chartYaml(manifest)],
    ['values.yaml', read('jobs/chart/values.yaml').replace(/^( {2}repository: ).*$/m, `$1${image()}`)],
    ...COPIES.map((path) => [`files/${path}`, read(`jobs/${path}`)]),
  ])
}

/** The files that the chart has below files/. */
export function present() {
  return readdirSync(join(chart, 'files'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(chart.length + 1))
    .sort()
}

/** The image that a release publishes, without its tag. */
function image() {
  return `ghcr.io${new URL(address).pathname}`
}

function chartYaml({ name, version, description, license, keywords }) {
  return `# Made from package.json by \`npm run chart\`.
apiVersion: v2
name: ${name}
description: "${description}"
type: application
version: ${version}
appVersion: "${version}"
kubeVersion: ">=1.30.0-0"
home: ${address}
sources:
- ${address}
keywords: ${JSON.stringify(keywords)}
annotations:
  artifacthub.io/category: networking
  artifacthub.io/license: ${license}
  artifacthub.io/images: |
    - name: ${name}
      image: ${image()}:${version}
      platforms: [linux/amd64, linux/arm64]
  artifacthub.io/links: |
    - name: How it works
      url: ${pageOf('README.md#how-it-works')}
    - name: The manifests, and how to choose among them
      url: ${pageOf('jobs/README.md')}
    - name: Security
      url: ${pageOf('SECURITY.md')}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = generated()
  rmSync(join(chart, 'files'), { recursive: true, force: true })
  for (const [path, text] of files) {
    mkdirSync(dirname(join(chart, path)), { recursive: true })
    writeFileSync(join(chart, path), text)
  }
}
