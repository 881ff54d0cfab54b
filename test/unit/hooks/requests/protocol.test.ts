/** Goal: what the runner sends is understood, and what it should not send is refused in one line that says what to do. */
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { StepError } from '../../../../src/errors.ts'
import { INPUT_BYTES_MAX, parseInput, readInput } from '../../../../src/hooks/requests/protocol.ts'

const containerStep = {
  command: 'run_container_step',
  responseFile: null,
  state: null,
  args: {
    image: null,
    dockerfile: '/home/runner/_work/_actions/o/r/v1/Dockerfile',
    entryPoint: null,
    entryPointArgs: ['"a', 'b"'],
    workingDirectory: '/github/workspace',
    createOptions: null,
    environmentVariables: { A: '1', EMPTY: '' },
    portMappings: null,
    userMountVolumes: null,
    systemMountVolumes: [{ userProvidedValue: null, sourceVolumePath: '/s', targetVolumePath: '/t', readOnly: false }],
    registry: null
  }
}

function refusal(text: string): StepError {
  try {
    parseInput(text)
  } catch (thrown) {
    if (thrown instanceof StepError) return thrown
  }
  throw new Error('it was accepted')
}

describe('parsing the input', () => {
  it('understands a container step with nulls', () => {
    const input = parseInput(JSON.stringify(containerStep))
    expect(input).toMatchObject({
      command: 'run_container_step',
      args: {
        dockerfile: containerStep.args.dockerfile,
        entryPointArgs: ['"a', 'b"'],
        environmentVariables: { A: '1', EMPTY: '' },
        systemMountVolumes: [{ sourceVolumePath: '/s', targetVolumePath: '/t', readOnly: false }]
      }
    })
  })

  it('takes an absent field like a null one', () => {
    const withoutNulls = JSON.parse(JSON.stringify(containerStep, (_key, value) => value ?? undefined))
    expect(parseInput(JSON.stringify(withoutNulls))).toEqual(parseInput(JSON.stringify(containerStep)))
  })

  it('accepts pretty-printed JSON with blank lines around it', () => {
    const pretty = `\n${JSON.stringify(containerStep, null, 2)}\n\n`
    expect(parseInput(pretty)).toEqual(parseInput(JSON.stringify(containerStep)))
  })

  it.each([
    ['prepare_job', { container: null, services: [{ image: 'redis', portMappings: ['6379'] }] }],
    ['cleanup_job', {}],
    ['cleanup_job', null],
    ['run_script_step', { entryPoint: 'bash', entryPointArgs: ['-e', 'x.sh'], prependPath: '/one', state: null }]
  ])('understands %s', (command, args) => {
    expect(parseInput(JSON.stringify({ command, args, state: { jobPod: 'p' } }))).toMatchObject({
      command,
      state: { jobPod: 'p' }
    })
  })

  it('takes a single prependPath of old runners as a list of one', () => {
    const input = parseInput(
      JSON.stringify({ command: 'run_script_step', args: { entryPoint: 'sh', prependPath: '/p' } })
    )
    expect(input.args).toMatchObject({ prependPath: ['/p'] })
  })

  it.each([
    ['an empty input', '', 'The input is empty'],
    ['blanks only', ' \n', 'The input is empty'],
    ['no JSON', '{"command":', 'The input is not JSON'],
    ['a JSON text', '"run_container_step"', 'command must be one of'],
    ['a JSON null', 'null', 'command must be one of'],
    ['no command', '{}', 'but is missing'],
    ['an unknown command', '{"command":"fly"}', "but is 'fly'"],
    ['args of a wrong kind', '{"command":"run_container_step","args":[]}', 'args must be an object, but is an array'],
    ['no args', '{"command":"run_container_step"}', 'args must be an object, but is missing'],
    [
      'a number among the arguments',
      '{"command":"run_container_step","args":{"entryPointArgs":["a",5]}}',
      'args.entryPointArgs[1] must be a string, but is a number'
    ],
    [
      'a number as a variable',
      '{"command":"run_container_step","args":{"environmentVariables":{"PORT":5}}}',
      'args.environmentVariables.PORT must be a string, but is a number'
    ],
    [
      'a mount without a target',
      '{"command":"run_container_step","args":{"systemMountVolumes":[{"sourceVolumePath":"/a"}]}}',
      'args.systemMountVolumes[0].targetVolumePath must be a string, but is missing'
    ],
    [
      'a script without an entry point',
      '{"command":"run_script_step","args":{}}',
      'args.entryPoint must be a string, but is missing'
    ]
  ])('refuses %s in one line', (_title, text, expected) => {
    const error = refusal(text)
    expect(error.code).toBe('invalid-input')
    expect(error.message).toContain(expected)
    expect(error.message).not.toContain('\n')
  })

  it('repeats the beginning of an unknown command, on one line, with all that there are', () => {
    const { message } = refusal(JSON.stringify({ command: `fly\n \t${'x'.repeat(200)}` }))
    expect(message).toBe(
      `command must be one of prepare_job, cleanup_job, run_script_step, run_container_step, but is 'fly ${'x'.repeat(36)}'`
    )
    const kinds = [5, true, ['a'], { a: 1 }, null].map((command) => refusal(JSON.stringify({ command })).message)
    const words = ['a number', 'a boolean', 'an array', 'an object', 'null']
    expect(kinds).toEqual(words.map((word) => expect.stringMatching(new RegExp(`but is ${word}$`))))
  })

  it.each([
    [{ environmentVariables: { '': 'x' } }, 'args.environmentVariables. cannot be a variable'],
    [{ environmentVariables: { 'A=B': 'x' } }, 'args.environmentVariables.A=B cannot be a variable'],
    [{ environmentVariables: { 'A\0': 'x' } }, 'args.environmentVariables.A\0 cannot be a variable'],
    [{ environmentVariables: 'A' }, 'args.environmentVariables must be an object, but is a string'],
    [{ entryPointArgs: 'a' }, 'args.entryPointArgs must be an array, but is a string'],
    [{ userMountVolumes: [5] }, 'args.userMountVolumes[0] must be an object, but is a number'],
    [
      { systemMountVolumes: [{ targetVolumePath: '/a', readOnly: 'no' }] },
      'args.systemMountVolumes[0].readOnly must be a boolean'
    ],
    [{ registry: { username: 5 } }, 'args.registry.username must be a string, but is a number'],
    [{ image: false }, 'args.image must be a string, but is a boolean'],
    [{ dockerfile: {} }, 'args.dockerfile must be a string, but is an object'],
    [{ workingDirectory: [] }, 'args.workingDirectory must be a string, but is an array'],
    [{ createOptions: 1 }, 'args.createOptions must be a string, but is a number'],
    [{ portMappings: [80] }, 'args.portMappings[0] must be a string, but is a number']
  ])('refuses the container %j', (args, expected) => {
    const { message } = refusal(JSON.stringify({ command: 'run_container_step', args }))
    expect(message.startsWith(expected)).toBe(true)
    expect(message).toContain('check that this hook fits')
  })

  it.each([
    [{ command: 'prepare_job', args: { services: {} } }, 'args.services must be an array, but is an object'],
    [{ command: 'prepare_job', args: { container: 'a' } }, 'args.container must be an object, but is a string'],
    [{ command: 'cleanup_job', args: 'x' }, 'args must be an object, but is a string'],
    [{ command: 'cleanup_job', state: [] }, 'state must be an object, but is an array'],
    [{ command: 'cleanup_job', responseFile: 5 }, 'responseFile must be a string, but is a number'],
    [{ command: 'run_script_step', args: { entryPoint: 'a', prependPath: 5 } }, 'args.prependPath must be an array'],
    [
      { command: 'run_script_step', args: { entryPoint: 'a', prependPath: [5] } },
      'args.prependPath[0] must be a string'
    ],
    [{ command: 'run_script_step', args: { entryPoint: 'a', workingDirectory: 5 } }, 'args.workingDirectory must be a']
  ])('refuses %j', (input, expected) => {
    expect(refusal(JSON.stringify(input)).message.startsWith(expected)).toBe(true)
  })

  it('never repeats a value, which may be a secret', () => {
    expect(refusal('{"command":"run_container_step","args":{"image":{"x":"s3cret"}}}').message).not.toContain('s3cret')
    expect(refusal('s3cret').message).not.toContain('s3cret')
  })
})

