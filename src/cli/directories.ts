/** The directories and file commands that the runner prepares for a container step, made here for `slipway run`. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { GITHUB } from '../effects/work-tree/layout.ts'
import { inTree, readBelow } from '../effects/work-tree/tree.ts'
import type { Mount } from '../machines/types.ts'

/** File commands by the variable that tells the action where they are (actions/runner, FileCommandManager). */
const FILE_COMMANDS = {
  GITHUB_OUTPUT: 'set_output',
  GITHUB_ENV: 'set_env',
  GITHUB_PATH: 'add_path',
  GITHUB_STATE: 'save_state',
  GITHUB_STEP_SUMMARY: 'step_summary'
} as const
/** More than all summaries and outputs that GitHub accepts. */
const FILE_COMMAND_BYTES_MAX = 64 * 1024 * 1024

type FileCommand = keyof typeof FILE_COMMANDS

export interface StepDirectories {
  readonly mounts: readonly Mount[]
  /** Variables that point into the mounts. */
  readonly env: Readonly<Record<string, string>>
  /** What the action wrote to each file command; empty ones are left out. */
  readFileCommands(): Promise<Partial<Record<FileCommand, string>>>
  remove(): Promise<void>
}

/** Makes the directories below `parent`; `workspace` is the caller's own, or undefined for an empty one. */
export async function makeDirectories(parent: string, workspace: string | undefined): Promise<StepDirectories> {
  const root = await mkdtemp(join(parent, 'slipway-run-'))
  const directory = (target: string) => join(root, posix.basename(target))
  for (const target of Object.values(GITHUB)) await mkdir(directory(target))
  await writeFile(join(directory(GITHUB.workflow), 'event.json'), '{}\n')
  const commands = Object.entries(FILE_COMMANDS) as [FileCommand, string][]
  for (const [, file] of commands) await writeFile(join(directory(GITHUB.fileCommands), file), '')
  const sourceOf = (target: string) => (target === GITHUB.workspace ? workspace : undefined) ?? directory(target)
  return {
    mounts: Object.values(GITHUB).map((target) => ({ source: sourceOf(target), target, readOnly: false })),
    env: {
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_EVENT_PATH: `${GITHUB.workflow}/event.json`,
      GITHUB_WORKSPACE: GITHUB.workspace,
      HOME: GITHUB.home,
      RUNNER_TEMP: GITHUB.runnerTemp,
      ...Object.fromEntries(commands.map(([variable, file]) => [variable, `${GITHUB.fileCommands}/${file}`]))
    },
    async readFileCommands() {
      const written: Partial<Record<FileCommand, string>> = {}
      await inTree(root, async (tree) => {
        for (const [variable, file] of commands) {
          // The action may have left something else there.
          const content = (
            await readBelow(tree, `${posix.basename(GITHUB.fileCommands)}/${file}`, FILE_COMMAND_BYTES_MAX)
          )?.toString('utf8')
          if (content) written[variable] = content
        }
      })
      return written
    },
    remove: () => rm(root, { recursive: true, force: true })
  }
}

const HEREDOC = /^([^=]+?)<<(.+)$/
const ASSIGNMENT = /^([^=]+)=(.*)$/

/** Names and values of GITHUB_OUTPUT: `name=value` lines, and `name<<END ... END` for several lines. */
export function parseOutputs(content: string): Readonly<Record<string, string>> {
  const outputs = new Map<string, string>()
  const lines = content.split(/\r?\n/)
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? ''
    const [, heredocName, end] = HEREDOC.exec(line) ?? []
    const [, name, value] = ASSIGNMENT.exec(line) ?? []
    if (heredocName !== undefined && end !== undefined) {
      const last = lines.indexOf(end, index + 1)
      const stop = last === -1 ? lines.length : last
      outputs.set(heredocName, lines.slice(index + 1, stop).join('\n'))
      index = stop
    } else if (name !== undefined && value !== undefined) {
      outputs.set(name, value)
    }
  }
  return Object.fromEntries(outputs)
}
