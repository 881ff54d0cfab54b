/** ENTRYPOINT, CMD and what the action gives, put together as docker does it. */
import { expect, test } from 'vitest'
import { commandOf } from '../../../src/effects/image-config.ts'

const both = { Entrypoint: ['/entry', 'e1'], Cmd: ['c1', 'c2'] }

test.each([
  ['ENTRYPOINT and CMD', both, { args: [] }, ['/entry', 'e1', 'c1', 'c2']],
  ['arguments in place of CMD', both, { args: ['a', ''] }, ['/entry', 'e1', 'a', '']],
  ['an entry point in place of both', both, { entryPoint: 'x', args: [] }, ['x']],
  ['an entry point with arguments', both, { entryPoint: 'x', args: ['a'] }, ['x', 'a']],
  ['CMD alone', { Entrypoint: null, Cmd: ['c1'] }, { args: [] }, ['c1']],
  ['arguments alone', {}, { args: ['a'] }, ['a']],
  ['nothing at all', {}, { args: [] }, []]
])('runs %s', (_title, config, request, command) => {
  expect(commandOf(config, request)).toEqual(command)
})
