/** The file commands of a step, as an action writes them. */
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeDirectories, parseOutputs } from '../../../src/cli/directories.ts'

test.each([
  ['one line', 'name=value\n', { name: 'value' }],
  ['a value with equals signs and blanks', 'name= a=b \n', { name: ' a=b ' }],
  ['several lines', 'text<<END\none\n\ntwo=2\nEND\nnext=3\n', { text: 'one\n\ntwo=2', next: '3' }],
  ['a heredoc that never ends', 'text<<END\none\n', { text: 'one\n' }],
  ['the last of two', 'name=1\nname=2\n', { name: '2' }],
  ['an angle bracket in a value', 'name=a<<b\n', { name: 'a<<b' }],
  ['nothing', '', {}]
])('reads outputs: %s', (_title, content, outputs) => {
  expect(parseOutputs(content)).toEqual(outputs)
})

test('makes the five directories with empty file commands, reads back what was written, and removes all', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'slipway-unit-'))
  try {
    const directories = await makeDirectories(parent, undefined)
    expect(directories.mounts.map(({ target }) => target)).toEqual([
      '/github/workspace',
      '/github/home',
      '/github/workflow',
      '/github/file_commands',
      '/github/runner_temp'
    ])
    const commands = directories.mounts[3]?.source ?? ''
    expect(join('/github/file_commands', 'set_output')).toBe(directories.env.GITHUB_OUTPUT)
    expect(await readFile(join(commands, 'set_output'), 'utf8')).toBe('')
    await writeFile(join(commands, 'set_output'), 'name=value\n')
    expect(await directories.readFileCommands()).toEqual({ GITHUB_OUTPUT: 'name=value\n' })
    // An action may have left a link to somebody's file.
    await rm(join(commands, 'set_env'))
    await symlink(join(parent, 'secret'), join(commands, 'set_env'))
    await writeFile(join(parent, 'secret'), 'secret')
    expect(await directories.readFileCommands()).toEqual({ GITHUB_OUTPUT: 'name=value\n' })
    await rm(join(parent, 'secret'))
    await directories.remove()
    expect(await readdir(parent)).toEqual([])
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
})

test('leaves a workspace of the caller alone', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'slipway-unit-'))
  try {
    const workspace = await mkdtemp(join(parent, 'mine-'))
    const directories = await makeDirectories(parent, workspace)
    expect(directories.mounts[0]?.source).toBe(workspace)
    await directories.remove()
    expect((await stat(workspace)).isDirectory()).toBe(true)
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
})
