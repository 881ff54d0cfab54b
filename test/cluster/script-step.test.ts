/** Scripts in a job container: what they are given, what comes back, and that nothing that happens to a connection changes it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCleanupJob } from './support/hook.ts'
import { IMAGES } from './support/images.ts'
import { inJob, prepareJob } from './support/job.ts'
import { kubectl } from './support/kubectl.ts'
import { errorsOf, objectsLeft } from './support/leftovers.ts'
import { startProxy } from './support/proxy.ts'
import { createRunnerPod, type RunnerPod, STORAGE_MODES, WORK, WORKSPACE } from './support/runner-pod.ts'
import { runScript, startScript } from './support/script.ts'
import { createTestNamespace, type TestNamespace } from './support/test-namespace.ts'

/** The runner sends SIGTERM 7.5 s after SIGINT. */
const CANCEL_MS_MAX = 7_000

describe.each(STORAGE_MODES)('a script in storage mode %s', (mode) => {
  let namespace: TestNamespace
  let pod: RunnerPod
  beforeAll(async () => {
    namespace = await createTestNamespace()
    pod = await createRunnerPod(namespace.name, mode)
    const { exitCode, stdout } = await prepareJob(pod, { container: { image: IMAGES.debian } })
    expect(exitCode, stdout).toBe(0)
  })
  afterAll(async () => {
    await runCleanupJob(pod)
    expect(await objectsLeft(pod)).toEqual([])
    await pod?.remove()
    await namespace?.remove()
  })

  it.each([0, 1, 42, 255])('exits with its own code %i, and the log holds nothing else', async (code) => {
    const { exitCode, lines } = await runScript(pod, { run: `echo out; echo err >&2; exit ${code}` })
    expect(exitCode).toBe(code)
    const own = lines.map(({ text }) => text).filter((text) => !text.startsWith('command terminated'))
    expect(own).toEqual(['out', 'err'])
  })

  it('shows 20,000 lines in order', async () => {
    const { stdout } = await runScript(pod, { run: 'seq 20000' })
    expect(stdout).toBe(Array.from({ length: 20_000 }, (_, at) => at + 1).join('\n'))
  })

  it('runs an action that the runner downloaded after the job had begun, and has the event', async () => {
    await pod.write(`${WORK}/_actions/owner/late`, {
      'v1/main.sh': 'echo "late: $(cat /github/workflow/event.json)"',
      'v1.completed': ''
    })
    const { exitCode, stdout } = await runScript(pod, { args: ['/__w/_actions/owner/late/v1/main.sh'] })
    expect(stdout).toBe('late: {"action":"opened"}')
    expect(exitCode).toBe(0)
  })

  it('shows a line when it is written, not when the script ends', async () => {
    const script = await startScript(pod, { run: 'echo first; sleep 4; echo second' })
    const first = await script.line(/^first$/)
    const { lines } = await script.finished
    const second = lines.find(({ text }) => text === 'second')
    expect((second?.atMs ?? 0) - first.atMs).toBeGreaterThan(2_500)
  })

  it('is given variables as they are, and directories before PATH', async () => {
    const env = {
      PLAIN: '$HOME',
      COMMAND: '$(echo no)',
      TICKS: '`echo no`',
      EMPTY: '',
      'INPUT_MY-NAME': 'a "b" c',
      LINES: 'a\nb'
    }
    const { exitCode, stdout } = await runScript(pod, {
      env,
      prependPath: ['/some/path', '/another one'],
      entryPoint: '/__e/node20/bin/node',
      args: ['-p', '"JSON.stringify(process.env)"']
    })
    expect(exitCode).toBe(0)
    const seen = JSON.parse(stdout)
    expect(seen).toMatchObject({ ...env, HOME: '/github/home', CI: 'true', GITHUB_ACTIONS: 'true' })
    expect(seen.PATH).toMatch(/^\/some\/path:\/another one:\//)
  })

  it('is given single-quoted fragments as one argument', async () => {
    const fragments = ['-c', `'if [[ ! "$NODE_ENV" = "test" ]]; then exit 1; fi'`].join(' ').split(' ')
    const test = (value: string) => runScript(pod, { entryPoint: 'bash', args: fragments, env: { NODE_ENV: value } })
    expect((await test('test')).exitCode).toBe(0)
    expect((await test('other')).exitCode).toBe(1)
  })

  it('whose working directory does not exist fails in one line', async () => {
    const run = await runScript(pod, { run: 'echo ran', workingDirectory: '/no/such' })
    expect(run.exitCode).toBe(1)
    expect(errorsOf(run)).toEqual([expect.stringContaining('/no/such')])
    expect(run.stdout).not.toContain('ran\n')
  })

  it.each([0, 3])('gives its outputs to the runner when it exits with %i', async (code) => {
    const run = await runScript(pod, { run: `echo a=1 >>$GITHUB_OUTPUT; echo B=2 >>$GITHUB_ENV; exit ${code}` })
    expect(run.exitCode).toBe(code)
    expect(await run.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
    expect(await run.fileCommand('GITHUB_ENV')).toBe('B=2')
    expect(await run.fileCommand('GITHUB_STATE')).toBe('')
  })

  it("runs the runner's own node", async () => {
    await runScript(pod, { run: 'echo "console.log(process.version, process.argv.length)" >main.js' })
    const { exitCode, stdout } = await runScript(pod, {
      entryPoint: '/__e/node20/bin/node',
      args: ['"/__w/repo/repo/main.js"']
    })
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^v20\.\S+ 2$/)
  })

  it('brings what the runner reads of an action in the repository', async () => {
    const run = [
      'mkdir -p .github/actions/js/dist .github/actions/docker',
      'printf "runs:\\n  using: node20\\n  main: dist/main.js\\n" >.github/actions/js/action.yml',
      'echo main >.github/actions/js/dist/main.js',
      'echo "FROM scratch" >.github/actions/docker/Dockerfile',
      'echo lock >package-lock.json'
    ].join('\n')
    const env = { ACTIONS_RUNNER_CONTAINER_HOOKS_HASHFILES: 'package-lock.json' }
    expect((await runScript(pod, { run }, { env })).exitCode).toBe(0)
    expect(await pod.read(`${WORKSPACE}/.github/actions/js/action.yml`)).toContain('dist/main.js')
    expect(await pod.read(`${WORKSPACE}/.github/actions/js/dist/main.js`)).toBe('main')
    expect(await pod.read(`${WORKSPACE}/.github/actions/docker/Dockerfile`)).toBe('FROM scratch')
    expect(await pod.read(`${WORKSPACE}/package-lock.json`)).toBe('lock')
  })

  it.each([
    ['no state', null],
    ["another hook's state", 'jobPod only']
  ])('runs with %s', async (_title, state) => {
    const given = state === null ? null : { jobPod: `${pod.name}-workflow` }
    const { exitCode, stdout } = await runScript(pod, { run: 'echo here', state: given })
    expect([exitCode, stdout]).toEqual([0, 'here'])
  })

  it('cut off from the API server again and again runs once, and its log and exit code are whole', async () => {
    const proxy = await startProxy(pod)
    await proxy.order('every 1 900 900 400')
    const lines =
      'i=0; while [ $i -lt 12 ]; do seq $((i * 1000 + 1)) $((i * 1000 + 1000)); sleep 0.7; i=$((i + 1)); done'
    const step = await runScript(
      pod,
      { run: `echo run >>/__w/repo/repo/starts; ${lines}; echo a=1 >>$GITHUB_OUTPUT; printf end; exit 42` },
      { env: proxy.env }
    )
    await proxy.stop()
    expect(proxy.cuts()).toBeGreaterThan(1)
    expect(step.exitCode, step.stdout).toBe(42)
    const own = step.stdout.split('\n').filter((line) => !line.startsWith('Execute failed'))
    expect(own.join('\n')).toBe(`${Array.from({ length: 12_000 }, (_, at) => `${at + 1}\n`).join('')}end`)
    expect((await inJob(pod, 'cat /__w/repo/repo/starts')).stdout).toBe('run')
    expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
  })

  it('cancelled by SIGINT ends within 7 s, with everything that it has started', async () => {
    const run =
      "trap 'echo asked to end; exit 9' TERM; (sleep 301 & sleep 302) & setsid sleep 303 & echo ready; while :; do sleep 0.1; done"
    const script = await startScript(pod, { run })
    await script.line(/^ready$/)
    const signalledAt = performance.now()
    await script.signal('INT')
    const { exitCode } = await script.finished
    expect(performance.now() - signalledAt).toBeLessThan(CANCEL_MS_MAX)
    expect(exitCode).not.toBe(0)
    const { stdout } = await inJob(pod, 'for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline; echo; done')
    expect(stdout).not.toMatch(/sleep 30|while/)
  })

  it('leaves nothing of ours in the job container', async () => {
    await runScript(pod, { run: 'true' })
    const { stdout } = await inJob(
      pod,
      'ls -A /__w/_temp /tmp; for p in /proc/[0-9]*; do read -r s <$p/stat; echo "$s"; done'
    )
    expect(stdout).not.toMatch(/\.slipway-[0-9a-f]{8}/)
    if (mode === 'copy') expect(stdout).not.toContain('.sh\n')
    // Of processes that still run, the container's own and the one that looks.
    expect(stdout.match(/(?<=^\d+ \()\w+(?=\) [^Z])/gm)?.toSorted()).toEqual(['sh', 'tail'])
  })

  it('whose job pod is deleted fails in one line, and soon', async () => {
    const script = await startScript(pod, { run: 'echo ready; sleep 300' })
    await script.line(/^ready$/)
    await kubectl(['delete', 'pod', `${pod.name}-workflow`, '-n', pod.namespace, '--grace-period=0', '--force'])
    const deletedAt = performance.now()
    const run = await script.finished
    expect(performance.now() - deletedAt).toBeLessThan(20_000)
    expect(run.exitCode).toBe(1)
    expect(errorsOf(run)).toEqual([expect.stringMatching(/job pod .* is gone|deleted|ended/)])
  })
})
