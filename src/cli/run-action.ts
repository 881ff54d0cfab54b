/** Runs one action directory through the machine on this computer and shows the walk, for `run` and `demo`. */
import { resolve } from 'node:path'
import { createLocalPorts } from '../effects/local/backend.ts'
import type { EngineName } from '../effects/local/engine.ts'
import { runContainerStep } from '../effects/run/wire.ts'
import { randomHex, systemClock } from '../effects/system.ts'
import { GITHUB } from '../effects/work-tree/layout.ts'
import type { StepOutput } from '../machines/container-step.ts'
import { entryName } from '../machines/ledger.ts'
import type { Janitor } from '../machines/ports.ts'
import { BUDGETS } from '../machines/stages.ts'
import type { StepRequest } from '../machines/types.ts'
import { type Action, fillIn, readAction } from './action-file.ts'
import type { CliDependencies } from './command.ts'
import { makeDirectories, parseOutputs, type StepDirectories } from './directories.ts'
import { createTerminalReporter } from './terminal.ts'
import { createWalk } from './walk.ts'

export interface ActionRun {
  /** Relative paths are below the working directory. */
  readonly directory: string
  readonly inputs: Readonly<Record<string, string>>
  /** Replaces the action's own arguments. */
  readonly args?: readonly string[] | undefined
  /** Given to the action as /github/workspace; an empty one when undefined. */
  readonly workspace?: string | undefined
  readonly engine?: EngineName | undefined
}

export interface ActionResult {
  readonly output: StepOutput
  /** What the action wrote to GITHUB_OUTPUT. */
  readonly outputs: Readonly<Record<string, string>>
  /** What cleanup removed, as the ledger names it. */
  readonly removed: readonly string[]
}

/** Rejects with a StepError when the action cannot even be tried: no action there, or no engine. */
export async function runAction(run: ActionRun, deps: CliDependencies): Promise<ActionResult> {
  const { temporaryDirectory, workingDirectory, environment } = deps
  const reporter = createTerminalReporter(deps.write)
  const action = await readAction(resolve(workingDirectory, run.directory))
  const stopping = new AbortController()
  const stopListening = deps.onCancel(() => stopping.abort())
  const workspace = run.workspace === undefined ? undefined : resolve(workingDirectory, run.workspace)
  const directories = await makeDirectories(temporaryDirectory, workspace)
  try {
    const backend = await createLocalPorts(
      { engine: run.engine },
      { reporter, clock: systemClock, randomHex, environment, temporaryDirectory },
      stopping.signal
    )
    try {
      reporter.line(`${action.name}, with ${backend.engine}`)
      const removed: string[] = []
      const startedAtMs = systemClock.now()
      const output = await runContainerStep({
        request: requestOf(action, run, directories, reporter.warning),
        ports: { ...backend.ports, janitor: noting(backend.ports.janitor, removed) },
        budgets: BUDGETS,
        observers: [createWalk(reporter.show, startedAtMs)],
        onCancel: deps.onCancel
      })
      for (const what of removed) reporter.line(`            removed ${what}`)
      const outputs = await showWhatItWrote(directories, reporter.line)
      return { output, outputs, removed }
    } finally {
      await backend.close()
    }
  } finally {
    stopListening()
    // What the action made as root in its container stays then; how it ended is told all the same.
    await directories
      .remove()
      .catch((error: Error) => reporter.warning(`Files of the action stay, remove them as root: ${error.message}`))
  }
}

function requestOf(
  action: Action,
  run: ActionRun,
  directories: StepDirectories,
  warn: (message: string) => void
): StepRequest {
  const { args, env, warnings } = fillIn(action, run.inputs)
  for (const warning of warnings) warn(warning)
  return {
    image: action.image,
    dockerfile: action.dockerfile,
    entryPoint: action.entryPoint,
    args: run.args ?? args,
    env: { ...env, ...directories.env },
    workingDirectory: GITHUB.workspace,
    mounts: directories.mounts
  }
}

/** The same janitor, which also notes what it has removed. */
function noting(janitor: Janitor, removed: string[]): Janitor {
  return {
    async cleanUp(input, signal) {
      await janitor.cleanUp(input, signal)
      removed.push(...input.ledger.map(entryName))
    }
  }
}

async function showWhatItWrote(directories: StepDirectories, print: (line: string) => void) {
  const written = await directories.readFileCommands()
  for (const [variable, content] of Object.entries(written)) {
    print(`${variable}:`)
    for (const line of content.trimEnd().split('\n')) print(`  ${line}`)
  }
  return parseOutputs(written.GITHUB_OUTPUT ?? '')
}
