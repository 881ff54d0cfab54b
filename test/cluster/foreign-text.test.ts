/** What a build or a failing service writes is shown, and is no command to the runner; the action's own commands are. */
import { describe, expect, it } from 'vitest'
import { commandsIn } from '../support/runner-log.ts'
import { dockerfile, installAction, program } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import type { Finished } from './support/process.ts'
import { STORAGE_MODES } from './support/runner-pod.ts'

/** As somebody would try to get past a look at the start of a line. */
const SHOUT = [
  'printf "::error file=x::from a build\\n"',
  'printf "begun\\r::add-mask::42\\r\\n"',
  'printf "  \\t\\302\\240::stop-commands::x\\n"',
  'printf "\\357\\273\\277\\342\\200\\203::warning::y\\n"',
  'printf "in a line ##[error]z\\n"',
  'printf ":"; sleep 0.3; printf ":error::in two pieces\\n"'
]
const commandsOf = ({ stdout }: Finished) => commandsIn(Buffer.from(stdout))

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('foreign text in storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it.each([
    ['a Dockerfile', 'Dockerfile'],
    ['a Dockerfile with a newline in its name', 'a\n::error::b\n.Dockerfile']
  ])('%s that writes commands gives none to the runner, and its action does', async (_title, name) => {
    const directory = await installAction(runner(), 'shouting', {
      [name]: dockerfile(
        IMAGES.busyboxBase,
        'COPY shout.sh /shout.sh',
        'RUN /shout.sh',
        'ENTRYPOINT ["/bin/echo", "::notice::from the action"]'
      ),
      'shout.sh': program(...SHOUT)
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/${name}` })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('from a build')
    expect(step.stdout).toContain('in two pieces')
    const names = commandsOf(step).map((command) => command.split('::')[1])
    expect(names).toEqual(['group', 'endgroup', 'notice'])
  })

  it('a service that fails gives none of the commands in its log to the runner', async () => {
    const service = {
      image: IMAGES.busybox,
      entryPoint: 'sh',
      entryPointArgs: ['-c', '"eval \\"$SHOUT\\"; exit 3"'],
      environmentVariables: { SHOUT: SHOUT.join('; ') },
      // Without one it would be up for as long as it runs.
      createOptions: '--health-cmd false'
    }
    const prepared = await prepareJob(runner(), { services: [service] })
    expect(prepared.exitCode, prepared.stdout).toBe(1)
    expect(prepared.stdout).toContain('from a build')
    expect(commandsOf(prepared)).toEqual([
      expect.stringMatching(/^::error::the service busybox ended with exit code 3/)
    ])
  })
})
