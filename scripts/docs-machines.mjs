// npm run docs:machines: writes docs/machines from the machines' code and the model suite; `-- --verify` only says what is stale.
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { prepare, root } from './prepare.mjs'

const DIRECTORY = 'docs/machines'
/** Not kept: the page carries it. */
const COVERAGE = join(root, 'coverage', 'machines.json')

/** What `slipway diagram` prints. */
function diagram(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/slipway.js', 'diagram', ...args], {
    cwd: root,
    encoding: 'utf8'
  })
  if (status !== 0) throw new Error(`slipway diagram ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** Walks the model suite's paths, which are TypeScript, and writes down what they take. */
async function measureCoverage(temporary) {
  const { build } = await import('esbuild')
  const outfile = join(temporary, 'coverage.mjs')
  await build({
    absWorkingDir: root,
    entryPoints: ['test/support/coverage-report.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'warning'
  })
  const { measureModelCoverage } = await import(pathToFileURL(outfile).href)
  return await measureModelCoverage()
}

/** All files of docs/machines, as they should be. */
async function generate(temporary) {
  const machines = diagram('--json')
  const page = join(temporary, 'index.html')
  await mkdir(join(root, 'coverage'), { recursive: true })
  await writeFile(COVERAGE, `${JSON.stringify(await measureCoverage(temporary), undefined, 1)}\n`)
  diagram('--html', page, '--coverage', COVERAGE, '--source', '../..')
  const documents = JSON.parse(machines).machines.map(({ id }) => [`${id}.md`, diagram('--machine', id, '--markdown')])
  return new Map([...documents, ['machines.json', machines], ['index.html', await readFile(page, 'utf8')]])
}

const readOr = (path, otherwise) => readFile(path, 'utf8').catch(() => otherwise)

/** Names of files that are not as they should be, or should not be there. */
async function staleFiles(files) {
  const directory = join(root, DIRECTORY)
  const extra = (await readdir(directory).catch(() => [])).filter((name) => !files.has(name))
  const wrong = []
  for (const [name, text] of files) if ((await readOr(join(directory, name))) !== text) wrong.push(name)
  return [...wrong, ...extra]
}

const { values } = parseArgs({ options: { verify: { type: 'boolean', default: false } } })
prepare()
const temporary = await mkdtemp(join(tmpdir(), 'slipway-docs-'))
try {
  const files = await generate(temporary)
  const stale = await staleFiles(files)
  if (values.verify) {
    for (const name of stale) console.error(`${DIRECTORY}/${name} is stale: npm run docs:machines`)
    process.exitCode = stale.length === 0 ? 0 : 1
  } else {
    await mkdir(join(root, DIRECTORY), { recursive: true })
    for (const name of stale) {
      if (files.has(name)) await writeFile(join(root, DIRECTORY, name), files.get(name))
      else await rm(join(root, DIRECTORY, name))
    }
    console.log(stale.length === 0 ? `${DIRECTORY} is up to date` : `wrote ${stale.join(', ')}`)
  }
} finally {
  await rm(temporary, { recursive: true, force: true })
}
