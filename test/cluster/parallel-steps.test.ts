/** Background and parallel steps (runner 2.335 and later): up to ten hooks of one job at the same time, each with its own exit code and files. */
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction, program } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { type HookRun, runCleanupJob, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import { objectsLeft } from './support/leftovers.ts'
import type { FileCommand } from './support/protocol.ts'
import { STORAGE_MODES, WORKSPACE } from './support/runner-pod.ts'
import { runScript, startScript } from './support/script.ts'

/** What each of the ten does with its name: a file of its own, one beside those of others, one that it removes, an output, an artifact. */
const WORK = (name: string) =>
  [
    `mkdir -p shared dist`,
    `echo ${name} > own-${name}`,
    `echo ${name} > shared/${name}`,
    `rm old/${name}`,
    `echo by=${name} >> "$GITHUB_OUTPUT"`,
    `echo "archive of ${name}" > dist/${name}.tgz`,
    `echo dist/${name}.tgz >> "$GITHUB_ARTIFACTS"`,
    `echo said by ${name}`
  ].join('\n')

interface Running extends HookRun {
  readonly name: string
  readonly exits: number
  fileCommand(command: FileCommand): Promise<string | undefined>
}

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('ten steps of one job at once, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('each has its own exit code, log and file commands, and what it did to the files counts', async () => {
    const prepared = await prepareJob(runner(), { container: { image: IMAGES.debian } })
    expect(prepared.exitCode, prepared.stdout).toBe(0)
    const state = prepared.response?.state
    const names = ['s0', 's1', 's2', 's3', 'i0', 'i1', 'b0', 'b1', 'b2']
    const first = await runScript(runner(), { run: `mkdir old; cd old; touch ${names.join(' ')} stays` })
    expect(first.exitCode, first.stdout).toBe(0)

    const build = (name: string) =>
      installAction(runner(), name, {
        Dockerfile: dockerfile(IMAGES.busyboxBase, 'COPY run.sh /run.sh', 'ENTRYPOINT ["/run.sh"]'),
        'run.sh': program('eval "$WORK"', 'exit "$CODE"'),
        name
      })
    const [same, another] = [await build('same'), await build('another')]
    const script = async (name: string, exits: number): Promise<Running> => ({
      name,
      exits,
      ...(await startScript(runner(), { run: `${WORK(name)}\nexit ${exits}` }))
    })
    const image = async (name: string, exits: number): Promise<Running> => ({
      name,
      exits,
      ...(await startContainerStep(runner(), {
        image: IMAGES.busybox,
        entryPoint: 'sh',
        args: ['-c', 'eval "$WORK"; exit "$CODE"'],
        env: { WORK: WORK(name), CODE: String(exits) },
        ...(state && { state })
      }))
    })
    const built = async (name: string, exits: number, directory: string): Promise<Running> => ({
      name,
      exits,
      ...(await startContainerStep(runner(), {
        dockerfile: `${directory}/Dockerfile`,
        env: { WORK: WORK(name), CODE: String(exits) },
        ...(state && { state })
      }))
    })
    const long = await startScript(runner(), { run: 'echo it waits; sleep 600' })
    const running = await Promise.all([
      built('b0', 0, same),
      built('b1', 7, same),
      built('b2', 9, another),
      image('i0', 0),
      image('i1', 42),
      script('s0', 0),
      script('s1', 3),
      script('s2', 0),
      script('s3', 255)
    ])
    await long.line(/^it waits$/)
    await long.signal('INT')
    expect((await long.finished).exitCode).toBe(130)

    for (const { name, exits, finished, fileCommand } of running) {
      const { exitCode, stdout } = await finished
      expect([name, exitCode], stdout).toEqual([name, exits])
      expect(stdout.match(/^said by .*/gm), name).toEqual([`said by ${name}`])
      expect(await fileCommand('GITHUB_OUTPUT'), name).toBe(`by=${name}`)
      expect(await fileCommand('GITHUB_ARTIFACTS'), name).toBe(`dist/${name}.tgz`)
      // The runner opens it on its own disk.
      expect(await runner().read(`${WORKSPACE}/dist/${name}.tgz`), name).toBe(`archive of ${name}`)
    }
    const seen = await runScript(runner(), { run: 'cat own-*; ls old; cat shared/*; ls dist' })
    const sorted = names.toSorted()
    expect(seen.stdout.split('\n')).toEqual([...sorted, 'stays', ...sorted, ...sorted.map((name) => `${name}.tgz`)])

    // The runner gives up on a background step that does not end in time, and cleans up all the same.
    const scriptLeft = await startScript(runner(), { run: 'echo it stays; sleep 600' })
    const imageLeft = await startContainerStep(runner(), {
      image: IMAGES.busybox,
      entryPoint: 'sh',
      args: ['-c', 'echo it stays; sleep 600'],
      ...(state && { state })
    })
    await Promise.all([scriptLeft.line(/^it stays$/), imageLeft.line(/^it stays$/)])
    const cleanup = await runCleanupJob(runner())
    expect(cleanup.exitCode, cleanup.stdout).toBe(0)
    for (const { finished } of [scriptLeft, imageLeft]) expect((await finished).exitCode).not.toBe(0)
    expect(await objectsLeft(runner())).toEqual([])
  })
})
