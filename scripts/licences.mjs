// The licences of everything that esbuild put into a bundle, as one text to stand beside it.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What these packages' own files contain of others, which esbuild cannot see. */
const INLINED = { 'jsonpath-plus': ['jsep', '@jsep-plugin/assignment', '@jsep-plugin/regex'] }

/** Licences that ask for no more than their text, by the names in package.json. */
const TEXT_IS_ENOUGH = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']
/** What else has to be said, by the name of the package. */
const SAID = {
  elkjs: ({ version }) => `
It is taken here under EPL-2.0, in minified form. Its source code is available under that licence: that of version ${version} at
https://github.com/kieler/elkjs, and that of the Eclipse Layout Kernel, out of which it is made, at https://github.com/eclipse/elk.`
}

const FILE = /^(licen[cs]e|notice|copying|copyright)([-._]|$)/i
const LICENCE_FILE = /^(licen[cs]e|copying)/i
const DIRECTORY = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/
const RULE = `\n${'-'.repeat(80)}\n\n`

/** Paths of the files of which something is in the outputs of some of esbuild's metafiles. */
export const bundledFiles = (...metafiles) =>
  metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
    )
  )

/**
 * The text for a bundle that was made of `files`, relative to `root`. Rejects when a package has no licence file, or a licence
 * of which nobody has said yet what it asks for.
 */
export async function licencesOf(bundle, files, root) {
  const own = await readPackage(root)
  const directories = [...new Set(files.flatMap((path) => DIRECTORY.exec(path)?.[0] ?? []))]
  const packages = await Promise.all(directories.flatMap((directory) => readWithInlined(join(root, directory))))
  // Each once: a package may be found by two paths. Then by their texts, of which many are the same.
  const byHead = new Map(packages.flat().map((one) => [one.head, one]))
  const byText = new Map()
  for (const [head, { text }] of [...byHead].sort(([a], [b]) => (a < b ? -1 : 1))) {
    byText.set(text, [...(byText.get(text) ?? []), head])
  }
  const sections = [...byText].map(([text, heads]) => [...heads, '', text].join('\n'))
  return [`${bundle} is ${own.head}. It contains code of the packages below.\n\n${own.text}`, ...sections].join(RULE)
}

async function readWithInlined(directory) {
  const one = await readPackage(directory)
  const inlined = (INLINED[one.name] ?? []).map(async (name) => {
    const { license, text } = await readPackage(join(directory.slice(0, -one.name.length), name))
    // Which version that is, nobody says.
    return { head: `${name} (${license}), as a part of ${one.name} ${one.version}`, text }
  })
  return [one, ...(await Promise.all(inlined))]
}

async function readPackage(directory) {
  const { name, version, license } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'))
  const title = `${name} ${version}`
  const said = SAID[name]?.({ version }) ?? ''
  if (!TEXT_IS_ENOUGH.includes(license) && said === '') {
    throw new Error(`${title} has the licence ${JSON.stringify(license)}: say in scripts/licences.mjs what it asks for`)
  }
  const files = (await readdir(directory)).filter((file) => FILE.test(file)).sort()
  if (!files.some((file) => LICENCE_FILE.test(file))) {
    throw new Error(`${title} has no licence file, and its text must stand beside the bundle: use another package`)
  }
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')))
  const text = texts.map((one) => one.replace(/\r\n/g, '\n').trim()).join('\n\n')
  return { name, version, license, head: `${title} (${license})${said}`, text: `${text}\n` }
}
