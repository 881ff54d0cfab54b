/** Goal: a call of the hook starts as fast as it did. Method: Node reads the whole bundle at every start, so its size has a bound. */
import { statSync } from 'node:fs'
import { expect, it } from 'vitest'

/** 863 kB of November 2026, 65 of them what reads Dockerfiles, and what a few features need. Look at what a dependency brings before you raise it. */
const HOOK_BYTES_MAX = 866_000

it("the hook's bundle is small", () => {
  const { size } = statSync(new URL('../../dist/index.js', import.meta.url))
  expect(size).toBeLessThan(HOOK_BYTES_MAX)
})
