// `npm run cluster:pin -- 1.33.13`: pins an older release of Kubernetes for the tests, as binaries/1.33/go.mod and go.sum.
// After a release has pinned the modules that it is made of, building it depends on nothing else.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { go } from '../go-programs.js'
import { goVersion, pinsFolder } from './binaries.js'

/** The same programs for each release. */
const [tools = ''] = /^tool \([^)]*\)\n/m.exec(await readFile(join(pinsFolder, 'go.mod'), 'utf8')) ?? []

try {
  await pin(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}

async function pin([version = '', ...more]: readonly string[]): Promise<void> {
  const [, name = ''] = /^(\d+\.\d+)\.\d+$/.exec(version) ?? []
  if (name === '' || more.length > 0) {
    throw new Error(
      `${[version, ...more].join(' ')}: one version, please, such as 1.33.13.\nnpm run cluster:pin -- VERSION`,
    )
  }
  const folder = join(pinsFolder, name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'go.mod'), await goModOf(version))
  // What may be written here, and is read only from then on.
  const { code, output } = await go(folder, ['mod', 'tidy'], { env: { GOFLAGS: '-mod=mod', GOWORK: 'off' } })
  if (code !== 0) throw new Error(`go mod tidy failed for Kubernetes ${version}:\n${output.slice(-20).join('\n')}`)
  process.stdout.write(`Kubernetes ${version} is pinned: ${folder}\n`)
}

/** Its staging modules, which it replaces by folders of its own, are those of the same release. */
async function goModOf(version: string): Promise<string> {
  const { code, output } = await go(pinsFolder, ['mod', 'download', '-json', `k8s.io/kubernetes@v${version}`])
  if (code !== 0) throw new Error(`Kubernetes ${version} is not to be had:\n${output.slice(-20).join('\n')}`)
  const { GoMod } = JSON.parse(output.join('\n')) as { readonly GoMod: string }
  const text = await readFile(GoMod, 'utf8')
  const staging = [...text.matchAll(/^\t?(?:replace )?(k8s\.io\/\S+) => \.\/staging/gm)].map(([, module]) => module)
  const [, language] = /^go (\d+\.\d+)/m.exec(text) ?? []
  const [, minor] = /^1(\.\d+\.\d+)$/.exec(version) ?? []
  return `// Kubernetes ${version}, for tests on older releases: \`npm run cluster:pin -- ${version}\` has written this.
module active-passive/test/cluster/binaries/${version.replace(/\.\d+$/, '')}

go ${goVersion}

// Its programs behave as if they were built with their own Go.
godebug default=go${language}

${tools}
require k8s.io/kubernetes v${version}

replace (
${staging.map((module) => `\t${module} => ${module} v0${minor}`).join('\n')}
)
`
}
