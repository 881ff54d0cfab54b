/** A real Chromium for the page's tests: the computer's own, or Debian's, which install.ts has put there. */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export const findChromium = (): string | undefined => PATHS.find((path) => existsSync(path))

/** Where Chromium is. Says loudly when it is nowhere, and that the tests that need it are skipped then. */
export function provideChromium(): string | undefined {
  const path = findChromium()
  if (path === undefined) {
    console.warn('SKIPPED: the tests of the page need Chromium, and it is not at any of', PATHS.join(', '))
  }
  return path
}

export const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox'] })
