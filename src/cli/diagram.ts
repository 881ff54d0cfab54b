/** `slipway diagram`: the state machines as Mermaid text, Markdown, JSON or a page to explore, and compared with another version. */
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Coverage } from '../visualizer/coverage.ts'
import { compareMachines, unite } from '../visualizer/difference.ts'
import { differenceLines, differenceMarkdown } from '../visualizer/difference-text.ts'
import { toDocument } from '../visualizer/document.ts'
import { currentMachines } from '../visualizer/graph.ts'
import type { MachineSet } from '../visualizer/graph-format.ts'
import { MachineSetError, parseMachineSet } from '../visualizer/machine-set.ts'
import { toMermaid } from '../visualizer/mermaid.ts'
import type { PageAssets } from '../visualizer/page.ts'
import { type CliDependencies, UsageError } from './command.ts'
import { declare } from './command-line.ts'
import { type Write, writeJson, writeLine } from './screen.ts'

/** Put here by scripts/build.mjs. */
declare const PAGE_ASSETS: PageAssets

async function readText(deps: CliDependencies, path: string): Promise<string> {
  try {
    return await readFile(resolve(deps.workingDirectory, path), 'utf8')
  } catch (thrown) {
    throw new UsageError(`${path} cannot be read: ${(thrown as Error).message}`)
  }
}

async function readMachines(deps: CliDependencies, path: string): Promise<MachineSet> {
  try {
    return parseMachineSet(await readText(deps, path))
  } catch (thrown) {
    if (thrown instanceof MachineSetError) throw new UsageError(`${path}: ${thrown.message}`)
    throw thrown
  }
}

async function readCoverage(deps: CliDependencies, path: string): Promise<Coverage> {
  const text = await readText(deps, path)
  try {
    return JSON.parse(text) as Coverage
  } catch {
    throw new UsageError(`${path} is not JSON; npm run docs:machines writes coverage/machines.json`)
  }
}

/** The machines that were asked for. */
function only(set: MachineSet, machine: string | undefined): MachineSet {
  const machines = set.machines.filter(({ id }) => machine === undefined || id === machine)
  if (machines.length > 0) return { ...set, machines }
  throw new UsageError(`there is no machine ${machine}; there are ${set.machines.map(({ id }) => id).join(', ')}`)
}

interface PageOptions {
  readonly html: string
  readonly coverage?: string | undefined
  readonly source?: string | undefined
}

async function writePage(deps: CliDependencies, set: MachineSet, old: MachineSet | undefined, options: PageOptions) {
  const coverage = options.coverage === undefined ? undefined : await readCoverage(deps, options.coverage)
  const { set: drawn, difference } = old === undefined ? { set, difference: undefined } : unite(old, set)
  // The layout engine takes longer to load than the rest of the command line together.
  const { toPage } = await import('../visualizer/page.ts')
  const page = await toPage(
    {
      set: drawn,
      ...(coverage !== undefined && { coverage }),
      ...(difference !== undefined && { difference }),
      ...(options.source !== undefined && { sourceBase: options.source })
    },
    PAGE_ASSETS
  )
  try {
    await writeFile(resolve(deps.workingDirectory, options.html), page)
  } catch (thrown) {
    throw new UsageError(`${options.html} cannot be written: ${(thrown as Error).message}`)
  }
  writeLine(deps.write, { text: `${options.html}: open it in a browser` })
}

type Format = { readonly json: boolean; readonly markdown: boolean }

function show(write: Write, set: MachineSet, { json, markdown }: Format): void {
  if (json) writeJson(write, set)
  else write(set.machines.map(markdown ? toDocument : toMermaid).join('\n'))
}

function showDifference(write: Write, old: MachineSet, set: MachineSet, { json, markdown }: Format): void {
  // With --machine, the others are no difference.
  const ids = new Set(set.machines.map(({ id }) => id))
  const isWhole = set.machines.length === currentMachines().machines.length
  const before = isWhole ? old : { ...old, machines: old.machines.filter(({ id }) => ids.has(id)) }
  const difference = compareMachines(before, set)
  if (json) writeJson(write, difference)
  else if (markdown) write(differenceMarkdown(difference))
  else for (const text of differenceLines(difference)) writeLine(write, { text })
}

export const diagram = declare(
  {
    name: 'diagram',
    summary: 'the state machines as diagrams, as a page, and compared',
    about: 'Shows the state machines that Slipway runs on, from their code. Without options: Mermaid text.',
    options: {
      machine: { type: 'string', value: 'NAME', help: 'only this machine' },
      markdown: { type: 'boolean', help: 'Markdown: diagram and table of states; with --compare, the differences' },
      json: { type: 'boolean', help: 'states and transitions as JSON, for --compare and for other tools' },
      html: { type: 'string', value: 'FILE', help: 'writes a page to explore them in; it works offline' },
      coverage: {
        type: 'string',
        value: 'FILE',
        help: 'for the page: which paths of the model suite take what (coverage/machines.json)'
      },
      source: { type: 'string', value: 'BASE', help: 'for the page: links to source files start with it' },
      compare: {
        type: 'string',
        value: 'OLD',
        help: 'states and transitions added, removed and changed since the version that wrote OLD with --json'
      }
    },
    examples: [
      ['slipway diagram --machine container-step'],
      ['slipway diagram --html machines.html'],
      ['git show main:docs/machines/machines.json > old.json && slipway diagram --compare old.json --markdown']
    ],
    exitCodes: [
      [0, 'shown; differences are no failure'],
      [2, 'the command line is wrong, or a file cannot be read']
    ]
  },
  async ({ values }, deps) => {
    const { machine, markdown, json, html, compare } = values
    if ([markdown, json, html !== undefined].filter(Boolean).length > 1) {
      throw new UsageError('diagram: --markdown, --json and --html exclude each other')
    }
    const set = only(currentMachines(), machine)
    const old = compare === undefined ? undefined : await readMachines(deps, compare)
    if (html !== undefined) {
      await writePage(deps, set, old, { html, coverage: values.coverage, source: values.source })
      return 0
    }
    if (old === undefined) show(deps.write, set, values)
    else showDifference(deps.write, old, set, values)
    return 0
  }
)
