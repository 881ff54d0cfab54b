// Records test/page/traces anew, on the local engine of this computer: node scripts/record-traces.mjs
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { root } from './prepare.mjs'

const temporary = await mkdtemp(join(root, 'node_modules/.slipway-record-'))
try {
  const outfile = join(temporary, 'record-traces.mjs')
  await build({
    absWorkingDir: root,
    entryPoints: ['test/page/record-traces.ts'],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning'
  })
  const traces = join(root, 'test/page/traces')
  await mkdir(traces, { recursive: true })
  const { recordTraces } = await import(pathToFileURL(outfile).href)
  await recordTraces(traces)
} finally {
  await rm(temporary, { recursive: true, force: true })
}
