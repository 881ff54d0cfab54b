/** `slipway demo`: an action that succeeds and one whose Dockerfile fails, with the walk through the states, and checked. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { declare } from './command-line.ts'
import { BASE_IMAGE, provisionLocalPorts } from './provision.ts'
import { type ActionResult, runAction } from './run-action.ts'
import { createTerminalReporter } from './terminal.ts'

interface Expectation {
  readonly what: string
  readonly holds: (result: ActionResult, workspace: string) => boolean | Promise<boolean>
}

const nothingRemains: Expectation = {
  what: 'everything is cleaned up',
  holds: ({ output, removed }) => output.remaining.length === 0 && removed.length > 0
}

/** Quotes and blanks arrive as they were written. */
const WHO = 'harbour & "crew"'
const GREETING = `Ahoy, ${WHO}!`

const HELLO: readonly Expectation[] = [
  { what: 'the action succeeds with exit code 0', holds: ({ output }) => output.exitCode === 0 },
  {
    what: 'its output greeting is read back',
    holds: ({ outputs }) => outputs.greeting === GREETING
  },
  {
    what: 'its file is in the workspace',
    holds: async (_result, workspace) =>
      (await readFile(join(workspace, 'greeting.txt'), 'utf8')) ===
      `${GREETING}
`
  },
  {
    what: 'it is built and pushed once, run by digest',
    holds: ({ output }) => /@sha256:[0-9a-f]{64}$/.test(output.image ?? '')
  },
  nothingRemains
]

const FAILING: readonly Expectation[] = [
  { what: 'the failure is dockerfile-failed', holds: ({ output }) => output.failure?.code === 'dockerfile-failed' },
  { what: 'the Dockerfile is built once', holds: ({ output }) => output.stages.building?.attempts === 1 },
  { what: 'nothing is pushed or run', holds: ({ output }) => !output.stages.pushing && !output.stages.running },
  nothingRemains
]

export const demo = declare(
  {
    name: 'demo',
    summary: 'two example actions, one that works and one that fails',
    about: `Runs examples/hello-action and examples/failing-action on this computer, shows their walk through the states, and checks
that both end as they should. Installs buildah and busybox-static when they are missing and root runs it on Debian.`,
    options: {
      examples: { type: 'string', value: 'DIR', default: 'examples', help: 'where the two actions are' }
    },
    examples: [['slipway demo'], ['npm run demo', 'builds Slipway first, straight after a clone']],
    exitCodes: [
      [0, 'both ended as they should'],
      [1, 'one of them did not; what was expected is printed'],
      [2, 'the command line is wrong']
    ]
  },
  async ({ values }, deps) => {
    const { line } = createTerminalReporter(deps.write)
    const stopping = new AbortController()
    const stopListening = deps.onCancel(() => stopping.abort())
    const backend = await provisionLocalPorts(deps, stopping.signal)
    await backend.close()
    stopListening()
    line(`${BASE_IMAGE} is there, made from this computer's busybox; it stays, for the examples' FROM`)

    const failed: string[] = []
    const show = async (name: string, inputs: Record<string, string>, expected: readonly Expectation[]) => {
      line('')
      line(`=== ${name}`)
      const workspace = await mkdtemp(join(deps.temporaryDirectory, 'slipway-demo-'))
      const result = await runAction({ directory: join(values.examples, name), inputs, workspace }, deps)
      line('')
      for (const { what, holds } of expected) {
        const isSo = await holds(result, workspace)
        line(`${isSo ? 'as expected' : 'NOT AS EXPECTED'}: ${what}`)
        if (!isSo) failed.push(`${name}: ${what}`)
      }
      await rm(workspace, { recursive: true, force: true })
      return result.output.outcome !== 'cancelled'
    }
    const goesOn = await show('hello-action', { who: WHO }, HELLO)
    if (goesOn) await show('failing-action', {}, FAILING)
    line('')
    line(failed.length === 0 ? 'The demo went as it should.' : `The demo did not go as it should: ${failed.join('; ')}`)
    return failed.length === 0 ? 0 : 1
  }
)
