/** Whatever is built, it starts as docker would start it, or ends in one error. */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { type BuiltConfig, processOf, readConfig } from '../../../../src/effects/in-place/process.ts'
import type { StepError } from '../../../../src/errors.ts'

const PASSWD = `root:x:0:0:root:/root:/bin/sh
app:x:1000:1001:An app:/home/app:/bin/sh
lonely:x:1002:1002::/home/lonely:/bin/sh
1005:x:7:8::/seven:/bin/sh
short:x:9
odd:x:many:-0:::
`
const GROUP = `root:x:0:
docker:x:999:app,short
app:x:1001:app
audio:x:29:other,app,
`
const root = (config: BuiltConfig) => ({ config: { Cmd: ['/run'], ...config }, passwd: PASSWD, group: GROUP })
const nothing = { args: [], env: {}, workingDirectory: '/github/workspace' }
const of = (config: BuiltConfig, request = {}) => processOf(root(config), { ...nothing, ...request }, 'pod')
const user = (User: string, files = {}) => processOf({ ...root({ User }), ...files }, nothing, 'pod').user
const failure = (code: string, message: unknown) => expect.objectContaining({ code, message })

describe('what runs', () => {
  const image = { Entrypoint: ['/entry'], Cmd: ['c'] }

  test('is ENTRYPOINT and CMD', () => expect(of(image).argv).toEqual(['/entry', 'c']))
  test('has the arguments in place of CMD', () => expect(of(image, { args: ['a'] }).argv).toEqual(['/entry', 'a']))
  test('is the entry point alone', () => expect(of(image, { entryPoint: '/x' }).argv).toEqual(['/x']))

  test('has to be something', () => {
    const start = () => processOf({ config: {} }, nothing, 'pod')
    expect(start).toThrow(failure('start-failed', expect.stringContaining('no command specified')))
  })

  test('runs where the runner says', () => expect(of({}).workingDirectory).toBe('/github/workspace'))
})

describe('the environment', () => {
  const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

  test('is a path, a host and a home', () => expect(of({}).env).toEqual({ PATH, HOSTNAME: 'pod', HOME: '/root' }))

  test("has the image's on it, and the request's on that", () => {
    const Env = ['PATH=', 'A=1', 'A=2', 'B=x=y', 'C=3', 'HOSTNAME=mine', 'nothing', '=empty', '__proto__=p']
    const { env } = of({ Env }, { env: { C: '4', HOME: '' } })
    expect(Object.entries(env)).toEqual(
      Object.entries({ PATH: '', HOSTNAME: 'mine', A: '2', B: 'x=y', C: '4' }).concat([
        ['__proto__', 'p'],
        ['HOME', '']
      ])
    )
  })

  it.each([
    ['app', '/home/app'],
    ['1000', '/home/app'],
    ['4711', '/'],
    ['odd', '/root']
  ])('of %s has %s as its home', (User, HOME) => expect(of({ User }).env).toMatchObject({ HOME }))
})

