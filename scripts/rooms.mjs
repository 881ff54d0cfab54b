// npm run rooms: the rooms of src with their modules, lines and arrows; `-- COMMIT` shows those of an earlier state beside them.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root } from './prepare.mjs'

/** The list is made by TypeScript that the tidy test shares. */
async function load(entryPoint) {
  const options = { absWorkingDir: root, entryPoints: [entryPoint], bundle: true, platform: 'node', format: 'esm' }
  const { outputFiles } = await build({ ...options, write: false, logLevel: 'warning' })
  return await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`)
}

const isModule = (path) => path.endsWith('.ts') && !path.endsWith('.d.ts')
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })

const sourcesNow = () =>
  readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name.replaceAll('\\', '/')}`)
    .filter(isModule)
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

const sourcesOf = (commit) =>
  git('ls-tree', '-r', '--name-only', commit, 'src/')
    .split('\n')
    .filter(isModule)
    .map((path) => ({ path, text: git('show', `${commit}:${path}`) }))

const { roomsTable } = await load('test/support/rooms.ts')
const commits = process.argv.slice(2)
console.log(roomsTable([...commits.map((commit) => [commit, sourcesOf(commit)]), ['now', sourcesNow()]]))
