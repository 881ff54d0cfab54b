/** Goal: what is kept of a command holds no value that may be a secret, and stays readable. Method: names and options as people write them. */
import { describe, expect, it } from 'vitest'
import { maskFor } from '../../../src/hooks/mask.ts'
import { parseInput } from '../../../src/hooks/requests/protocol.ts'

const VALUE = 'a-value-of-its-own'
const maskOf = (args: object) => maskFor(parseInput(JSON.stringify({ command: 'run_container_step', args })))
const shown = (args: object, text = VALUE) => maskOf({ image: 'alpine', ...args })(text)

describe('the value of a variable', () => {
  it.each(['GITHUB_SHA', 'GITHUB_REPOSITORY', 'RUNNER_OS', 'HOME', 'PATH', 'CI', 'LANG'])('%s is shown', (name) => {
    expect(shown({ environmentVariables: { [name]: VALUE } })).toBe(VALUE)
  })

  it.each([
    'GITHUB_TOKEN',
    'GITHUB_APP_SECRET_1',
    'GITHUB_MY_PASSWORD',
    'RUNNER_SIGNING_KEY',
    'MY_GITHUB_SHA',
    'GITHUB_',
    'GITHUB_SHA-1',
    'HOMEPAGE',
    'MY_HOME',
    'LANGUAGE',
    'TOKEN'
  ])('%s is hidden', (name) => {
    expect(shown({ environmentVariables: { [name]: VALUE } })).toBe('***')
  })

  it.each([
    ['12345', '12345'],
    ['123456', '***']
  ])('%s is shown as %s: a shorter one stands in too many words', (value, expected) => {
    expect(shown({ environmentVariables: { A: value } }, value)).toBe(expected)
  })
})

describe('options', () => {
  it.each([
    [`--env=TOKEN=${VALUE}`, '***'],
    [`-e "TOKEN=${VALUE}"`, '***'],
    [`-e TOKEN=x=${VALUE}`, '***'],
    // An unclosed quote is read word by word.
    [`-e "TOKEN=${VALUE} `, '***'],
    [`--name ${VALUE}`, VALUE]
  ])('%s leave %s', (createOptions, expected) => {
    expect(shown({ createOptions })).toBe(expected)
  })
})

it('arguments and the password for the registry are hidden, and the user name is not', () => {
  const registry = { username: 'somebody', password: VALUE, serverUrl: '' }
  expect(shown({ registry }, `somebody ${VALUE}`)).toBe('somebody ***')
  expect(shown({ entryPointArgs: [VALUE] })).toBe('***')
})

it('all containers of a job are looked at, and cleanup_job has none', () => {
  const withSecret = (value: string) => ({ image: 'x', environmentVariables: { A: value } })
  const args = { container: withSecret('of-the-job'), services: [withSecret('of-a-service'), withSecret('of-another')] }
  const mask = maskFor(parseInput(JSON.stringify({ command: 'prepare_job', args })))
  expect(mask('of-the-job of-a-service of-another')).toBe('*** *** ***')
  const services = maskFor(parseInput(JSON.stringify({ command: 'prepare_job', args: { services: args.services } })))
  expect(services('of-the-job of-a-service')).toBe('of-the-job ***')
  expect(maskFor(parseInput('{"command":"cleanup_job"}'))('of-the-job')).toBe('of-the-job')
})
