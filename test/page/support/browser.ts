/** A real Chromium for the page's tests: the computer's own, or Debian's, installed when root may do so. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const find = (): string | undefined => PATHS.find((path) => existsSync(path))

function install(): void {
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !existsSync('/usr/bin/apt-get')) return
  console.warn('Chromium is not here: apt-get install chromium')
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core']]) {
    spawnSync('apt-get', args, { stdio: 'inherit' })
  }
}

/** Where Chromium is. Says loudly when it is nowhere, and that the tests that need it are skipped then. */
export function provideChromium(): string | undefined {
  if (find() === undefined) install()
  const path = find()
  if (path === undefined) {
    console.warn('SKIPPED: the tests of the page need Chromium, and it is not at any of', PATHS.join(', '))
  }
  return path
}

export const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox'] })
