/** Goal: what comes to the runner's disk after prepare_job gets into the job pod, and what a job checks out comes to the runner where it is built from. */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { JobSite } from '../../../../../src/effects/kubernetes/context/site.ts'
import { chooseTransfer } from '../../../../../src/effects/kubernetes/files/choose.ts'
import { filesIn, fill } from '../../../../support/work-volume.ts'
import { useDisks } from './fixture.ts'

const never = new AbortController().signal
const JOB: JobSite = { pod: 'runner-abc-workflow', uid: 'uid-job', serviceNames: [] }
const disks = useDisks(JOB.pod)
let [runner, job] = ['', '']
beforeEach(() => {
  ;[runner, job] = [disks().runner, disks().volume(JOB.pod)]
})
const transfer = async (site: { readonly job?: JobSite } = { job: JOB }) => chooseTransfer(await disks().site(site))

test('an action comes with the mark that it is whole, and with nothing else', async () => {
  const action = '_actions/owner/tool/v1'
  await fill(runner, {
    [`${action}/action.yml`]: 'runs: {}',
    [`${action}.completed`]: '',
    '_actions/owner/other/f': ''
  })
  await (await transfer()).copyInAction(action, never)
  expect(filesIn(job)).toEqual({ [`${action}/action.yml`]: 'runs: {}', [`${action}.completed`]: '' })
})

test('an action that another step has sent meanwhile is left as it is, and one that is not whole is replaced', async () => {
  const action = '_actions/owner/tool/v1'
  await fill(runner, { [`${action}/action.yml`]: 'runs: {}', [`${action}.completed`]: '' })
  await fill(job, { [`${action}/half`]: '' })
  const send = async () => await (await transfer()).copyInAction(action, never)
  await Promise.all([send(), send()])
  const { ino } = statSync(join(job, action, 'action.yml'))
  await send()
  expect(statSync(join(job, action, 'action.yml')).ino).toBe(ino)
  expect(filesIn(job)).toEqual({ [`${action}/action.yml`]: 'runs: {}', [`${action}.completed`]: '' })
  expect(readdirSync(job)).toEqual(['_actions'])
})

test('an action that the job pod has no room for is told as that', async () => {
  const action = '_actions/owner/tool/v1'
  await fill(runner, { [`${action}/action.yml`]: 'runs: {}', [`${action}.completed`]: '' })
  await rm(job, { recursive: true })
  await expect((await transfer()).copyInAction(action, never)).rejects.toMatchObject({
    code: 'workspace-delivery-failed',
    message: expect.stringContaining(`could not copy ${action} into the job pod: `)
  })
})

test('an action without a job pod is told as that', async () => {
  await expect((await transfer({})).copyInAction('_actions/o/r/v1', never)).rejects.toMatchObject({ code: 'run-lost' })
})

test('a checked-out action is on the runner as it is in the job pod', async () => {
  await fill(runner, { 'repo/repo/action/Dockerfile': 'FROM old', 'repo/repo/other': 'the runner’s' })
  await fill(job, { 'repo/repo/action/Dockerfile': 'FROM new', 'repo/repo/action/run.sh': '', 'repo/repo/other': 'x' })
  await (await transfer()).copyOutOfJob(join(runner, 'repo/repo/action'), never)
  expect(filesIn(runner)).toEqual({
    'repo/repo/action/Dockerfile': 'FROM new',
    'repo/repo/action/run.sh': '',
    'repo/repo/other': 'the runner’s'
  })
})

test('what a script has removed of a checked-out action is not built again, and what it has put in place of something is', async () => {
  const action = 'repo/repo/action'
  await fill(job, {
    [`${action}/Dockerfile`]: '1',
    [`${action}/gen1`]: '1',
    [`${action}/d/deep/f`]: '1',
    [`${action}/x`]: ''
  })
  const bring = async () => await (await transfer()).copyOutOfJob(join(runner, action), never)
  await bring()
  await fill(runner, { 'repo/repo/other': 'stays', [`${action}/made-here/f`]: '' })
  for (const gone of ['gen1', 'd', 'x']) await rm(join(job, action, gone), { recursive: true })
  await fill(job, { [`${action}/gen2`]: '2', [`${action}/x/now-a-directory`]: '2' })
  await symlink('gen2', join(job, action, 'd'))
  await bring()
  expect(filesIn(runner)).toEqual({
    [`${action}/Dockerfile`]: '1',
    [`${action}/gen2`]: '2',
    [`${action}/x/now-a-directory`]: '2',
    'repo/repo/other': 'stays'
  })
  expect(readlinkSync(join(runner, action, 'd'))).toBe('gen2')
  await rm(join(job, action), { recursive: true })
  await bring()
  expect(filesIn(runner)).toEqual({ 'repo/repo/other': 'stays' })
})

