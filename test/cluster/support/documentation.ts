/** Runs the commands that a page of documentation shows, unchanged and in order, as somebody who follows it does. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { NOT_RUN, RUN_BY } from '../../support/documented-commands.ts'
import { commandsOf, shellBlocksOf } from '../../support/shell-blocks.ts'
import { type Finished, mustRun } from './process.ts'

export const root = new URL('../../../', import.meta.url)

/** The `sh` blocks of a page, or of the sections below some headings of it. */
export async function blocksOf(path: string, ...headings: readonly string[]): Promise<readonly string[]> {
  const sections = (await readFile(new URL(path, root), 'utf8')).split(/^(?=## )/m)
  if (headings.length === 0) return sections.flatMap(shellBlocksOf)
  return headings.flatMap((heading) => {
    const found = sections.find((section) => section.startsWith(`## ${heading}\n`))
    if (found === undefined) throw new Error(`${path} has no heading '${heading}'`)
    return shellBlocksOf(found)
  })
}

/** Whether a block has something that no other suite runs, and that can be run. */
export const isOurs = (block: string): boolean =>
  commandsOf(block).some((command) => RUN_BY[command] === undefined && NOT_RUN[command] === undefined)

/** Some pages install packages and wait for pods. */
export const FOLLOW_MS_MAX = 420_000

/** Runs blocks as one script that ends at the first failure; rejects with the output when there is one. */
export function follow(
  blocks: readonly string[],
  variables: Readonly<Record<string, string>>,
  directory = fileURLToPath(root)
): Promise<Finished> {
  const script = ['set -euo pipefail', `cd ${directory}`, ...blocks].join('\n')
  const environment = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  return mustRun('env', [...environment, 'bash', '-c', script], { timeoutMs: FOLLOW_MS_MAX })
}
