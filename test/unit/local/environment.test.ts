/** How a step's variables reach the engine: no value of the author's is seen in the list of processes. */
import { expect, test } from 'vitest'
import { environmentArguments } from '../../../src/effects/local/engine.ts'

test('values are inherited, and only names are on the command line', () => {
  const { args, env } = environmentArguments({ TOKEN: 'secret', 'INPUT_WITH-DASH': 'two\nlines' })
  expect(args).toEqual(['--env', 'TOKEN', '--env', 'INPUT_WITH-DASH'])
  expect(env).toEqual({ TOKEN: 'secret', 'INPUT_WITH-DASH': 'two\nlines' })
})

test('variables that the engine reads as well go by value, so that they do not change the engine', () => {
  const { args, env } = environmentArguments({ HOME: '/github/home', PATH: '/bin', DOCKER_HOST: 'tcp://x', EMPTY: '' })
  expect(args).toEqual([
    ...['--env', 'HOME=/github/home', '--env', 'PATH=/bin'],
    ...['--env', 'DOCKER_HOST=tcp://x', '--env', 'EMPTY=']
  ])
  expect(env).toEqual({})
})

test('a password that the engine could read stays off the command line', () => {
  expect(environmentArguments({ DOCKER_PASSWORD: 'secret' }).args).toEqual(['--env', 'DOCKER_PASSWORD'])
})
