/** Installs Debian's Chromium where there is none and root may do so: once, before the files that need it are started side by side. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { findChromium } from './browser.ts'

export default function install(): void {
  if (findChromium() !== undefined || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  console.warn('Chromium is not here: apt-get install chromium')
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core']]) {
    spawnSync('apt-get', args, { stdio: 'inherit' })
  }
}