describe('the user', () => {
  it.each([
    ['', { uid: 0, gid: 0 }],
    ['root', { uid: 0, gid: 0 }],
    ['app', { uid: 1000, gid: 1001, name: 'app' }],
    ['1000', { uid: 1000, gid: 1001, name: 'app' }],
    ['lonely', { uid: 1002, gid: 1002 }],
    ['app:app', { uid: 1000, gid: 1001 }],
    ['app:29', { uid: 1000, gid: 29 }],
    ['app:4711', { uid: 1000, gid: 4711 }],
    ['4711', { uid: 4711, gid: 0 }],
    ['4711:audio', { uid: 4711, gid: 29 }],
    [':audio', { uid: 0, gid: 29 }],
    ['app:audio:more', { uid: 1000, gid: 29 }],
    // A name of digits is a name first.
    ['1005', { uid: 7, gid: 8 }],
    ['odd', { uid: 0, gid: 0 }]
  ])('%j is %j', (spec, expected) => expect(user(spec)).toEqual(expected))

  test('is root where there are no files', () => {
    expect(user('', { passwd: undefined, group: undefined })).toEqual({ uid: 0, gid: 0 })
    expect(user('5:6', { passwd: undefined, group: undefined })).toEqual({ uid: 5, gid: 6 })
  })

  test('that is root has the groups of root', () => {
    expect(user('', { group: 'bin:x:1:root,bin\n' })).toEqual({ uid: 0, gid: 0, name: 'root' })
  })

  it.each([
    ['nobody', 'unable to find user nobody: no matching entries in passwd file'],
    ['App', 'unable to find user App: no matching entries in passwd file'],
    ['app:wheel', 'unable to find group wheel: no matching entries in group file'],
    ['-1', 'uids and gids must be in range 0-2147483647'],
    ['2147483648', 'uids and gids must be in range 0-2147483647'],
    ['0:99999999999999999999', 'uids and gids must be in range 0-2147483647'],
    ['a\nb\u001b[0m', 'unable to find user a?b?[0m: no matching entries in passwd file'],
    ['short', 'the groups of user short cannot be given to it: its entry in /etc/passwd is malformed']
  ])('%j is refused', (spec, words) => {
    expect(() => user(spec)).toThrow(failure('start-failed', expect.stringContaining(words)))
  })

  it.each(['-l', '-', 'a b'])('%j cannot have the groups of its entry', (name) => {
    const files = { passwd: `${name}:x:5:5:::\n`, group: `g:x:6:${name}\n` }
    expect(() => user(name, files)).toThrow(failure('start-failed', expect.stringContaining('malformed')))
    expect(user(name, { ...files, group: '' })).toEqual({ uid: 5, gid: 5 })
  })

  test('is not looked for behind a line without end', () => {
    const passwd = `${'x'.repeat(100_000)}\napp:x:1:1:::\n`
    expect(() => user('app', { passwd })).toThrow(failure('start-failed', expect.stringContaining('too long')))
  })
})

describe('the configuration of an image', () => {
  test('says how to run it', () => {
    const config = { User: 'app', Env: ['A=1'], Entrypoint: ['/x'], Cmd: null }
    expect(readConfig(JSON.stringify({ config: { ...config, Labels: { a: 'b' } }, os: 'linux' }))).toEqual(config)
  })

  it.each(['{}', '{"config":null}', '{"config":{}}'])('%s says nothing of it', (text) => {
    expect(readConfig(text)).toEqual({})
  })

  it.each([
    '',
    'null',
    '[]',
    '"x"',
    '{"config":[]}',
    '{"config":{"User":1}}',
    '{"config":{"Env":"A=1"}}',
    '{"config":{"Cmd":[null]}}',
    `{"config":${'['.repeat(100_000)}`,
    `{"x":"${'x'.repeat(2 ** 20)}"}`
  ])('%.40j is none', (text) => {
    expect(() => readConfig(text)).toThrow(failure('start-failed', expect.stringContaining('configuration')))
  })
})

test('whatever is in the files, there is a process or one error', () => {
  const lines = fc.array(fc.array(fc.constantFrom('a', 'root', '', '0', '1', '-1', '#', ' ', 'x,a'), { maxLength: 9 }))
  const file = fc.option(
    lines.map((all) => all.map((fields) => fields.join(':')).join('\n')),
    { nil: undefined }
  )
  const spec = fc.array(fc.constantFrom('a', 'root', ':', '0', '1', '-', ' '), { maxLength: 5 })
  fc.assert(
    fc.property(file, file, spec, (passwd, group, User) => {
      try {
        const { user } = processOf({ config: { User: User.join(''), Cmd: ['x'] }, passwd, group }, nothing, 'pod')
        expect(user.uid).toBeGreaterThanOrEqual(0)
        expect(user.gid).toBeGreaterThanOrEqual(0)
        expect(user.name ?? 'a').toMatch(/^[^\s-]\S*$/)
      } catch (error) {
        expect((error as StepError).code).toBe('start-failed')
      }
    })
  )
})
