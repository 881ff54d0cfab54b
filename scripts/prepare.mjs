// What every script that runs from a fresh clone begins with: dependencies and bundles. Only Node's own modules.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a program in the project's directory with its output shown; returns its exit code. */
export function run(command, args, environment = {}) {
  const env = { ...process.env, ...environment }
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env })
  if (error !== undefined) console.error(`${command} could not be started: ${error.message}`)
  return status ?? 1
}

/** Like run, and ends this process when the program fails. */
export function mustRun(command, args) {
  const exitCode = run(command, args)
  if (exitCode !== 0) process.exit(exitCode)
}

/** Installs the locked dependencies when there are none, and builds both bundles. */
export function prepare() {
  // npm writes this file last, so a broken installation is done again.
  if (!existsSync(`${root}node_modules/.package-lock.json`)) {
    mustRun('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  }
  mustRun(process.execPath, ['scripts/build.mjs'])
}

export const VITEST = `${root}node_modules/vitest/vitest.mjs`
