/**
 * Whatever happens to the connections of an order, its log and its exit code stay the action's own, its files arrive, and it
 * runs once. A proxy in front of the API server drops connections in the middle of files, logs and answers.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { runCleanupJob, startContainerStep } from './support/hook.ts'
import { canBuild, canBuildInPlace, IMAGES } from './support/images.ts'
import { inJob, startPrepareJob } from './support/job.ts'
import { errorsOf } from './support/leftovers.ts'
import type { Finished } from './support/process.ts'
import { startProxy, type TcpProxy } from './support/proxy.ts'
import { type RunnerPod, STORAGE_MODES, TEMP, WORKSPACE } from './support/runner-pod.ts'
import { startScript } from './support/script.ts'

/** Random bytes that no compression shortens; connections are cut after one and after two million of them. */
const FILE_BYTES = 3_000_000
const IN_FILES = (direction: 'up' | 'down') => [`after ${direction} 1000000`, `after ${direction} 2000000`]
/** Again and again, drawn by a seed: open for 0.3 to 0.9 s, then nobody answers for 0.15 s. */
const AGAIN_AND_AGAIN = 'every 20261124 300 900 150'
/** About what an API server needs to start. */
const RESTART = 'down 6000'
/** Longer than the tries of one call. */
const AWAY = 'down 10000'

/** Everything that a hook says by itself; what is neither this nor of the action was broken on the way. */
const OF_THE_HOOK =
  /^(Resolve|Place|Start|Inspect|Build|Push|Pull|Run|Collect|Clean up)( failed \([-a-z]+\))?: |^(Kubernetes API: |Succeeded with|Failed with|Execute failed|Cleanup failed, |Files for pod |::(end)?group::)|^command terminated/

const LINES = 3_000
/** 3,000 numbered lines in 12 parts over five seconds, and in between lines that are only half there for a while. */
const COUNT = `i=0; while [ $i -lt 12 ]; do seq $((i * 250 + 1)) $((i * 250 + 250)); printf 'half '; sleep 0.4; echo line; i=$((i + 1)); done`
const COUNTED = Array.from({ length: LINES }, (_, at) => [
  String(at + 1),
  ...((at + 1) % 250 === 0 ? ['half line'] : [])
]).flat()

function expectWhole(run: Finished, exitCode: number, expected: readonly string[]): void {
  expect(run.exitCode, run.stdout.slice(-2_000)).toBe(exitCode)
  const own = run.stdout.split('\n').filter((line) => !OF_THE_HOOK.test(line))
  // Compared as a whole only when it differs: a difference of thousands of lines is slow to print.
  const at = expected.findIndex((line, index) => own[index] !== line)
  expect({ at, line: own[at], before: own[at - 1], total: own.length }).toEqual({ at: -1, total: expected.length })
  expect(errorsOf(run)).toEqual([])
}

const makeFile = async (pod: RunnerPod, path: string): Promise<string> =>
  (await pod.exec(['sh', '-c', `head -c ${FILE_BYTES} /dev/urandom >${path} && sha256sum <${path}`])).stdout
const sumOf = async (pod: RunnerPod, path: string) => (await pod.exec(['sh', '-c', `sha256sum <${path}`])).stdout

const canBuildHere = await canBuild()
const canBuildHereInPlace = await canBuildInPlace()
const IN_PLACE_IMAGE = { ACTIONS_RUNNER_CONTAINER_HOOKS_IN_PLACE_IMAGE: IMAGES.kanikoDebug }

