/** A whole job with a job container, as the runner sends it: prepare, scripts, container actions, a service, cleanup. */
import { describe, expect, it } from 'vitest'
import { dockerfile } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { runCleanupJob, runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import { STORAGE_MODES, WORKSPACE } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'
import { forgetTraces, readTraces } from './support/traces.ts'

const PLANTED = 'planted-secret-value'

const SHOW = [
  '#!/bin/sh',
  'cat given',
  'echo made > made',
  'echo "out=$1" >> "$GITHUB_OUTPUT"',
  'exit "${CODE:-0}"',
  ''
].join('\n')

/** A JavaScript action. */
const MAIN = [
  "const { appendFileSync, readFileSync, writeFileSync } = require('node:fs')",
  "const given = readFileSync('given', 'utf8').trim()",
  "console.log(`hello ${process.env['INPUT_WHO-TO-GREET']} from node ${process.version}: ${given}`)",
  "appendFileSync(process.env.GITHUB_OUTPUT, 'time=now\\n')",
  "writeFileSync('made-by-node', 'yes')",
  'process.exit(3)',
  ''
].join('\n')

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('a whole job, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('shares its workspace between scripts and container actions, and leaves nothing', async () => {
    await forgetTraces(runner())
    const prepared = await prepareJob(runner(), {
      container: { image: IMAGES.debian },
      services: [{ image: IMAGES.registry }]
    })
    expect(prepared.exitCode, prepared.stdout).toBe(0)
    expect(prepared.response?.isAlpine).toBe(false)
    const state = prepared.response?.state ?? null

    const checkout = await runScript(
      runner(),
      {
        state,
        env: { GITHUB_EVENT_PATH: '/github/workflow/event.json', PLAIN: '$(not expanded)' },
        run: [
          'echo "from a script" > given',
          'echo locked > package-lock.json',
          'mkdir -p actions/show actions/script/dist actions/steps',
          `cat > actions/show/Dockerfile <<'END'\n${dockerfile(IMAGES.busyboxBase, 'COPY show.sh /show.sh', 'ENTRYPOINT ["/bin/sh", "/show.sh"]')}END`,
          `cat > actions/show/show.sh <<'END'\n${SHOW}END`,
          'printf "name: show\\nruns:\\n  using: docker\\n  image: Dockerfile\\n" > actions/show/action.yml',
          `cat > actions/script/dist/main.js <<'END'\n${MAIN}END`,
          'printf "runs:\\n  using: node20\\n  main: dist/main.js\\n" > actions/script/action.yml',
          'printf "runs:\\n  using: composite\\n  steps: [{run: ls, shell: sh}]\\n" > actions/steps/action.yml',
          'test "$(cat "$GITHUB_EVENT_PATH")" = \'{"action":"opened"}\'',
          'echo "plain: $PLAIN"',
          'echo "written=yes" >> "$GITHUB_OUTPUT"'
        ].join('\n')
      },
      { env: { ACTIONS_RUNNER_CONTAINER_HOOKS_HASHFILES: 'package-lock.json' } }
    )
    expect(checkout.exitCode, checkout.stdout).toBe(0)
    expect(checkout.stdout).toContain('plain: $(not expanded)')
    expect(await checkout.fileCommand('GITHUB_OUTPUT')).toBe('written=yes')

    // The runner reads a local action, and what hashFiles() is asked for, from its own disk.
    const onRunner = async (path: string) => await runner().read(`${WORKSPACE}/${path}`)
    expect(await onRunner('actions/show/action.yml')).toContain('using: docker')
    expect(await onRunner('actions/show/Dockerfile')).toContain('COPY show.sh')
    expect(await onRunner('actions/script/action.yml')).toContain('using: node20')
    expect(await onRunner('actions/script/dist/main.js')).toBe(MAIN.trimEnd())
    expect(await onRunner('actions/steps/action.yml')).toContain('using: composite')
    expect(await onRunner('package-lock.json')).toBe('locked')

    const javaScript = await runScript(runner(), {
      state,
      entryPoint: '/__e/node20/bin/node',
      args: ['"/__w/repo/repo/actions/script/dist/main.js"'],
      env: { 'INPUT_WHO-TO-GREET': 'two words', GITHUB_ACTION_PATH: '/__w/repo/repo/actions/script' }
    })
    expect(javaScript.exitCode, javaScript.stdout).toBe(3)
    expect(javaScript.stdout).toMatch(/^hello two words from node v20\.\S+: from a script$/)
    expect(await javaScript.fileCommand('GITHUB_OUTPUT')).toBe('time=now')

    // A step of the composite action.
    const composite = await runScript(runner(), {
      state,
      env: { GITHUB_ACTION_PATH: '/__w/repo/repo/actions/steps' },
      run: 'ls "$GITHUB_ACTION_PATH"; cat made-by-node'
    })
    expect([composite.exitCode, composite.stdout]).toEqual([0, 'action.yml\nyes'])

    const action = {
      dockerfile: `${WORKSPACE}/actions/show/Dockerfile`,
      args: ['two words'],
      env: { INPUT_TOKEN: PLANTED }
    }
    const first = await runContainerStep(runner(), action)
    expect(first.exitCode, first.stdout).toBe(0)
    expect(first.stdout).toContain('from a script')
    expect(first.stdout).toMatch(
      /^Succeeded with exit code 0 .*; built now, image localhost:\d+\/[0-9a-f]{24}@sha256:/m
    )
    expect(await first.fileCommand('GITHUB_OUTPUT')).toBe('out=two words')
    const again = await runContainerStep(runner(), { ...action, env: { CODE: '42', INPUT_TOKEN: PLANTED } })
    expect(again.exitCode, again.stdout).toBe(42)
    expect(again.stdout, 'an image of the same content is not built twice in a job').not.toContain('Build Dockerfile')
    expect(again.stdout).toMatch(/^Failed with exit code 42 .*; built before, image localhost:/m)

    const service = await runContainerStep(runner(), {
      image: IMAGES.busybox,
      entryPoint: 'sh',
      args: ['-c', 'cat made && wget -q -O - http://registry:5000/v2/']
    })
    expect(service.exitCode, service.stdout).toBe(0)
    expect(service.stdout).toMatch(/^made$/m)

    const last = await runScript(runner(), { state, run: 'cat made; rm given; exit 5' })
    expect(last.exitCode, last.stdout).toBe(5)
    expect(last.stdout).toMatch(/^made$/m)

    const cleanup = await runCleanupJob(runner())
    expect(cleanup.exitCode, cleanup.stdout).toBe(0)
    expect(cleanup.stdout).toMatch(/^Cleaned up in .*: removed pod \S+-workflow, image /m)

    const traces = await readTraces(runner())
    const shown = traces.map(({ replay: { command, end } }) => [command, end?.exitCode, end?.imageSource])
    expect(shown).toEqual([
      ['prepare_job', 0, undefined],
      ['run_script_step', 0, undefined],
      ['run_script_step', 3, undefined],
      ['run_script_step', 0, undefined],
      ['run_container_step', 0, 'build'],
      ['run_container_step', 42, 'cached'],
      ['run_container_step', 0, 'prebuilt'],
      ['run_script_step', 5, undefined],
      ['cleanup_job', 0, undefined]
    ])
    expect(traces.map(({ text }) => text).join('')).not.toContain(PLANTED)
  })
})