test('an action whose directory is a link is there as what it leads to; nothing comes from outside of the job’s files', async () => {
  await fill(job, { 'repo/repo/real/Dockerfile': 'FROM x', 'repo/repo/real/sub/f': '' })
  await symlink('repo/real', join(job, 'repo/way'))
  await symlink('../way', join(job, 'repo/repo/act'))
  await symlink('/etc', join(job, 'repo/repo/out'))
  await symlink('missing', join(job, 'repo/repo/dangling'))
  await symlink('real/Dockerfile', join(job, 'repo/repo/file'))
  const bring = async (name: string) => await (await transfer()).copyOutOfJob(join(runner, 'repo/repo', name), never)
  await bring('act')
  const expected = { 'repo/repo/act/Dockerfile': 'FROM x', 'repo/repo/act/sub/f': '' }
  expect(filesIn(runner)).toEqual(expected)
  for (const name of ['out', 'dangling', 'file', 'missing']) await bring(name)
  expect(filesIn(runner)).toEqual(expected)
  await bring('act/sub')
  expect(filesIn(runner)).toEqual(expected)
})

test('a downloaded action is the runner’s own, and nothing of the job pod takes its place', async () => {
  await fill(runner, { '_actions/o/r/v1/Dockerfile': 'FROM the-runners' })
  await fill(job, { '_actions/o/r/v1/Dockerfile': 'FROM the-jobs' })
  await (await transfer()).copyOutOfJob(join(runner, '_actions/o/r/v1'), never)
  expect(filesIn(runner)).toEqual({ '_actions/o/r/v1/Dockerfile': 'FROM the-runners' })
})

test('without a job pod there is nothing to look for', async () => {
  await (await transfer({})).copyOutOfJob(join(runner, 'repo/repo/action'), never)
  expect(existsSync(join(runner, 'repo/repo/action'))).toBe(false)
})

describe('artifacts', () => {
  const LIST = '_temp/_runner_file_commands/artifacts_1'
  const copyOut = async (...lines: readonly string[]) => {
    await fill(runner, { [LIST]: lines.join('\n') })
    await (await transfer()).copyOutArtifacts([LIST], never)
    return Object.keys(filesIn(runner)).filter((path) => path !== LIST)
  }

  test('come as what a link leads to, and nothing comes from outside of the job’s files', async () => {
    await fill(job, { 'repo/repo/dist/app-1': 'app', 'outside-of-root': '' })
    await symlink('app-1', join(job, 'repo/repo/dist/latest'))
    await symlink('dist', join(job, 'repo/repo/out'))
    await symlink('/etc/passwd', join(job, 'repo/repo/passwd'))
    const named = ['dist/latest', 'out/app-1', 'passwd', 'dist', '../../../etc/passwd', '-rf', 'dist/app-1']
    expect(await copyOut(...named)).toEqual(['repo/repo/dist/app-1', 'repo/repo/dist/latest', 'repo/repo/out/app-1'])
    expect(readFileSync(join(runner, 'repo/repo/dist/latest'), 'utf8')).toBe('app')
  })

  test('of no list, of an empty one, and without a job pod are none', async () => {
    expect(await copyOut('', '# nothing', 'missing')).toEqual([])
    await (await transfer()).copyOutArtifacts(['_temp/_runner_file_commands/set_output_1'], never)
    await (await transfer({})).copyOutArtifacts([LIST], never)
  })

  test('that cannot be read are told as that', async () => {
    await rm(job, { recursive: true })
    await expect(copyOut('a')).rejects.toThrow()
  })
})
