/** The action's own exit code, read from buildah's exit code and its last words (recorded from buildah 1.28). */
import { expect, test } from 'vitest'
import { exitCodeOf } from '../../../src/effects/local/buildah.ts'
import { StepError } from '../../../src/errors.ts'

const ended = (code: number) =>
  `subprocess exited with status ${code}\nsubprocess exited with status ${code}\nError: exit status ${code}\n`

test.each([
  ['success', 0, 'all well\n', 0],
  ['the code of the program', 5, ended(5), 5],
  ['a code that buildah uses itself', 125, `hello\n${ended(125)}`, 125],
  [
    'a signal as 128 + n',
    1,
    'subprocess exited on killed\nsubprocess exited with status 1\nError: exit status 1\n',
    137
  ],
  [
    'a segmentation fault as 139',
    1,
    'subprocess exited on segmentation fault\nsubprocess exited with status 1\nError: exit status 1\n',
    139
  ]
])('is %s', (_title, exitCode, tail, expected) => {
  expect(exitCodeOf(exitCode, tail, 'image')).toBe(expected)
})

test.each([
  [
    'a program that is not there',
    1,
    'process failed to start with error: fork/exec /nope: no such file or directoryprocess exited with error: exec: not startedsubprocess exited with status 1\nError: exit status 1\n'
  ],
  ['a failure of buildah itself', 125, 'Error: container "slipway-1" is not mounted\n']
])('is start-failed for %s', (_title, exitCode, tail) => {
  expect(() => exitCodeOf(exitCode, tail, 'image')).toThrow(StepError)
  expect(() => exitCodeOf(exitCode, tail, 'image')).toThrow(expect.objectContaining({ code: 'start-failed' }))
})
