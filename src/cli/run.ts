/** `slipway run`: tries an action directory on this computer. */
import { parseArgs } from 'node:util'
import { ENGINE_NAMES, type EngineName } from '../effects/local/engine.ts'
import { runAction } from './run-action.ts'
import { type Command, EXIT_CODES_HELP, UsageError } from './world.ts'

const HELP = `slipway run DIR [--input NAME=VALUE]... [--workspace DIR] [--engine NAME] [-- ARG...]

Runs the container action in DIR (action.yml, or just a Dockerfile) with docker, podman or buildah, as a runner would:
builds it, runs it once, shows what it wrote to GITHUB_OUTPUT and the like, and cleans up.

  --input NAME=VALUE   value of one of the action's inputs
  --workspace DIR      what the action sees as /github/workspace (default: an empty directory)
  --engine NAME        ${ENGINE_NAMES.join(', ')} (default: the first that answers)
  -- ARG...            in place of the arguments in action.yml

Examples:
  slipway run examples/hello-action --input who=harbour
  slipway run . --workspace . --engine buildah
  slipway run ./my-action -- --verbose "an argument with blanks"

${EXIT_CODES_HELP}
`

const isEngine = (name: string): name is EngineName => (ENGINE_NAMES as readonly string[]).includes(name)

/** Splits at the first `--`; without one, `rest` is undefined. */
function splitAtDashes(args: readonly string[]): { own: string[]; rest: string[] | undefined } {
  const dashes = args.indexOf('--')
  if (dashes === -1) return { own: [...args], rest: undefined }
  return { own: args.slice(0, dashes), rest: args.slice(dashes + 1) }
}

function parseInput(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new UsageError(`--input ${text}: write NAME=VALUE`)
  return [text.slice(0, equals), text.slice(equals + 1)]
}

export const run: Command = {
  summary: 'try an action directory on this computer',
  help: HELP,
  async run(args, world) {
    const { own, rest } = splitAtDashes(args)
    const { values, positionals } = parseArgs({
      args: own,
      allowPositionals: true,
      options: {
        input: { type: 'string', multiple: true, default: [] },
        workspace: { type: 'string' },
        engine: { type: 'string' }
      }
    })
    const [directory] = positionals
    if (directory === undefined || positionals.length > 1) throw new UsageError('run takes one directory')
    const { engine, workspace } = values
    if (engine !== undefined && !isEngine(engine)) throw new UsageError(`--engine is one of ${ENGINE_NAMES.join(', ')}`)
    const inputs = Object.fromEntries(values.input.map(parseInput))
    const { output } = await runAction({ directory, inputs, args: rest, workspace, engine }, world)
    return output.exitCode
  }
}