describe('reading stdin', () => {
  const never = new AbortController().signal

  it('reads to the end, across chunks that cut a character in two', async () => {
    const bytes = Buffer.from('\uFEFF{"a":"ü"}')
    const stream = Readable.from([bytes.subarray(0, 10), bytes.subarray(10)])
    expect(await readInput(stream, never)).toBe('{"a":"ü"}')
  })

  it('takes only the first character for a mark of the encoding', async () => {
    expect(await readInput(Readable.from([Buffer.from('"\uFEFF"')]), never)).toBe('"\uFEFF"')
  })

  it('takes as much as it may, and no byte more', async () => {
    const most = Buffer.alloc(INPUT_BYTES_MAX, 'x')
    expect(await readInput(Readable.from([most]), never)).toHaveLength(INPUT_BYTES_MAX)
    await expect(readInput(Readable.from([most, Buffer.from('x')]), never)).rejects.toThrow('larger than 16 MiB')
  })

  it('passes on what breaks stdin', async () => {
    const broken = new Readable({ read: () => broken.destroy(new Error('the pipe is broken')) })
    await expect(readInput(broken, never)).rejects.toThrow('the pipe is broken')
  })

  it('stops at the limit', async () => {
    const chunk = Buffer.alloc(1024 * 1024)
    let sent = 0
    const stream = Readable.from(
      (function* () {
        while (true) {
          sent += chunk.length
          yield chunk
        }
      })()
    )
    await expect(readInput(stream, never)).rejects.toMatchObject({ code: 'invalid-input' })
    expect(sent).toBeLessThanOrEqual(INPUT_BYTES_MAX + 8 * chunk.length)
  })

  it('gives up when it is cancelled', async () => {
    const controller = new AbortController()
    const reading = readInput(new Readable({ read() {} }), controller.signal)
    controller.abort()
    await expect(reading).rejects.toMatchObject({ code: 'cancelled', message: expect.stringMatching(/^Cancelled/) })
  })
})
