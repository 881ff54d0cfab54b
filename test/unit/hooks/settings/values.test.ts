/** Goal: what is no such value is refused where it is read, with what was wanted. Method: the edges of every parser. */
import { describe, expect, it } from 'vitest'
import {
  absolutePath,
  directoryOrOff,
  flag,
  hostAndPath,
  hostName,
  kubernetesName,
  list,
  mirrors,
  oneOf,
  port,
  smallNumber,
  tcpAddress,
  WrongValue
} from '../../../../src/hooks/settings/values.ts'

type Parser = (given: string) => unknown

const TABLE: Readonly<Record<string, readonly [Parser, readonly string[], readonly string[], string]>> = {
  'a Kubernetes name': [
    kubernetesName,
    ['a', '0', 'a-b', 'a--b', 'runner-abc.ci.0'],
    ['', 'A', '-a', 'a-', 'a.', '.a', 'a..b', 'a.-b', 'a-.b', 'a_b', 'a b', 'a\n', 'a/b'],
    'must be a Kubernetes name: a-z, 0-9, - and .'
  ],
  'an absolute path': [absolutePath, ['/', '/a b'], ['', 'a', './a', ' /a'], 'must be an absolute path'],
  'a directory or off': [
    directoryOrOff,
    ['off', '/a'],
    ['', 'on', 'offs', 'OFF', 'a/b'],
    'must be an absolute path or off'
  ],
  'a host': [
    hostName,
    [
      'a',
      'A',
      'ghcr.io',
      'a-b.C9',
      '10.0.0.7:5000',
      'a:1',
      'a:65535',
      '[::1]',
      '[fd00::A]:30500',
      '[::ffff:10.0.0.7]:1'
    ],
    [
      '',
      '-a',
      'a-',
      '.a',
      'a.',
      'a:',
      ':1',
      'a:123456',
      'a:x',
      'a/b',
      'http://a',
      'a b',
      'u@a',
      'a:1:2',
      'a\n',
      '::1',
      '[::1',
      '[a::g]',
      '[::1]x'
    ],
    'must be host[:port], without scheme and path'
  ],
  'a host and a path': [
    hostAndPath,
    ['a', 'a:1/b', 'ghcr.io/org/slipway', 'a/b.c_d__e-f--g/0', '[fd00::5]:5000/ci'],
    ['', 'a/', '/a', 'a//b', 'a/B', 'a/-b', 'a/b-', 'a/b___c', 'a/b..c', 'a/b:c', 'a/b@c', 'a/b\n'],
    'must be host[:port][/path], without scheme and in lower case'
  ],
  'a TCP address': [
    tcpAddress,
    ['tcp://a:1', 'tcp://buildkitd.buildkit.svc:1234', 'tcp://[::1]:1234', 'tcp://[2001:DB8::1]:65535'],
    [
      ...['', 'a:1', 'tcp://a', 'tcp://a:', 'tcp://a:123456', 'tcp://-a:1', 'tcp://a-:1', 'tcp://[]:1', 'tcp://[g]:1'],
      ...['xtcp://a:1', 'tcp://a:1/x', 'tcp://a:1\n', 'tcp://u@a:1', 'TCP://a:1']
    ],
    'must be tcp://host:port'
  ],
  'a port': [
    port,
    ['1', '80', '65535', '00080'],
    ['', '0', '65536', '-1', '1.5', '1e3', '080808', 'x80', '80x'],
    'must be a port number from 1 to 65535'
  ],
  'a choice': [oneOf(['job', 'keep']), ['job', 'keep'], ['', 'JOB', 'jobs', 'jo'], 'must be job or keep']
}

describe.each(Object.entries(TABLE))('%s', (_name, [parse, right, wrong, wanted]) => {
  it('is taken as it is', () => expect(right.map((given) => parse(given))).toEqual(right))

  it.each(wrong)('is not %j', (given) => {
    expect(() => parse(given)).toThrow(WrongValue)
    expect(() => parse(given)).toThrow(wanted)
  })
})

it('true and false are read as such, and nothing else', () => {
  expect(['true', 'false'].map(flag)).toEqual([true, false])
  for (const given of ['', 'True', 'yes', '1', 'truefalse']) expect(() => flag(given)).toThrow('must be true or false')
})

it('a small number goes from 1 to 9999', () => {
  expect(['1', '10', '9999'].map(smallNumber)).toEqual([1, 10, 9_999])
  for (const given of ['', '0', '01', '10000', '1.5', '-1', 'x1', '1x']) {
    expect(() => smallNumber(given), given).toThrow('must be a whole number from 1 to 9999')
  }
})

it('a list has no empty items and no blanks around them', () => {
  expect(list(' a , b c,, \t,d')).toEqual(['a', 'b c', 'd'])
  expect(list(' ,')).toEqual([])
})

describe('mirrors', () => {
  it('are pairs of a registry and where it is mirrored, in their order', () => {
    expect(mirrors('docker.io=mirror.example/hub, ghcr.io=10.0.0.7:5000, [::1]:1=[fd00::5]/x')).toEqual([
      { registry: 'docker.io', mirror: 'mirror.example/hub' },
      { registry: 'ghcr.io', mirror: '10.0.0.7:5000' },
      { registry: '[::1]:1', mirror: '[fd00::5]/x' }
    ])
  })

  it.each(['docker.io', 'docker.io=', '=mirror', 'a=b=c', 'a=http://b', 'a/b=c', 'a=b;c=d', 'a=b/../c', 'a=b,c'])(
    'are refused as %s',
    (given) => expect(() => mirrors(given)).toThrow('must be host[:port]=host[:port][/path], comma-separated')
  )
})
