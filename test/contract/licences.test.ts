/** Goal: the licence of all code in a bundle stands beside it. Method: what packages say in the bundle itself, and their licence files. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { installedPackages, sentencesOf, speakersIn } from '../support/bundled-code.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
/** All that a ConfigMap can hold. */
const CONFIG_MAP_BYTES_MAX = 1024 * 1024
/** `name 1.2.3 (MIT)`, or `name (MIT), as a part of other 1.2.3`. */
const HEAD = /^((?:@[\w.-]+\/)?[\w.-]+)(?: (\d\S*))? \(([\w. -]+)\)(?:, as a part of \S+ \S+)?$/gm

const installed = installedPackages(root)
const sentences = sentencesOf(installed, join(root, 'src'))
const unlisted = (bundle: string, licences: string) => {
  const listed = new Set([...licences.matchAll(HEAD)].map(([, name]) => name))
  return speakersIn(bundle, sentences).filter((name) => !listed.has(name))
}

describe.each(['index.js', 'slipway.js'])('the licences beside dist/%s', (name) => {
  const bundle = read(`dist/${name}`)
  const licences = read(`dist/${name}.LICENSES.txt`)
  const heads = [...licences.matchAll(HEAD)]

  it('name every package whose code is in it', () => {
    expect(unlisted(bundle, licences)).toEqual([])
    // The comparison says something of most of them.
    expect(speakersIn(bundle, sentences).length).toBeGreaterThan(heads.length / 2)
    for (const left of ['ws', 'xstate', 'tar-stream']) {
      expect(unlisted(bundle, licences.replace(new RegExp(`^${left}( |$)`, 'm'), 'another '))).toContain(left)
    }
  })

  it('name nothing that is not installed, with its version and licence', () => {
    expect(heads.length).toBeGreaterThan(20)
    for (const [, name = '', version, licence] of heads) {
      const found = installed.filter((one) => one.name === name && (version === undefined || one.version === version))
      expect(found.length, name).toBeGreaterThan(0)
      const { license } = JSON.parse(readFileSync(join(found[0]?.directory ?? '', 'package.json'), 'utf8'))
      expect(licence, name).toBe(license)
    }
  })

  it('are whole, notices included', () => {
    const directories = heads.map(([, name]) => installed.find((one) => one.name === name)?.directory ?? '')
    for (const directory of [root, ...directories]) {
      const files = readdirSync(directory).filter((file) => /licen[cs]e|notice|copying/i.test(file))
      expect(files.length, directory).toBeGreaterThan(0)
      for (const file of files) {
        const text = readFileSync(join(directory, file), 'utf8').replaceAll('\r\n', '\n').trim()
        expect(licences.includes(text), join(directory, file)).toBe(true)
      }
    }
  })
})

it('say where the source of what is under EPL is to be had', () => {
  const text = read('dist/slipway.js.LICENSES.txt')
  expect(text).toMatch(/^elkjs .*\nIt is taken here under EPL-2\.0.*source code is available under that licence/m)
  expect(text).toContain('https://github.com/kieler/elkjs')
  expect(read('dist/index.js.LICENSES.txt')).not.toContain('elkjs')
})

it('fit into one ConfigMap with the hook', () => {
  const bytes = ['index.js', 'index.js.LICENSES.txt'].map((name) => Buffer.byteLength(read(`dist/${name}`)))
  expect(bytes.reduce((sum, each) => sum + each)).toBeLessThan(CONFIG_MAP_BYTES_MAX)
})

describe('beside a bundle', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slipway-licences-'))
  })
  afterEach(async () => await rm(directory, { recursive: true }))

  it.each([
    ['index.js', [], /^::error::The input is empty/],
    ['slipway.js', ['--help'], /^slipway/]
  ])('%s needs nothing', async (name, args, expected) => {
    await copyFile(join(root, 'dist', name), join(directory, name))
    const { stdout, stderr } = spawnSync(process.execPath, [name, ...args], {
      cwd: directory,
      input: '',
      encoding: 'utf8'
    })
    expect([stdout, stderr]).toEqual([expect.stringMatching(expected), ''])
  })

  const MIT = { version: '1.0.0', license: 'MIT' }
  const build = async (manifest: object, files: Readonly<Record<string, string>>) => {
    const { licencesOf } = await import(new URL('../../scripts/licences.mjs', import.meta.url).href)
    const project = { 'package.json': JSON.stringify({ name: 'own', ...MIT }), LICENSE: 'own text' }
    const added = { 'package.json': JSON.stringify({ name: '@a/b', ...manifest }), ...files }
    const below = join(directory, 'node_modules/@a/b')
    await mkdir(below, { recursive: true })
    for (const [file, text] of Object.entries(project)) await writeFile(join(directory, file), text)
    for (const [file, text] of Object.entries(added)) await writeFile(join(below, file), text)
    return (await licencesOf('x.js', ['src/a.ts', 'node_modules/@a/b/dist/c.js'], directory)) as string
  }

  it('stands the text of every kind of file that a licence asks for', async () => {
    const files = {
      'LICENSE-MIT.txt': 'the licence',
      NOTICE: 'the notice',
      'license-checker.js': 'no licence',
      'README.md': 'no'
    }
    const text = await build(MIT, files)
    expect(text).toMatch(
      /^x\.js is own 1\.0\.0 \(MIT\)\..*\n\nown text\n\n-{80}\n\n@a\/b 1\.0\.0 \(MIT\)\n\nthe licence\n\n/
    )
    expect(text).toContain('the notice')
  })

  it.each([
    ['has no licence file', MIT, { NOTICE: 'x' }, /^@a\/b 1\.0\.0 has no licence file/],
    [
      'has an unknown licence',
      { ...MIT, license: 'AGPL-3.0' },
      { LICENSE: 'x' },
      /has the licence "AGPL-3\.0": say in/
    ],
    ['names no licence', { version: '1.0.0' }, { LICENSE: 'x' }, /has the licence undefined: say in/]
  ])('stands nothing when a package %s: the build fails', async (_title, manifest, files, message) => {
    await expect(build(manifest, files)).rejects.toThrow(message)
  })
})
