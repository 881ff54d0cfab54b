/** What a built action gets in place is exactly what it shall get: run by this machine's shell, and by its busybox where it has one. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it, test } from 'vitest'
import type { Process } from '../../../../src/effects/in-place/process.ts'
import { PLACES } from '../../../../src/effects/in-place/scripts.ts'
import { startScript } from '../../../../src/effects/in-place/start-script.ts'
import { removeDirectory } from '../../../support/removed.ts'
import { TOOLS } from '../../../support/shell-tools.ts'

/** Shows what it was started with as the kernel knows it; what it gets besides are files that are not there. */
const SHOW = ['--', '/proc/self/cmdline', '/proc/self/environ']
const CAT = '/bin/cat'
const ROOT = { uid: 0, gid: 0 }
const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((one) => !one.includes('\0'))
const nameText = fc.oneof(
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/),
  fc.constantFrom(
    'PWD',
    'OLDPWD',
    'SHLVL',
    '_',
    'IFS',
    'OPTIND',
    'PS1',
    'PPID',
    'HOME',
    'INPUT_WHO-TO-GREET',
    '-i',
    '-'
  ),
  text.filter((one) => one !== '' && !one.includes('='))
)
const environment = fc.dictionary(nameText, text, { maxKeys: 6, noNullPrototype: true })

describe.each(TOOLS)('with $title', ({ place }) => {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-start-'))
  const busybox = join(directory, 'busybox')
  const places = { ...PLACES, directory, busybox, builder: join(directory, 'builder') }
  const base = { workingDirectory: join(directory, 'work'), env: {}, user: ROOT }

  afterAll(() => removeDirectory(directory))

  function run(process: Process) {
    // What is not needed any more goes with every start.
    rmSync(busybox, { recursive: true, force: true })
    place(busybox)
    writeFileSync(join(directory, 'start'), startScript(process, { places }))
    // As the supervisor starts it.
    const command = ['-i', `${busybox}/sh`, `${directory}/start`]
    const { status, stdout, stderr } = spawnSync(`${busybox}/env`, command, { encoding: 'utf8' })
    return { status, stdout, stderr }
  }

  /** Arguments and environment of a program. */
  function shown(process: Omit<Process, 'argv'>, args: readonly string[], program = CAT) {
    const argv = [program, ...SHOW, ...args]
    const words = run({ ...process, argv }).stdout.split('\0')
    return { argv: words.slice(0, argv.length), env: words.slice(argv.length, -1).sort() }
  }

  const lines = (env: Readonly<Record<string, string>>) =>
    Object.entries(env)
      .map(([name, value]) => `${name}=${value}`)
      .sort()

  it.each<[string, Process['user']]>([
    ['root', ROOT],
    ['a user with groups', { uid: 5, gid: 6, name: 'app' }]
  ])('%s gets every argument and every variable as it is, and no other', { timeout: 120_000 }, (_, user) => {
    const process = { ...base, user }
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), environment, (args, env) => {
        expect(shown({ ...process, env }, args)).toEqual({ argv: [CAT, ...SHOW, ...args], env: lines(env) })
      }),
      { numRuns: user === ROOT ? 150 : 15 }
    )
  })

  test('a large value arrives', () => {
    const env = { LARGE: `'${'x'.repeat(120_000)}'`, 'LARGE-TOO': '"$'.repeat(50_000) }
    expect(shown({ ...base, env }, []).env).toEqual(lines(env))
  })

  it.each(['a=b', '-x', '-', 'with space', "it's"])('the program may be called %j', (program) => {
    const PATH = join(directory, 'path')
    mkdirSync(PATH, { recursive: true })
    if (!existsSync(join(PATH, program))) symlinkSync(CAT, join(PATH, program))
    const env = { PATH, 'ODD-': '1' }
    expect(shown({ ...base, env }, ['x'], program)).toEqual({ argv: [program, ...SHOW, 'x'], env: lines(env) })
  })

  test('it runs in its working directory, which is made, with the umask of containers', () => {
    rmSync(base.workingDirectory, { recursive: true, force: true })
    const { stdout } = run({ ...base, argv: ['/bin/sh', '-c', 'pwd; umask'] })
    expect(stdout).toBe(`${base.workingDirectory}\n0022\n`)
    expect(statSync(base.workingDirectory).mode & 0o777).toBe(0o755)
  })

  test('exits as the program does', () => {
    expect(run({ ...base, argv: ['/bin/sh', '-c', 'exit 42'] }).status).toBe(42)
    expect(existsSync(join(directory, 'start'))).toBe(false)
    expect(existsSync(join(directory, 'started'))).toBe(true)
  })

  test('the script itself is not open for the program', () => {
    const open = run({ ...base, argv: ['/bin/sh', '-c', 'ls -l /proc/$$/fd'], env: { PATH: '/bin:/usr/bin' } }).stdout
    expect(open).toContain(' 0 -> ')
    expect(open).not.toContain(directory)
  })

  it.each<[string, number, string, object]>([
    ['is not there', 127, 'none', { PATH: '/bin' }],
    ['is not there, by its path', 127, '/none/at/all', {}],
    ['is empty', 127, '', { PATH: '/none' }],
    ['is a directory', 126, '/bin', {}],
    ['is not executable', 126, '/etc/passwd', {}]
  ])('a program that %s ends with %i', (_title, code, program, env) => {
    expect(run({ ...base, env: { ...env }, argv: [program] }).status).toBe(code)
  })

  it.each([
    ['by its path', (path: string) => `${path}/plain`],
    ['by its name', () => 'plain']
  ])('a text that names no interpreter is not given to a shell, %s', (_title, nameIn) => {
    const PATH = join(directory, 'plain-path')
    mkdirSync(PATH, { recursive: true })
    writeFileSync(join(PATH, 'plain'), 'echo ran\n', { mode: 0o755 })
    const program = nameIn(PATH)
    const env = { PATH: `/none:${PATH}:/bin` }
    const expected = { status: 255, stdout: '', stderr: `exec ${program}: exec format error\n` }
    expect(run({ ...base, env, argv: [program] })).toEqual(expected)
    writeFileSync(join(PATH, 'plain'), '#!/bin/sh\necho ran\n', { mode: 0o755 })
    expect(run({ ...base, env, argv: [program] })).toEqual({ status: 0, stdout: 'ran\n', stderr: '' })
  })

  test('where the working directory is none, it does not start', () => {
    const process = { ...base, workingDirectory: '/etc/passwd/x', argv: ['/bin/sh', '-c', 'echo started'] }
    expect(run(process)).toMatchObject({ status: 126, stdout: '' })
  })
})

