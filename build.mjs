// Bundles handler/ into dist/, or into the folder that is named: main.cjs is what `node handler` and the bins run,
// index.js what a program imports.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
const { version } = require('./package.json')
const [folder = 'dist'] = process.argv.slice(2)

/**
 * Parts of @kubernetes/client-node's kubeconfig code that hardly any pass uses but every start would pay for. `lazy`
 * ones load at their first use; those that are `unsupported` are refused in handler/kube/auth/check-config.ts before they
 * could be used; `absent` ones are never reached.
 */
const lazy = { 'socks-proxy-agent': ['SocksProxyAgent'], hpagent: ['HttpProxyAgent', 'HttpsProxyAgent'] }
const unsupported = { azure_auth: 'AzureAuth', gcp_auth: 'GoogleCloudPlatformAuth', oidc_auth: 'OpenIDConnectAuth' }
const absent = {
  // `Headers` serves applyToFetchOptions only; the generated API index (900 modules) only makeApiClient.
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

// Parts of an earlier index.js: their names tell their contents.
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

await build({
  ...common,
  entryPoints: ['handler/index.ts'],
  outdir: folder,
  format: 'esm',
  packages: 'external',
  splitting: true, // who imports `pass` alone does not load what serves requests
  chunkNames: 'index-[hash]',
})
