/** The response file: the runner's own and nothing else, whatever stands in its place before or while a job is set up. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openResponse } from '../../../src/hooks/response.ts'

let home = ''
let work = ''
let file = ''
let outside = ''

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway-response-'))
  work = join(home, '_work')
  file = join(work, '_temp/_runner_hook_responses/1.json')
  outside = join(home, 'precious')
  await mkdir(join(work, '_temp/_runner_hook_responses'), { recursive: true })
  await writeFile(file, '')
  await writeFile(outside, 'precious')
})
afterEach(async () => await rm(home, { recursive: true, force: true }))

async function respond(path: string | undefined, meanwhile = async () => {}): Promise<void> {
  const response = await openResponse(path, work)
  try {
    await meanwhile()
    await response.write({ state: {} })
  } finally {
    await response.close()
  }
}

describe('the response', () => {
  it('is one JSON document in place of what the file held', async () => {
    await writeFile(file, 'something longer than the response')
    await respond(file)
    expect(await readFile(file, 'utf8')).toBe('{"state":{}}')
  })

  it('may be a file that the runner has not made, and one that is outside of the work directory', async () => {
    for (const path of [join(work, '_temp/new.json'), join(home, 'elsewhere.json')]) {
      await respond(path)
      expect(await readFile(path, 'utf8')).toBe('{"state":{}}')
    }
  })

  it('is not written without a file', async () => await respond(undefined))

  it.each([
    ['missing/1.json', 'ENOENT'],
    ['_work/missing/1.json', 'ENOENT'],
    ['_work', 'EISDIR'],
    ['_work/', 'EISDIR']
  ])('is refused before anything is made when it could not be written: %s', async (path, reason) => {
    const refusal = { code: 'invalid-input', message: expect.stringContaining(`${path} cannot be written (${reason})`) }
    await expect(openResponse(`${home}/${path}`, work)).rejects.toMatchObject(refusal)
  })

  it('is refused when it is the directory above the work directory', async () => {
    await expect(openResponse(home, work)).rejects.toMatchObject({ code: 'files-refused' })
  })

  it('may be beside the work directory under a name that begins like the way up', async () => {
    await respond(join(work, '..json'))
    expect(await readFile(join(work, '..json'), 'utf8')).toBe('{"state":{}}')
  })

  it('is told as unwritable when the disk refuses it later', async () => {
    const response = await openResponse(file, work)
    await response.close()
    const refusal = { code: 'invalid-input', message: expect.stringContaining('EBADF'), cause: expect.anything() }
    await expect(response.write({})).rejects.toMatchObject(refusal)
  })

  it('holds no file once it is closed', async () => {
    const held = async () => {
      const open = await readdir('/proc/self/fd')
      const paths = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
      return paths.filter((path) => path.startsWith(home))
    }
    const response = await openResponse(file, work)
    await response.write({})
    expect(await held()).toEqual([file])
    await response.close()
    expect(await held()).toEqual([])
  })
})

const replaceFile = async (make: () => unknown) => {
  await rm(file)
  await make()
}
const replaceDirectory = async () => {
  await rename(join(work, '_temp'), join(work, 'moved'))
  await mkdir(join(home, 'theirs/_runner_hook_responses'), { recursive: true })
  await writeFile(join(home, 'theirs/_runner_hook_responses/1.json'), 'theirs')
  await symlink('../theirs', join(work, '_temp'))
}
const untouched = async () => {
  expect(await readFile(outside, 'utf8')).toBe('precious')
  const theirs = await readFile(join(home, 'theirs/_runner_hook_responses/1.json'), 'utf8').catch(() => 'theirs')
  expect(theirs).toBe('theirs')
}

describe.each<readonly [string, () => Promise<void>]>([
  ['a link to a file outside', () => replaceFile(() => symlink(outside, file))],
  ['a relative link to a file outside', () => replaceFile(() => symlink('../../../precious', file))],
  ['a link to nothing', () => replaceFile(() => symlink(join(home, 'nothing'), file))],
  ['a pipe', () => replaceFile(() => execFileSync('mkfifo', [file]))],
  ['a directory', () => replaceFile(() => mkdir(file))],
  ['a link on the way to it', replaceDirectory]
])('%s in its place', (_title, replace) => {
  it('before the job is refused at once', async () => {
    await replace()
    await expect(respond(file)).rejects.toMatchObject({
      code: 'files-refused',
      message: expect.stringContaining('_runner_hook_responses')
    })
    await untouched()
  })

  it('while the job is set up is refused, too', async () => {
    await expect(respond(file, replace)).rejects.toMatchObject({ code: 'files-refused' })
    await untouched()
  })
})

it('another file in its place while the job is set up is refused', async () => {
  const replace = () => replaceFile(() => writeFile(file, '{"state":{"jobPod":"theirs"}}'))
  await expect(respond(file, replace)).rejects.toMatchObject({ code: 'files-refused' })
})
