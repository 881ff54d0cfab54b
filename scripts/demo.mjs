// `npm run demo`: works straight after a clone, with only Node and npm; installs and builds what is missing, and says so.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const root = new URL('..', import.meta.url).pathname

/** Runs a program in the project; a failure ends the demo with its exit code. */
function run(program, ...args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' })
  if (error) console.error(`${program} cannot be started: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}

if (!existsSync(`${root}node_modules/esbuild`)) {
  console.log('installing the dependencies: npm ci')
  run('npm', 'ci', '--no-audit', '--no-fund')
}
run(process.execPath, 'scripts/build.mjs')
run(process.execPath, 'dist/slipway.js', 'demo', ...process.argv.slice(2))
