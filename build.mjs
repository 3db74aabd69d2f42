// Bundles handler/ into dist/, or into the folder given as an argument. `node handler` and the bins run main.cjs; other
// programs import index.js.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
const { version } = require('./package.json')
const [folder = 'dist'] = process.argv.slice(2)

/**
 * Modules that @kubernetes/client-node's kubeconfig code would load at every start, though hardly any pass uses them.
 * `lazy` ones are loaded at their first use. `unsupported` ones cannot be reached, because
 * handler/kube/auth/check-config.ts refuses the users that need them. `absent` ones are never called.
 */
const lazy = { 'socks-proxy-agent': ['SocksProxyAgent'], hpagent: ['HttpProxyAgent', 'HttpsProxyAgent'] }
const unsupported = { azure_auth: 'AzureAuth', gcp_auth: 'GoogleCloudPlatformAuth', oidc_auth: 'OpenIDConnectAuth' }
const absent = {
  // Only applyToFetchOptions uses `Headers`; only makeApiClient uses the generated API index (900 modules).
  'node-fetch': 'export const Headers = undefined\nexport default undefined',
  'gen/index.js': 'export const createConfiguration = undefined, ServerConfiguration = undefined',
}

const trim = {
  name: 'trim-client-node',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(socks-proxy-agent|hpagent|node-fetch)$/ }, ({ path, pluginData, resolveDir }) =>
      pluginData === 'real' ? undefined : { path, namespace: 'trim', pluginData: resolveDir },
    )
    onLoad({ filter: /.*/, namespace: 'trim' }, ({ path, pluginData: resolveDir }) => {
      const classes = lazy[path]?.map(
        (name) =>
          `export class ${name} { constructor(...args) { return new (require('real:${path}').${name})(...args) } }`,
      )
      return { contents: classes?.join('\n') ?? absent[path], resolveDir }
    })
    onResolve({ filter: /^real:/ }, ({ path, resolveDir }) => ({
      path: require.resolve(path.slice(5), { paths: [resolveDir] }),
    }))
    onLoad({ filter: /client-node\/dist\/(azure|gcp|oidc)_auth\.js$/ }, ({ path }) => ({
      contents: `export class ${unsupported[path.match(/(\w+)\.js$/)[1]]} { isAuthProvider() { return false } }`,
    }))
    onLoad({ filter: /client-node\/dist\/gen\/index\.js$/ }, () => ({ contents: absent['gen/index.js'] }))
  },
}

// Remove the chunks of an earlier index.js: their names contain a hash of their contents, so they are not overwritten.
for (const file of existsSync(folder) ? readdirSync(folder) : []) {
  if (file.startsWith('index-')) rmSync(join(folder, file))
}

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  sourcemap: true,
  sourcesContent: false,
  define: { VERSION: JSON.stringify(version) },
  logLevel: 'warning',
}

await build({
  ...common,
  entryPoints: ['handler/main.ts'],
  outfile: `${folder}/main.cjs`,
  format: 'cjs', // starts faster than ESM
  minify: true,
  plugins: [trim],
  define: { ...common.define, 'import.meta.url': 'importMetaUrl' },
  banner: { js: "#!/usr/bin/env node\nconst importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
})

// By these names npm installs the plugin of kubectl and its completion: each is one more file, whose name tells main.cjs
// how it was called, through a link or through one of Windows' .cmd files.
for (const name of ['kubectl-active_passive', 'kubectl_complete-active_passive']) {
  writeFileSync(join(folder, `${name}.cjs`), "#!/usr/bin/env node\nrequire('./main.cjs')\n", { mode: 0o755 })
}

await build({
  ...common,
  entryPoints: ['handler/index.ts'],
  outdir: folder,
  format: 'esm',
  packages: 'external',
  splitting: true, // a program that imports `pass` alone does not load the server
  chunkNames: 'index-[hash]',
})
