/** Follows docs/quickstart.md and its second page from a clone, for the suites that do so with kube-proxy in different modes. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { commandsOf } from '../../support/shell-blocks.ts'
import { blocksOf, follow, root } from './documentation.ts'
import { kubectl } from './kubectl.ts'

const FIRST = 'docs/quickstart.md'
const SECOND = 'docs/quickstart-registry.md'
/** From a clone to the end of the action, the variables not counted. */
const COMMANDS_MAX = 5
const BUILD = '1. Build the hook'
const START = '2. Start a pod that plays the runner'

/** The variable that the pages document; npm need not ask the network for what it has. */
const VARIABLES = { DEPLOY: 'test/cluster/overlays', npm_config_prefer_offline: 'true' }

/** What somebody who clones has: nothing that is installed or built. Whoever makes it removes it. */
export async function makeClone(): Promise<string> {
  const clone = await mkdtemp(join(tmpdir(), 'slipway-clone-'))
  const isTracked = (path: string) => !/\/(node_modules|dist|\.git)$/.test(path)
  await cp(fileURLToPath(root), clone, { recursive: true, filter: isTracked })
  return clone
}

export const removeClone = (clone: string): Promise<void> => rm(clone, { recursive: true, force: true })

/** Every command of the first page, and the action once more after those that bring another one. */
export async function followQuickstart(clone: string): Promise<void> {
  expect(await pageText(FIRST)).toContain(`\`DEPLOY=${VARIABLES.DEPLOY}\``)
  const run = await blocksOf(FIRST, '3. Run the action')
  const toTheEnd = [...(await blocksOf(FIRST, BUILD, START)), ...run]
  expect(toTheEnd.flatMap(commandsOf).length).toBeLessThanOrEqual(COMMANDS_MAX)

  const before = [...(await blocksOf(FIRST, 'What you need')), ...toTheEnd]
  const after = await blocksOf(FIRST, '4. Look at what is there now')
  const another = await blocksOf(FIRST, '5. Another action')
  const end = await blocksOf(FIRST, 'Remove it')
  expect([...before, ...after, ...another, ...end]).toEqual(await blocksOf(FIRST))
  const printed = await linesOf([...before, ...after, ...another, ...run, ...end], clone)
  const rest = afterLinesLike(printed, await shownLog(FIRST))
  expectTraces(rest)
  afterLinesLike(rest, await shownLog(FIRST))
  expect(await namespacesLeft()).toEqual([])
}

/** Every command of the second page, after those of the first one that it goes on from. */
export async function followQuickstartWithRegistry(clone: string): Promise<void> {
  const before = await blocksOf(FIRST, 'What you need', BUILD, START)
  const printed = await linesOf([...before, ...(await blocksOf(SECOND))], clone)
  expectTraces(afterLinesLike(printed, await shownLog(SECOND)))
  expect(await namespacesLeft()).toEqual([])
}

async function linesOf(blocks: readonly string[], clone: string): Promise<readonly string[]> {
  return (await follow(blocks, VARIABLES, clone)).lines.map(({ text }) => text)
}

/** The step wrote a file and an output, and left nothing else. */
function expectTraces(printed: readonly string[]): void {
  expect(printed).toContain('Ahoy, harbour!')
  expect(printed).toContain('greeting=Ahoy, harbour!')
  expect(printed).toContain('No resources found in slipway-quickstart namespace.')
}

async function namespacesLeft(): Promise<readonly string[]> {
  const { stdout } = await kubectl(['get', 'namespaces', '-o', 'name'])
  return stdout.split('\n').filter((name) => /slipway-(registry|quickstart)/.test(name))
}

const pageText = async (page: string) => await readFile(new URL(page, root), 'utf8')

/** The log that a page shows, line by line. */
async function shownLog(page: string): Promise<readonly string[]> {
  const [, log = ''] = /^```text\n([\s\S]*?)^```$/m.exec(await pageText(page)) ?? []
  expect(log).toContain('Succeeded')
  return log.trimEnd().split('\n')
}

/** What is printed after lines like the shown ones, which come in their order; `…` stands for anything. */
function afterLinesLike(printed: readonly string[], shown: readonly string[]): readonly string[] {
  return shown.reduce((rest, line) => {
    const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const at = rest.findIndex((text) => new RegExp(`^${parts.join('.*')}$`).test(text))
    expect(at, `a line like '${line}' in:\n${printed.join('\n')}`).not.toBe(-1)
    return rest.slice(at + 1)
  }, printed)
}
