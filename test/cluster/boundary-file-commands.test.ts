/** What the runner reads after an order, and the hook writes for it, when a container has put something else in its place. */
import { describe, expect, it } from 'vitest'
import {
  attack,
  complaintsOf,
  expectNothingOfRunner,
  expectRefused,
  OUTSIDE,
  oddFileCommands,
  PLACES,
  readFileCommands,
  TOKEN,
  useBoundary
} from './support/boundary.ts'
import { runCleanupJob, runContainerStep } from './support/hook.ts'
import { IMAGES } from './support/images.ts'
import { type Job, type JobOptions, startPrepareJob } from './support/job.ts'
import { objectsLeft } from './support/leftovers.ts'
import type { Finished } from './support/process.ts'
import { HOME, mustExec, STORAGE_MODES, TEMP, WORK, WORKSPACE } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'

/** Each file command becomes something that is no plain file; `extra` is beside them, in `directory`. */
const replaceAll = (directory: string): readonly string[] => [
  `rm $GITHUB_OUTPUT; ln -s ${OUTSIDE}/file $GITHUB_OUTPUT`,
  `rm $GITHUB_ENV; ln -s ${TOKEN} $GITHUB_ENV`,
  'rm $GITHUB_PATH; ln -s /no/where $GITHUB_PATH',
  'rm $GITHUB_STATE; mkfifo $GITHUB_STATE',
  'rm $GITHUB_STEP_SUMMARY; mkdir $GITHUB_STEP_SUMMARY',
  `ln -s ${OUTSIDE}/file ${directory}/extra; ln -s ${TOKEN} ${directory}/token`
]
const OF_ACTION = '/github/file_commands'
const OF_SCRIPT = '/__w/_temp/_runner_file_commands'

describe.each(PLACES)('file commands, storage mode $mode, $job', ({ mode, job }) => {
  const place = useBoundary({ mode, job })
  const hasJob = job === 'with a job container'

  async function expectPlainFiles(): Promise<void> {
    const { pod } = place()
    expect(await oddFileCommands(pod)).toBe('')
    const read = await readFileCommands(pod)
    await expectNothingOfRunner(pod, read)
    expect(read).not.toContain('blocks')
  }

  /** What a step of the job gets to see through file commands that its arguments or its environment name. */
  async function expectNothingToPeekAt(): Promise<void> {
    const { pod } = place()
    const paths = ['extra', 'token'].map((name) => `${OF_SCRIPT}/${name}`)
    // What the job container itself has under these names is not the runner's.
    await runScript(pod, { run: `rm -f ${paths.join(' ')}` })
    const env = { PEEK: paths[0] ?? '', PEEK_TOO: paths[1] ?? '' }
    for (const peek of [{ args: [`'cat ${paths.join(' ')}; :'`] }, { args: [`'cat "$PEEK" "$PEEK_TOO"; :'`], env }]) {
      const { stdout } = await runScript(pod, { ...peek, args: ['-c', ...peek.args] })
      await expectNothingOfRunner(pod, stdout)
    }
  }

  it('are plain files after an action that replaced them, and it is told', async () => {
    const step = await runContainerStep(place().pod, attack(...replaceAll(OF_ACTION)))
    if (hasJob) await expectNothingToPeekAt()
    await expectPlainFiles()
    expect(complaintsOf(step).join('\n'), step.stdout).toContain('set_output_')
    await expectNothingOfRunner(place().pod, step.stdout)
  })

  it.runIf(hasJob)('are plain files after a script that replaced them', async () => {
    const step = await runScript(place().pod, { run: replaceAll(OF_SCRIPT).join('\n') })
    await expectNothingToPeekAt()
    await expectPlainFiles()
    // In copy mode they are files of the job container alone.
    if (mode === 'volume') expect(complaintsOf(step).join('\n'), step.stdout).toContain('set_output_')
    await expectNothingOfRunner(place().pod, step.stdout)
  })

  it('in a directory that has become a link leave the modes of what it leads to', async () => {
    const { pod } = place()
    const [opened, commands] = [`${HOME}/opened`, `${TEMP}/_runner_file_commands`]
    await mustExec(pod.exec, ['sh', '-ec', `mkdir -pm 750 ${opened}; echo a >${opened}/file; chmod 640 ${opened}/file`])
    await mustExec(pod.exec, ['sh', '-ec', `rm -r ${commands}; ln -s ${opened} ${commands}`])
    if (hasJob) await runScript(pod, { run: 'true' })
    await runContainerStep(pod, attack('true'))
    const { stdout } = await pod.exec(['stat', '-c', '%a', opened, `${opened}/file`])
    expect(stdout).toBe('750\n640')
  })
})

