/** A whole job with a job container, as the runner sends it: prepare, scripts, container actions, a service, cleanup. */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { dockerfile } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { runCleanupJob, runContainerStep, startHook } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import type { Finished } from './support/process.ts'
import { FILE_COMMANDS, fileCommandPath, responsePath } from './support/protocol.ts'
import { type RunnerPod, STORAGE_MODES, TEMP, WORKSPACE } from './support/runner-pod.ts'

interface Script extends Finished {
  /** What the script wrote to GITHUB_OUTPUT, read from the runner's disk. */
  readonly output: string | undefined
}

/** A `run:` step, as the runner writes and asks for it. */
async function runScript(pod: RunnerPod, state: object | undefined, script: string): Promise<Script> {
  const step = randomUUID()
  const responseFile = responsePath()
  const commands = Object.values(FILE_COMMANDS).map((name) => [`_runner_file_commands/${name}_${step}`, ''])
  await pod.write(TEMP, {
    ...Object.fromEntries(commands),
    [responseFile.slice(TEMP.length + 1)]: '',
    [`${step}.sh`]: script
  })
  const args = {
    entryPoint: 'sh',
    entryPointArgs: ['-e', `/__w/_temp/${step}.sh`],
    environmentVariables: {
      GITHUB_OUTPUT: `/__w/_temp/_runner_file_commands/${FILE_COMMANDS.GITHUB_OUTPUT}_${step}`,
      GITHUB_EVENT_PATH: '/github/workflow/event.json',
      PLAIN: '$(not expanded)'
    },
    prependPath: [],
    workingDirectory: '/__w/repo/repo'
  }
  const input = { command: 'run_script_step', responseFile, args, state: state ?? null } as const
  const finished = await startHook(pod, input, step).finished
  return { ...finished, output: await pod.read(fileCommandPath(step, 'GITHUB_OUTPUT')) }
}

const SHOW = [
  '#!/bin/sh',
  'cat given',
  'echo made > made',
  'echo "out=$1" >> "$GITHUB_OUTPUT"',
  'exit "${CODE:-0}"',
  ''
].join('\n')

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('a whole job, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('shares its workspace between scripts and container actions, and leaves nothing', async () => {
    const prepared = await prepareJob(runner(), {
      container: { image: IMAGES.debian },
      services: [{ image: IMAGES.registry }]
    })
    expect(prepared.exitCode, prepared.stdout).toBe(0)
    expect(prepared.response?.isAlpine).toBe(false)
    const state = prepared.response?.state

    const checkout = await runScript(
      runner(),
      state,
      [
        'echo "from a script" > given',
        'mkdir -p actions/show && cd actions/show',
        `cat > Dockerfile <<'END'\n${dockerfile(IMAGES.busyboxBase, 'COPY show.sh /show.sh', 'ENTRYPOINT ["/bin/sh", "/show.sh"]')}END`,
        `cat > show.sh <<'END'\n${SHOW}END`,
        'printf "name: show\\nruns:\\n  using: docker\\n  image: Dockerfile\\n" > action.yml',
        'test "$(cat "$GITHUB_EVENT_PATH")" = \'{"action":"opened"}\'',
        'echo "plain: $PLAIN"',
        'echo "written=yes" >> "$GITHUB_OUTPUT"'
      ].join('\n')
    )
    expect(checkout.exitCode, checkout.stdout).toBe(0)
    expect(checkout.stdout).toContain('plain: $(not expanded)')
    expect(checkout.output).toBe('written=yes')
    // The runner reads a local action from its own disk.
    expect(await runner().read(`${WORKSPACE}/actions/show/action.yml`)).toContain('using: docker')
    expect(await runner().read(`${WORKSPACE}/actions/show/Dockerfile`)).toContain('COPY show.sh')

    const action = { dockerfile: `${WORKSPACE}/actions/show/Dockerfile`, args: ['two words'] }
    const first = await runContainerStep(runner(), action)
    expect(first.exitCode, first.stdout).toBe(0)
    expect(first.stdout).toContain('from a script')
    expect(await first.fileCommand('GITHUB_OUTPUT')).toBe('out=two words')
    const again = await runContainerStep(runner(), { ...action, env: { CODE: '42' } })
    expect(again.exitCode, again.stdout).toBe(42)
    expect(again.stdout, 'an image of the same content is not built twice in a job').not.toContain('Build Dockerfile')

    const service = await runContainerStep(runner(), {
      image: IMAGES.busybox,
      entryPoint: 'sh',
      args: ['-c', 'cat made && wget -q -O - http://registry:5000/v2/']
    })
    expect(service.exitCode, service.stdout).toBe(0)
    expect(service.stdout).toMatch(/^made$/m)

    const last = await runScript(runner(), state, 'cat made; rm given; exit 5')
    expect(last.exitCode, last.stdout).toBe(5)
    expect(last.stdout).toMatch(/^made$/m)

    const cleanup = await runCleanupJob(runner())
    expect(cleanup.exitCode, cleanup.stdout).toBe(0)
  })
})
