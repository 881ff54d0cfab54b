// Bundles the hook and the CLI into one file each, for the runner's own node20 with nothing beside it.
import { mkdir, writeFile } from 'node:fs/promises'
import { build } from 'esbuild'

const root = new URL('..', import.meta.url).pathname

await mkdir(`${root}dist`, { recursive: true })
// The bundles are CommonJS, because the runner starts `node index.js` in a directory without a package.json.
await writeFile(`${root}dist/package.json`, '{"type":"commonjs"}\n')
await build({
  absWorkingDir: root,
  entryPoints: { index: 'src/hooks/main.ts', slipway: 'src/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: true,
  // node-fetch falls back on it only where Node has no URL of its own; compiling its tables costs time at every start.
  alias: { 'whatwg-url': 'node:url' },
  legalComments: 'linked',
  logLevel: 'warning'
})