/** A service that is healthy once it has done what it wanted. */
const meanwhile = (script: string): Job => ({
  services: [
    {
      image: IMAGES.busybox,
      entryPoint: 'sh',
      entryPointArgs: ['-c', `"${script}; touch /tmp/done; sleep 60"`],
      createOptions: '--health-cmd "test -e /tmp/done" --health-interval 1s --health-retries 20'
    }
  ]
})
const RESPONSES = '_temp/_runner_hook_responses'
const ofEach = (script: string) => meanwhile(`for f in /__w/${RESPONSES}/*.json; do ${script}; done`)

describe.each(STORAGE_MODES)('prepare_job in storage mode %s', (mode) => {
  const place = useBoundary({ mode, job: 'without a job container' })

  /** It either answers in a file that the runner reads, or says once why not and leaves nothing; it never waits for ever. */
  async function expectOwnAnswer(job: Job, options?: JobOptions): Promise<void> {
    const { pod } = place()
    const run = await startPrepareJob(pod, job, options)
    const finished = await endedSoon(run.finished)
    if (finished === undefined) await run.signal('KILL')
    const { exitCode: isPlain } = await pod.exec([
      'sh',
      '-c',
      `[ -f ${run.responseFile} ] && [ ! -L ${run.responseFile} ]`
    ])
    const text = await pod.read(run.responseFile)
    const left = await objectsLeft(pod)
    await runCleanupJob(pod)
    expect(finished, 'prepare_job has ended').toBeDefined()
    if (finished?.exitCode === 0) {
      expect([isPlain, JSON.parse(text ?? '').state.jobPod]).toEqual([0, `${pod.name}-workflow`])
    } else {
      expectRefused(finished as Finished)
      expect(left).toEqual([])
    }
  }

  it.each([
    ['a link', `ln -sf ${OUTSIDE}/file`],
    ['a link to no file', `ln -sf ${OUTSIDE}/made`],
    ['a pipe', 'rm $0; mkfifo']
  ])('answers into no %s in the place of its response file', async (_title, command) => {
    const beforeStart = (path: string) => mustExec(place().pod.exec, ['sh', '-ec', `${command} $0`, path])
    await expectOwnAnswer({}, { beforeStart })
  })

  it.runIf(mode === 'volume').each([
    ['a link to a file', ofEach(`ln -sf ${OUTSIDE}/file $f`)],
    ['a link to no file', ofEach(`ln -sf ${OUTSIDE}/made $f`)],
    ['a pipe', ofEach('rm $f; mkfifo $f')],
    ['nothing', ofEach('rm $f')],
    [
      'a directory elsewhere',
      meanwhile(`mv /__w/${RESPONSES} /__w/${RESPONSES}.old; ln -s ${OUTSIDE}/directory /__w/${RESPONSES}`)
    ]
  ])('answers into no %s that a service has made of its response file meanwhile', async (_title, job) => {
    await expectOwnAnswer(job)
  })

  it.each([
    ['what is mounted', [`${WORK}/_tool`, `${WORK}/_actions`, `${TEMP}/_github_home`, `${TEMP}/_runner_file_commands`]],
    ['parts of volumes', [`${WORKSPACE}/led`, `${WORKSPACE}/also`]]
  ])('opens nothing to everybody, and makes nothing, behind links in the place of %s', async (_title, paths) => {
    const { pod } = place()
    const ofEachPath = (script: string) => ['sh', '-ec', `for p in "$@"; do ${script}; done`, 'sh', ...paths]
    const userMountVolumes = [volume(`${WORKSPACE}/led/made/here`), volume(`${WORKSPACE}/also`)]
    const target = `${OUTSIDE}/directory`
    await mustExec(pod.exec, ofEachPath(`[ ! -e $p ] || mv $p $p.kept; ln -s ${target} $p`))
    const run = await startPrepareJob(pod, {
      container: paths[0]?.startsWith(WORKSPACE) ? { userMountVolumes } : {}
    })
    await run.finished
    await mustExec(pod.exec, ofEachPath('rm -rf $p; [ ! -e $p.kept ] || mv $p.kept $p'))
    await runCleanupJob(pod)
  })
})

const volume = (sourceVolumePath: string) => ({
  sourceVolumePath,
  targetVolumePath: `/volume${sourceVolumePath.length}`
})

const END_MS_MAX = 45_000

/** Undefined when it takes too long. */
const endedSoon = (finished: Promise<Finished>): Promise<Finished | undefined> =>
  Promise.race([finished, new Promise<undefined>((resolve) => setTimeout(resolve, END_MS_MAX, undefined))])
