// Bundles the hook and the CLI into one file each, for the runner's own node20, which needs nothing beside it; the licences stand there.
import { mkdir, writeFile } from 'node:fs/promises'
import { build } from 'esbuild'
import { lazyBundle } from './lazy-bundle.mjs'
import { bundledFiles, licencesOf } from './licences.mjs'

const root = new URL('..', import.meta.url).pathname

// Of the Kubernetes client only the kubeconfig is used; its index would bring 900 kB of API classes to compile at every start.
const kubeconfigOnly = {
  name: 'kubeconfig-only',
  setup(bundle) {
    const client = `${root}node_modules/@kubernetes/client-node/dist`
    bundle.onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({ path: `${client}/config.js` }))
    bundle.onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ importer }) =>
      importer === `${client}/config.js` ? { path: 'gen', namespace: 'kubeconfig-only' } : undefined
    )
    bundle.onLoad({ filter: /.*/, namespace: 'kubeconfig-only' }, () => ({
      contents: `export { createConfiguration } from './gen/configuration.js'
                 export { ServerConfiguration } from './gen/servers.js'`,
      resolveDir: client
    }))
  }
}

/** Script and style of the visualizer's page, which the CLI carries as text. */
async function bundlePage() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    metafile: true,
    entryPoints: ['src/visualizer/client/main.ts', 'src/visualizer/client/style.css'],
    outdir: 'dist',
    bundle: true,
    minify: true,
    charset: 'utf8',
    target: 'es2022',
    format: 'iife',
    write: false
  })
  const assets = outputFiles.map(({ path, text }) => [path.endsWith('.css') ? 'style' : 'script', text])
  return { assets: Object.fromEntries(assets), metafile }
}

await mkdir(`${root}dist`, { recursive: true })
// The bundles are CommonJS, because the runner starts `node index.js` in a directory without a package.json.
await writeFile(`${root}dist/package.json`, '{"type":"commonjs"}\n')
const options = {
  absWorkingDir: root,
  platform: 'node',
  target: 'node20',
  minify: true,
  // node-fetch falls back on it only where Node has no URL of its own; compiling its tables costs time at every start.
  alias: {
    'whatwg-url': 'node:url',
    'ip-address': `${root}scripts/plain-address.cjs`,
    debug: `${root}scripts/no-debug.cjs`,
    'js-yaml': `${root}scripts/one-yaml.cjs`,
    'jsonpath-plus': `${root}scripts/one-path.cjs`,
    'tar-stream': `${root}scripts/tar-reader.cjs`
  },
  plugins: [kubeconfigOnly],
  // Whole licences stand in a file of their own.
  legalComments: 'none',
  logLevel: 'warning'
}
const write = async (name, ...metafiles) =>
  await writeFile(`${root}dist/${name}.LICENSES.txt`, await licencesOf(name, bundledFiles(...metafiles), root))

const hook = await lazyBundle('src/hooks/main.ts', options)
await writeFile(`${root}dist/index.js`, hook.text)
await write('index.js', hook.metafile)

const page = await bundlePage()
const cli = await build({
  ...options,
  entryPoints: { slipway: 'src/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  format: 'cjs',
  metafile: true,
  define: { PAGE_ASSETS: JSON.stringify(page.assets) }
})
await write('slipway.js', cli.metafile, page.metafile)
