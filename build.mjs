// Bundles handler/ and all that it imports into dist/, or into the folder given as an argument. `node handler` and the
// bins run main.cjs, which loads program.cjs; other programs import index.js. meta.json tells what is in the bundles.
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
const { version, engines, repository } = require('./package.json')
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
    // Its server and its streams are for others.
    onResolve({ filter: /^ws$/ }, ({ resolveDir }) => ({
      path: join(dirname(require.resolve('ws', { paths: [resolveDir] })), 'lib', 'websocket.js'),
    }))
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

const node = { platform: 'node', logLevel: 'warning' }
const common = {
  ...node,
  bundle: true,
  target: `node${oldestNode()}`,
  plugins: [trim],
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  define: { VERSION: JSON.stringify(version), DOCS: JSON.stringify(docs()) },
}

const program = await build({
  ...common,
  entryPoints: ['handler/main.ts'],
  outfile: `${folder}/program.cjs`,
  format: 'cjs', // starts faster than ESM
  minify: true,
  define: { ...common.define, 'import.meta.url': 'importMetaUrl' },
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
})

const index = await build({
  ...common,
  entryPoints: ['handler/index.ts'],
  outdir: folder,
  format: 'esm',
  splitting: true, // a program that imports `pass` alone does not load the server
  chunkNames: 'index-[hash]',
  // Bundled CommonJS requires Node's own modules.
  banner: {
    js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
  },
})

// By these names npm installs the program, the plugin of kubectl and its completion. The name of the file tells the
// program how it was called, through a link or through one of Windows' .cmd files.
for (const name of ['main', 'kubectl-active_passive', 'kubectl_complete-active_passive']) {
  const outfile = join(folder, `${name}.cjs`)
  await build({
    ...node,
    entryPoints: ['handler/launcher.cjs'],
    outfile,
    target: 'node8', // also of what minifying makes of it
    minify: true,
    define: { OLDEST_NODE: JSON.stringify(oldestNode()) },
    banner: { js: '#!/usr/bin/env node' },
  })
  chmodSync(outfile, 0o755)
}

const bundles = [program.metafile, index.metafile]
const inputs = Object.assign({}, ...bundles.map(({ inputs }) => inputs))
const outputs = Object.assign({}, ...bundles.map(({ outputs }) => outputs))
writeFileSync(join(folder, 'meta.json'), JSON.stringify({ inputs, outputs }))

/** Where the pages of this version are. */
function docs() {
  return `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/v${version}/docs`
}

/** `20.19`, from package.json. */
function oldestNode() {
  const [, oldest] = /^>=(\d+\.\d+)$/.exec(engines.node) ?? []
  if (oldest === undefined)
    throw new Error(`package.json: engines.node is ${engines.node}, and not of the form >=20.19`)
  return oldest
}
