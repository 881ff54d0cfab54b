/**
 * Goal: in copy mode a container action sees the files that it would see on the runner's own disk, and they are afterwards what it has made
 * of them. Method: the product's own scripts, in directories that stand for the volumes of a step pod and a job pod.
 */
import { rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { JobSite, Site } from '../../../../../src/effects/kubernetes/context/site.ts'
import { chooseTransfer } from '../../../../../src/effects/kubernetes/files/choose.ts'
import { FILE_COMMANDS, HOME, HOOK_RESPONSES, TEMP, WORKFLOW } from '../../../../../src/effects/work-tree/layout.ts'
import { StepError } from '../../../../../src/errors.ts'
import type { CopiedIn, Mount } from '../../../../../src/machines/types.ts'
import { filesIn, fill, letTimePass } from '../../../../support/work-volume.ts'
import { useDisks } from './fixture.ts'

const never = new AbortController().signal
const STEP = 'runner-abc-step-0'
const OTHER_STEP = 'runner-abc-step-1'
const JOB: JobSite = { pod: 'runner-abc-workflow', uid: 'uid-job', serviceNames: [] }
const lost = () => new StepError('run-lost', 'gone')

const disks = useDisks(STEP, OTHER_STEP, JOB.pod)
let [runner, step, otherStep, job] = ['', '', '', '']
beforeEach(() => {
  const { volume } = disks()
  ;[runner, step, otherStep, job] = [disks().runner, volume(STEP), volume(OTHER_STEP), volume(JOB.pod)]
})

const mountsOf = (...paths: readonly string[]): Mount[] =>
  paths.map((path) => ({ source: join(runner, path), target: `/${path}`, readOnly: false }))
const MOUNTED = ['repo/repo', TEMP, HOME, FILE_COMMANDS]

/** By the pods that they are in: what the machine knows of the files between the two. */
const copied = new Map<string, CopiedIn>()

async function copyIn(where: Site, mounts: readonly Mount[], pod = STEP): Promise<void> {
  copied.set(pod, await chooseTransfer(where).copyInStep({ pod, lost }, mounts, never))
  for (const disk of [step, otherStep, job, runner]) letTimePass(disk)
}
const copyOut = async (where: Site, mounts: readonly Mount[], pod = STEP) =>
  await chooseTransfer(where).copyOutStep({ pod, ...copied.get(pod) }, mounts, never)

describe('without a job pod', () => {
  const FILES = {
    'repo/repo/kept': 'kept',
    'repo/repo/removed': 'removed',
    'repo/repo/directory/below': 'removed',
    [`${FILE_COMMANDS}/set_output_1`]: ''
  }
  beforeEach(() => fill(runner, FILES))

  test('the action sees the runner’s files, but not what the runner keeps for itself', async () => {
    await fill(runner, { [`${HOOK_RESPONSES}/1.json`]: '{}', '_actions/o/r/v1/action.yml': '' })
    await copyIn(await disks().site(), mountsOf(...MOUNTED))
    expect(filesIn(step)).toEqual(FILES)
  })

  test('the runner’s disk is afterwards what the action has made of it', async () => {
    const where = await disks().site()
    const mounts = mountsOf(...MOUNTED)
    await copyIn(where, mounts)
    // Nobody else wrote this, and so nobody is told of it.
    await writeFile(join(runner, 'repo/repo/kept'), 'untouched by the action')
    await rm(join(step, 'repo/repo/removed'))
    await rm(join(step, 'repo/repo/directory'), { recursive: true })
    await fill(step, { 'repo/repo/new': 'new', [`${FILE_COMMANDS}/set_output_1`]: 'a=1\n' })
    await copyOut(where, mounts)
    expect(filesIn(runner)).toEqual({
      'repo/repo/kept': 'untouched by the action',
      'repo/repo/new': 'new',
      [`${FILE_COMMANDS}/set_output_1`]: 'a=1\n'
    })
    expect(disks().said()).toBe('')
  })

  test('what somebody has changed since on the runner’s disk stays, although the action has removed it', async () => {
    const mounts = mountsOf(...MOUNTED)
    await copyIn(await disks().site(), mounts)
    await writeFile(join(runner, 'repo/repo/removed'), 'by another step')
    await fill(runner, { 'repo/repo/directory/other': 'by another step' })
    await rm(join(step, 'repo/repo/removed'))
    await rm(join(step, 'repo/repo/directory'), { recursive: true })
    await copyOut(await disks().site(), mounts)
    expect(filesIn(runner)).toEqual({
      'repo/repo/kept': 'kept',
      'repo/repo/removed': 'by another step',
      'repo/repo/directory/other': 'by another step',
      [`${FILE_COMMANDS}/set_output_1`]: ''
    })
  })

  test('what is below mounts that are only read stays as it is', async () => {
    const where = await disks().site()
    const mounts = mountsOf(...MOUNTED).map((mount) => ({ ...mount, readOnly: true }))
    await copyIn(where, mounts)
    await rm(join(step, 'repo/repo/removed'))
    await copyOut(where, mounts)
    expect(filesIn(runner)).toEqual(FILES)
  })

  test('more than may be copied out is refused', async () => {
    const where = await disks().site({ bytesMax: 1_000 })
    await copyIn(where, mountsOf(...MOUNTED))
    await fill(step, { 'repo/repo/large': 'x'.repeat(1_001) })
    await expect(copyOut(where, mountsOf(...MOUNTED))).rejects.toMatchObject({ code: 'files-refused' })
  })

  test('a link in place of the directory of the file commands stays where it is, and is told', async () => {
    const where = await disks().site()
    await copyIn(where, mountsOf(...MOUNTED))
    await rm(join(step, FILE_COMMANDS), { recursive: true })
    await symlink('/etc', join(step, FILE_COMMANDS))
    await copyOut(where, mountsOf(...MOUNTED))
    expect(filesIn(runner)).toMatchObject({ 'repo/repo/kept': 'kept' })
    expect(disks().said()).toContain(`'${FILE_COMMANDS}' is not copied to the runner: it is no directory any more`)
  })
})

describe('in a job with a job pod', () => {
  const ON_RUNNER = {
    'repo/repo/kept': 'as prepare_job found it',
    [`${FILE_COMMANDS}/set_output_2`]: '',
    [`${WORKFLOW}/event.json`]: '{}'
  }
  const IN_JOB = {
    'repo/repo/kept': 'as an earlier step has left it',
    'repo/repo/removed': 'removed',
    'repo/repo/directory/below': 'removed',
    [`${TEMP}/file`]: 'of the job'
  }
  const OF_OTHERS = { [`${FILE_COMMANDS}/set_output_1`]: 'forged=1', [`${WORKFLOW}/event.json`]: 'forged' }
  const MOUNTED_IN_JOB = [...MOUNTED, WORKFLOW]

  beforeEach(async () => {
    await fill(runner, ON_RUNNER)
    await fill(job, { ...IN_JOB, ...OF_OTHERS, [`${HOOK_RESPONSES}/1.json`]: '{}' })
  })

  test('the action sees the job pod’s files, and the runner’s file commands and event', async () => {
    await copyIn(await disks().site({ job: JOB }), mountsOf(...MOUNTED_IN_JOB))
    expect(filesIn(step)).toEqual({
      ...IN_JOB,
      [`${FILE_COMMANDS}/set_output_2`]: '',
      [`${WORKFLOW}/event.json`]: '{}'
    })
  })

  test('the job pod has afterwards what the action has made of the files, and the runner only the file commands', async () => {
    const where = await disks().site({ job: JOB })
    const mounts = mountsOf(...MOUNTED_IN_JOB)
    await copyIn(where, mounts)
    await writeFile(join(job, 'repo/repo/kept'), 'written meanwhile')
    await rm(join(step, 'repo/repo/removed'))
    await rm(join(step, 'repo/repo/directory'), { recursive: true })
    await fill(step, { "repo/repo/it's new": 'new', [`${FILE_COMMANDS}/set_output_2`]: 'a=1\n' })
    await copyOut(where, mounts)
    expect(filesIn(job)).toMatchObject({ 'repo/repo/kept': 'written meanwhile', "repo/repo/it's new": 'new' })
    expect(Object.keys(filesIn(job)).filter((path) => /removed|below/.test(path))).toEqual([])
    expect(filesIn(runner)).toEqual({ ...ON_RUNNER, [`${FILE_COMMANDS}/set_output_2`]: 'a=1\n' })
  })
})

describe.each([
  ['the runner’s disk', undefined],
  ['the job pod', JOB]
])('two steps at once, whose files come from %s', (_title, ofJob) => {
  const mounts = () => mountsOf('repo/repo')
  const at = (path: string) => join(ofJob === undefined ? runner : job, 'repo/repo', path)
  const now = () =>
    Object.fromEntries(
      Object.entries(filesIn(ofJob === undefined ? runner : job)).map(([path, text]) => [
        path.slice('repo/repo/'.length),
        text
      ])
    )
  const inStep = (path: string) => join(step, 'repo/repo', path)
  const inOther = (path: string) => join(otherStep, 'repo/repo', path)
  /** Each step is a hook of its own. */
  const site = async () => await disks().site({ job: ofJob })

  async function both(work: () => Promise<void>, together: boolean): Promise<void> {
    const [one, other] = [await site(), await site()]
    await copyIn(one, mounts())
    await copyIn(other, mounts(), OTHER_STEP)
    await work()
    const first = copyOut(one, mounts())
    if (!together) await first
    await Promise.all([first, copyOut(other, mounts(), OTHER_STEP)])
  }

  beforeEach(async () => {
    const there = { kept: 'k', 'd/1': '1', 'd/2': '2', 'd/deep/3': '3', 'd/link-to': 'x', changed: 'old' }
    await fill(
      ofJob === undefined ? runner : job,
      Object.fromEntries(Object.entries(there).map(([path, text]) => [`repo/repo/${path}`, text]))
    )
  })

  test.each([true, false])('each brings back what it wrote and removed (at the same moment: %s)', async (together) => {
    await both(async () => {
      await fill(step, { 'repo/repo/one': '1', 'repo/repo/both/one': '1' })
      await fill(otherStep, { 'repo/repo/other': '2', 'repo/repo/both/other': '2' })
      await rm(inStep('d/1'))
      await rm(inOther('d/2'))
    }, together)
    expect(now()).toEqual({
      kept: 'k',
      changed: 'old',
      one: '1',
      other: '2',
      'both/one': '1',
      'both/other': '2',
      'd/deep/3': '3',
      'd/link-to': 'x'
    })
    expect(disks().said()).toBe('')
  })

  test('what one has removed with its directory leaves what the other has made and changed in it', async () => {
    const [one, other] = [await site(), await site()]
    await copyIn(one, mounts())
    await copyIn(other, mounts(), OTHER_STEP)
    await rm(inStep('d'), { recursive: true })
    await rm(inStep('changed'))
    await fill(otherStep, { 'repo/repo/d/new': 'new', 'repo/repo/changed': 'new', 'repo/repo/d/deep/3': 'new' })
    await copyOut(other, mounts(), OTHER_STEP)
    await copyOut(one, mounts())
    expect(now()).toEqual({ kept: 'k', changed: 'new', 'd/new': 'new', 'd/deep/3': 'new' })
  })

  test('the same holds for what a script does meanwhile', async () => {
    const one = await site()
    await copyIn(one, mounts())
    await rm(inStep('d'), { recursive: true })
    await fill(at('.'), { 'd/1': 'by a script', 'd/by-script': '' })
    await rm(at('kept'))
    await copyOut(one, mounts())
    expect(now()).toEqual({ changed: 'old', 'd/1': 'by a script', 'd/by-script': '' })
  })

  test('an archive that is cut short is noticed, whatever other steps have left', async () => {
    const one = await site()
    if (ofJob !== undefined) {
      // An action from the workspace is brought to the runner before it is built.
      await chooseTransfer(one).copyOutOfJob(join(runner, 'repo/repo/d'), never)
      await fill(job, { '.complete': '' })
    }
    await copyIn(one, mounts())
    await fill(step, { 'repo/repo/one': '1' })
    const { run } = disks().server
    // Whole members, and no last one.
    disks().server.run = (pod, container, command) =>
      run(
        pod,
        container,
        command.map((word) => word.replace(/printf '\.complete[^']*' >>/, "printf '' >>"))
      )
    await expect(copyOut(one, mounts())).rejects.toMatchObject({ code: 'collect-failed' })
  })
})

describe('artifacts that a container action names', () => {
  test('are on the runner, though its other files stay in the job pod', async () => {
    await fill(runner, {
      [`${FILE_COMMANDS}/artifacts_2`]: '',
      [`${FILE_COMMANDS}/artifacts_list_2`]: '{"version":1,"subjects":[]}'
    })
    await fill(job, { 'repo/repo/old': 'old', [`${TEMP}/log`]: 'log' })
    const where = await disks().site({ job: JOB })
    await copyIn(where, mountsOf('repo/repo', FILE_COMMANDS))
    await fill(step, {
      'repo/repo/dist/app 1.tgz': 'app',
      'repo/repo/other': 'not named',
      [`${FILE_COMMANDS}/artifacts_2`]: [
        '# made here',
        'dist/app 1.tgz',
        'file://old',
        '/__w/_temp/log',
        'missing',
        'oci://x@sha256:0',
        ''
      ].join('\n')
    })
    await copyOut(where, mountsOf('repo/repo', FILE_COMMANDS))
    expect(filesIn(runner)).toMatchObject({
      'repo/repo/dist/app 1.tgz': 'app',
      'repo/repo/old': 'old',
      [`${TEMP}/log`]: 'log'
    })
    expect(Object.keys(filesIn(runner)).filter((path) => /other|missing/.test(path))).toEqual([])
  })
})
