/** The runner's directories and file commands before and after steps: opened for every user, and put right without following a link. */
import { execFileSync } from 'node:child_process'
import { chmod, link, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isThere, openFileCommands, openForEveryUser, putRight } from '../../../../src/effects/work-tree/rights.ts'

const FILE_COMMANDS = '_temp/_runner_file_commands'
let home = ''
let work = ''
let outside = ''

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway-rights-'))
  work = join(home, '_work')
  outside = join(home, 'outside')
  await mkdir(join(work, FILE_COMMANDS), { recursive: true })
  await mkdir(outside)
  await chmod(outside, 0o750)
  await writeFile(join(outside, 'secret'), 'secret', { mode: 0o640 })
})
afterEach(async () => await rm(home, { recursive: true, force: true }))

const modeOf = async (path: string) => (await stat(path)).mode & 0o7777
const untouched = async () => {
  expect(await modeOf(outside)).toBe(0o750)
  expect(await modeOf(join(outside, 'secret'))).toBe(0o640)
  expect(await readdir(outside)).toEqual(['secret'])
  expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret')
}

describe('opening for every user', () => {
  test('makes directories, and opens them and the file commands', async () => {
    await writeFile(join(work, FILE_COMMANDS, 'set_output_1'), '', { mode: 0o600 })
    await openForEveryUser(work, [join(work, 'repo/repo'), join(work, FILE_COMMANDS)])
    expect(await modeOf(join(work, 'repo/repo'))).toBe(0o777)
    expect(await modeOf(join(work, FILE_COMMANDS))).toBe(0o777)
    expect(await modeOf(join(work, FILE_COMMANDS, 'set_output_1'))).toBe(0o666)
  })

  test.each([
    ['a link in its place', 'data', 'data'],
    ['a link on the way', 'data', 'data/new'],
    ['a link far up', 'data', 'data/new/deep']
  ])('leaves %s alone', async (_title, name, asked) => {
    await symlink(outside, join(work, name))
    await openForEveryUser(work, [join(work, asked)])
    await untouched()
  })

  test('leaves links, pipes, and files with a second name among the file commands alone', async () => {
    const commands = join(work, FILE_COMMANDS)
    await symlink(join(outside, 'secret'), join(commands, 'link'))
    await link(join(outside, 'secret'), join(commands, 'second-name'))
    execFileSync('mkfifo', [join(commands, 'pipe')])
    await openFileCommands(work)
    await untouched()
  })

  test('does not open the directory that a link in place of the file commands leads to', async () => {
    await rm(join(work, FILE_COMMANDS), { recursive: true })
    await symlink(outside, join(work, FILE_COMMANDS))
    await openFileCommands(work)
    await openForEveryUser(work, [join(work, FILE_COMMANDS)])
    await untouched()
  })
})

test('what is there is there, links included, and nothing behind a link is', async () => {
  await symlink(outside, join(work, 'link'))
  const found = ['link', 'link/secret', '_temp', 'nothing'].map((path) => isThere(work, join(work, path)))
  expect(await Promise.all(found)).toEqual([true, false, true, false])
})

describe('after a step', () => {
  const warnings: string[] = []
  const check = () => putRight(work, (message) => void warnings.push(message))
  beforeEach(() => void warnings.splice(0))

  test('plain file commands stay', async () => {
    await writeFile(join(work, FILE_COMMANDS, 'set_output_1'), 'a=1')
    await check()
    expect(await readFile(join(work, FILE_COMMANDS, 'set_output_1'), 'utf8')).toBe('a=1')
    expect(warnings).toEqual([])
  })

  test.each<readonly [string, (path: string) => unknown]>([
    ['a link to a file', (path) => symlink(join(outside, 'secret'), path)],
    ['a link to nothing', (path) => symlink('/nothing', path)],
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    ['a directory', (path) => mkdir(join(path, 'deep'), { recursive: true })]
  ])('%s in place of a file command is removed and named', async (_title, replace) => {
    await replace(join(work, FILE_COMMANDS, 'set_output_1'))
    await check()
    expect(await readdir(join(work, FILE_COMMANDS))).toEqual([])
    expect(warnings).toEqual([expect.stringContaining('set_output_1')])
    await untouched()
  })

  test.each(['_temp', FILE_COMMANDS, '_temp/_github_workflow', '_temp/_github_home'])(
    'a link in place of %s makes room for a directory',
    async (path) => {
      await rm(join(work, path), { recursive: true, force: true })
      await symlink(outside, join(work, path))
      await check()
      expect((await lstat(join(work, path))).isDirectory()).toBe(true)
      expect(warnings).toHaveLength(1)
      await untouched()
    }
  )

  test('a link in place of the event is removed: the runner writes it anew before each step', async () => {
    await mkdir(join(work, '_temp/_github_workflow'))
    await symlink(join(outside, 'secret'), join(work, '_temp/_github_workflow/event.json'))
    await check()
    expect(await readdir(join(work, '_temp/_github_workflow'))).toEqual([])
    await untouched()
  })

  test('no work directory is no error', async () => {
    await putRight(join(home, 'missing'), () => {})
  })
})