describe('who the program is', () => {
  const [tools] = TOOLS
  const directory = mkdtempSync(join(tmpdir(), 'slipway-become-'))
  const busybox = join(directory, 'busybox')
  const places = { ...PLACES, directory, busybox, builder: join(directory, 'builder') }
  const base = { workingDirectory: directory, env: { 'A-B': '1' }, argv: ['/bin/sh', '-c', 'echo $1', '-s', 'here'] }

  afterAll(() => removeDirectory(directory))

  const became = (program: string) =>
    existsSync(join(busybox, `${program}.became`))
      ? readFileSync(join(busybox, `${program}.became`), 'utf8')
      : undefined

  it.each<[Process['user'], object]>([
    [ROOT, {}],
    [{ uid: 0, gid: 5 }, { chpst: '0:5' }],
    [{ uid: 1000, gid: 1001 }, { chpst: '1000:1001' }],
    [{ uid: 1000, gid: 1001, name: 'app' }, { su: 'app' }],
    [{ uid: 0, gid: 0, name: 'root' }, { su: 'root' }]
  ])('is asked for: %j', (user, expected) => {
    rmSync(busybox, { recursive: true, force: true })
    tools?.place(busybox)
    writeFileSync(join(directory, 'start'), startScript({ ...base, user }, { places }))
    expect(spawnSync('sh', [join(directory, 'start')], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: 'here\n'
    })
    expect({ chpst: became('chpst'), su: became('su') }).toEqual({ chpst: undefined, su: undefined, ...expected })
  })
})

describe('what no program can get', () => {
  const process = { argv: ['/x'], env: {}, workingDirectory: '/', user: ROOT }

  it.each<[string, Partial<Process>]>([
    ['a character', { argv: ['a\0b'] }],
    ['a character', { env: { A: '\0' } }],
    ['a character', { env: { 'A=B': '' } }],
    ['a character', { env: { '': '' } }],
    ['more than the 2097152', { env: { A: 'x'.repeat(2 ** 21) } }]
  ])('is refused: %s', (words, odd) => {
    expect(() => startScript({ ...process, ...odd })).toThrow(
      expect.objectContaining({ code: 'start-failed', message: expect.stringContaining(words) })
    )
  })
})