describe.each(STORAGE_MODES)('connections that are cut, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)
  let proxy: TcpProxy
  beforeAll(async () => {
    proxy = await startProxy(runner())
  })
  afterEach(async () => {
    await proxy.order('calm')
    const left = await runner().exec(['find', WORKSPACE, TEMP, '-name', '*slipway*'])
    expect(left.stdout).toBe('')
    await runner().exec(['sh', '-c', `rm -rf ${WORKSPACE}/*`])
  })
  afterAll(async () => await proxy?.stop())

  const MAKE = `head -c ${FILE_BYTES} /dev/urandom >made; sha256sum <made; rm stale; echo a=1 >>$GITHUB_OUTPUT`

  it('a container action gets its files, runs once, and gives them back', async () => {
    const sum = await makeFile(runner(), `${WORKSPACE}/given`)
    await runner().write(WORKSPACE, { stale: 'old' })
    if (mode === 'copy') await proxy.order(...IN_FILES('up'))
    const script = `echo run >>starts; sha256sum <given; ${COUNT}; ${MAKE}; echo done; sleep 2; printf end; exit 7`
    const action = { image: IMAGES.debian, entryPoint: '/bin/sh', args: ['-c', script] }
    const step = await startContainerStep(runner(), action, { env: proxy.env })
    await step.line(/^1$/)
    if (mode === 'copy') expect(proxy.cuts()).toBe(2)
    await proxy.order(AGAIN_AND_AGAIN)
    await step.line(/^done$/)
    await proxy.order('calm')
    const cuts = proxy.cuts()
    if (mode === 'copy') await proxy.order(...IN_FILES('down'))
    const finished = await step.finished
    const made = await sumOf(runner(), `${WORKSPACE}/made`)
    expectWhole(finished, 7, [sum, ...COUNTED, made, 'done', 'end'])
    expect(cuts).toBeGreaterThan(2)
    if (mode === 'copy') expect(proxy.cuts()).toBe(cuts + 2)
    expect(await runner().read(`${WORKSPACE}/starts`)).toBe('run')
    expect(await runner().read(`${WORKSPACE}/stale`)).toBeUndefined()
    expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
  })

  it('an API server that is away while an action runs and ends changes nothing', async () => {
    const script = 'echo first; sleep 3; echo last; echo a=1 >>$GITHUB_OUTPUT; exit 7'
    const action = { image: IMAGES.busybox, entryPoint: 'sh', args: ['-c', script] }
    const step = await startContainerStep(runner(), action, { env: proxy.env })
    await step.line(/^first$/)
    await proxy.order(AWAY)
    expectWhole(await step.finished, 7, ['first', 'last'])
    expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
  })

  it('a whole job is prepared, runs a script and a container action, and is cleaned up', async () => {
    const sum = await makeFile(runner(), `${WORKSPACE}/given`)
    await runner().write(WORKSPACE, { stale: 'old' })
    if (mode === 'copy') await proxy.order(...IN_FILES('up'))
    const job = await startPrepareJob(runner(), { container: { image: IMAGES.debian } }, { env: proxy.env })
    await job.line(/^Start: /)
    await proxy.order('cut')
    const prepared = await job.finished
    expect(prepared.exitCode, prepared.stdout).toBe(0)
    const response = await job.response()
    expect(response?.state).toEqual({ jobPod: `${runner().name}-workflow`, storage: mode })
    expect((await inJob(runner(), 'sha256sum </__w/repo/repo/given')).stdout).toBe(sum)

    const run = `echo first; sleep 7; ${COUNT}; echo b=2 >>$GITHUB_OUTPUT; exit 7`
    const script = await startScript(runner(), { run }, { env: proxy.env })
    await script.line(/^first$/)
    await proxy.order(RESTART)
    await script.line(/^1$/)
    await proxy.order(AGAIN_AND_AGAIN)
    expectWhole(await script.finished, 7, ['first', ...COUNTED])
    expect(await script.fileCommand('GITHUB_OUTPUT')).toBe('b=2')

    await proxy.order('calm', ...(mode === 'copy' ? [...IN_FILES('down'), ...IN_FILES('up')] : []))
    const action = {
      image: IMAGES.debian,
      entryPoint: '/bin/sh',
      args: ['-c', `sha256sum <given; ${MAKE}; echo done; sleep 2; exit 7`]
    }
    const step = await startContainerStep(runner(), action, { env: proxy.env })
    await step.line(/^done$/)
    await proxy.order('calm', 'cut', ...(mode === 'copy' ? [...IN_FILES('down'), ...IN_FILES('up')] : []))
    const finished = await step.finished
    const made = (await inJob(runner(), 'cd /__w/repo/repo; sha256sum <made; ls')).stdout.split('\n')
    expectWhole(finished, 7, [sum, made[0] ?? '', 'done'])
    expect(made.slice(1)).toEqual(['given', 'made'])
    expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')

    await proxy.order('calm', RESTART)
    const cleanup = await runCleanupJob(runner(), { env: proxy.env })
    expect([cleanup.exitCode, errorsOf(cleanup)], cleanup.stdout).toEqual([0, []])
  })

  it.skipIf(!canBuildHere)('a build gets its files, is done once, and its log is whole', async () => {
    const directory = await installAction(runner(), 'counts', {
      // What is printed differs from the line that prints it, which stands in the log too.
      Dockerfile: dockerfile(
        IMAGES.debianBase,
        'COPY given /given',
        `RUN sha256sum </given; n=0; while [ $n -lt 10 ]; do seq -f "built %.0f" $((n * 100 + 1)) $((n * 100 + 100)); sleep 0.4; n=$((n + 1)); done`,
        'ENTRYPOINT ["sh", "-c", "sha256sum </given; exit 7"]'
      )
    })
    const sum = await makeFile(runner(), `${directory}/given`)
    if (mode === 'copy') await proxy.order(...IN_FILES('up'))
    const step = await startContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env: proxy.env })
    await step.line(/^built 1$/)
    await proxy.order(AGAIN_AND_AGAIN)
    await step.line(/^built 1000$/)
    await proxy.order('calm')
    const finished = await step.finished
    expect(finished.exitCode, finished.stdout.slice(-2_000)).toBe(7)
    const built = finished.lines.flatMap(({ text }) => /^built (\d+)$/.exec(text)?.[1] ?? [])
    expect(built.length).toBe(1_000)
    expect(built.findIndex((number, at) => number !== String(at + 1))).toBe(-1)
    expect(finished.lines.filter(({ text }) => text === sum)).toHaveLength(2)
    expect(errorsOf(finished)).toEqual([])
  })

  it.skipIf(!canBuildHereInPlace).each([2, 5])('a build in place is handed over once: seed %i', async (seed) => {
    const directory = await installAction(runner(), 'in-place', {
      Dockerfile: dockerfile(
        IMAGES.debianBase,
        'RUN echo built',
        `ENTRYPOINT ["/bin/sh", "-c", "echo run >>starts; sleep 3; echo $0 ran; find /busybox /kaniko -type f; exit 7", "it"]`
      )
    })
    const action = { dockerfile: `${directory}/Dockerfile` }
    const env = { ...proxy.env, ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_MODE: 'in-place', ...IN_PLACE_IMAGE }
    const step = await startContainerStep(runner(), action, { env })
    await step.line(/^built$/)
    const cuts = proxy.cuts()
    await proxy.order(`every ${seed} 200 700 100`)
    await step.line(/^it ran$/)
    await proxy.order('calm')
    const { exitCode, stdout } = await step.finished
    expect(exitCode, stdout).toBe(7)
    expect(proxy.cuts()).toBeGreaterThan(cuts)
    expect(await runner().read(`${WORKSPACE}/starts`)).toBe('run')
    expect(stdout.match(/^it ran$/gm)).toHaveLength(1)
    // Nothing of the builder is left to the action.
    expect(stdout.match(/^\/(busybox|kaniko)\/.*/gm)).toBeNull()
  })
})
