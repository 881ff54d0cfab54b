/** `slipway run`: tries an action directory on this computer. */
import { ENGINE_NAMES } from '../effects/local/engine.ts'
import { UsageError } from './command.ts'
import { declare } from './command-line.ts'
import { runAction } from './run-action.ts'
import { writeJson } from './screen.ts'

function parseInput(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new UsageError(`run: --input ${text}: write NAME=VALUE`)
  return [text.slice(0, equals), text.slice(equals + 1)]
}

export const run = declare(
  {
    name: 'run',
    summary: 'try an action directory on this computer',
    about: `Runs the container action in DIR (action.yml, or just a Dockerfile) with docker, podman or buildah, as a runner would:
builds it, runs it once, shows what it wrote to GITHUB_OUTPUT and the like, and cleans up.`,
    operands: ['DIR'],
    options: {
      input: { type: 'string', multiple: true, value: 'NAME=VALUE', help: "value of one of the action's inputs" },
      workspace: {
        type: 'string',
        value: 'DIR',
        help: 'what the action sees as /github/workspace; without it an empty directory'
      },
      engine: {
        type: 'string',
        value: 'NAME',
        choices: ENGINE_NAMES,
        help: 'without it the first that answers'
      },
      json: { type: 'boolean', help: 'one JSON document in place of the walk: how it ended and what it wrote' }
    },
    rest: { value: 'ARG...', help: 'in place of the arguments in action.yml' },
    examples: [
      ['slipway run examples/hello-action --input who=harbour'],
      ['slipway run . --workspace . --engine buildah'],
      ['slipway run ./my-action -- --verbose "an argument with blanks"']
    ],
    exitCodes: [
      [0, 'the action succeeded'],
      [1, 'Slipway could not build, pull or run the action; the reason is printed'],
      [2, 'the command line is wrong'],
      [130, 'cancelled'],
      ['other', "the action's own exit code"]
    ]
  },
  async ({ values, operands: [directory = ''], rest }, deps) => {
    const { engine, workspace, input, json } = values
    const inputs = Object.fromEntries(input.map(parseInput))
    const action = { directory, inputs, args: rest, workspace, engine }
    if (!json) return (await runAction(action, deps)).output.exitCode
    const { output, outputs, removed } = await runAction(action, { ...deps, write: () => {} })
    writeJson(deps.write, { ...output, outputs, removed })
    return output.exitCode
  }
)
