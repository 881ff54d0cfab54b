// One CommonJS file whose dynamically imported parts stay text until they are needed, for a hook that is started for every step.
//
// Node parses all of a file before it runs its first line. Of the hook's 750 kB one order needs a fifth, so esbuild splits it at
// each `import()` and this puts the parts back together: what is always needed as functions, the rest as strings.
import { basename } from 'node:path'
import { build, transform } from 'esbuild'

/** Runs in the bundle. `always` are functions, `parts` are texts. */
const LOADER = `
const { compileFunction } = require('node:vm')
const made = new Map()
const load = (name) => {
  if (!name.startsWith('./')) return require(name)
  const known = made.get(name)
  if (known !== undefined) return known.exports
  const part = { exports: {} }
  made.set(name, part)
  const body = always[name] ?? compileFunction(parts[name], ['exports', 'require', 'module'], { filename: __filename + name.slice(1) })
  body(part.exports, load, part)
  return part.exports
}`

/** Bundles `entryPoint` with esbuild's `options`; resolves with the file's text, and with esbuild's metafile of its parts. */
export async function lazyBundle(entryPoint, options) {
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: [entryPoint],
    outdir: 'parts',
    bundle: true,
    splitting: true,
    format: 'esm',
    metafile: true,
    write: false
  })
  const textOf = new Map(outputFiles.map(({ path, text }) => [basename(path), text]))
  const imports = new Map()
  /** Packages in CommonJS that are imported by `import()`: of these esbuild makes a default export only, and Node all names. */
  const commonJs = new Set()
  let entry
  for (const [path, output] of Object.entries(metafile.outputs)) {
    const name = basename(path)
    if (output.entryPoint === entryPoint) entry = name
    else if (output.entryPoint?.includes('node_modules/') && output.exports.join() === 'default') commonJs.add(name)
    imports.set(
      name,
      output.imports
        .filter(({ kind, external }) => kind === 'import-statement' && !external)
        .map(({ path }) => basename(path))
    )
  }
  const always = new Set([entry])
  for (const name of always) for (const imported of imports.get(name) ?? []) always.add(imported)

  const [functions, texts] = [[], []]
  for (const [name, text] of textOf) {
    if (!name.endsWith('.js')) continue
    const { code } = await transform(text, {
      format: 'cjs',
      platform: 'node',
      target: options.target,
      minify: options.minify,
      supported: { 'dynamic-import': false }
    })
    const key = JSON.stringify(`./${name}`)
    const named = commonJs.has(name) ? ';module.exports={...module.exports.default,default:module.exports.default}' : ''
    if (always.has(name)) functions.push(`${key}:(function(exports,require,module){${code}})`)
    else texts.push(`${key}:${JSON.stringify(code + named)}`)
  }
  const table = (name, entries) => `const ${name} = {${entries.join(',\n')}}\n`
  const text = `"use strict"\n${table('always', functions)}${table('parts', texts)}${LOADER}\nload(${JSON.stringify(`./${entry}`)})\n`
  return { text, metafile }
}
