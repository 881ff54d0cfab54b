/** Every command that the documentation shows is run by some suite, or listed with what stands for it. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { NOT_RUN, PAGES, RUN_BY } from '../support/documented-commands.ts'
import { readPages } from '../support/markdown.ts'
import { commandsOf, shellBlocksOf } from '../support/shell-blocks.ts'

const root = new URL('../../', import.meta.url)

const shown = readPages(root)
  .filter(({ path }) => /^[A-Z]+\.md$|^(docs|deploy|examples)\//.test(path))
  .flatMap(({ path, text }) =>
    shellBlocksOf(text).flatMap((block) => commandsOf(block).map((command) => ({ path, command })))
  )

describe('the commands in the documentation', () => {
  test('are all run by a suite, or listed with a reason: test/support/documented-commands.ts', () => {
    const isAccountedFor = ({ path, command }: { path: string; command: string }) =>
      [PAGES[path], RUN_BY[command], NOT_RUN[command]].some((by) => by !== undefined)
    expect(shown.length).toBeGreaterThan(0)
    expect(shown.filter((one) => !isAccountedFor(one))).toEqual([])
  })

  test('are shown where the lists say so', () => {
    const pages = new Set(shown.map(({ path }) => path))
    const commands = new Set(shown.map(({ command }) => command))
    expect(Object.keys(PAGES).filter((path) => !pages.has(path))).toEqual([])
    expect(Object.keys({ ...RUN_BY, ...NOT_RUN }).filter((command) => !commands.has(command))).toEqual([])
  })

  test.each([...new Set([...Object.values(PAGES), ...Object.values(RUN_BY)])])('%s is there', (path) =>
    expect(existsSync(new URL(path, root))).toBe(true)
  )
})

test('continued lines are one command, comments are none, and blocks in lists count', () => {
  const text =
    '1. First:\n\n   ```sh\n   # why\n   helm install a \\\n     --values b # c\n   ```\n\n```sh\necho "#1" | cat\n```\n'
  expect(shellBlocksOf(text).flatMap(commandsOf)).toEqual(['helm install a --values b', 'echo "#1" | cat'])
})
