/** Two images compared: config and files, relative to the base. */
import { describe, expect, test } from 'vitest'
import { normalConfig } from '../../parity/image/config.ts'
import { differences, filesOf, type Outline } from '../../parity/image/outline.ts'
import type { Node } from '../../parity/image/tree.ts'
import { judge } from '../../parity/support/outcome.ts'

const file = (content: string): Node => ({ type: 'file', mode: 0o644, owner: '0:0', content, xattrs: {} })

describe('the config', () => {
  test('leaves out what says nothing, in whatever way it is written', () => {
    const nothing = { Cmd: null, Entrypoint: [], User: '', Env: [], Labels: {}, Volumes: null, WorkingDir: '/' }
    expect(normalConfig(nothing)).toEqual(normalConfig({}))
    expect(normalConfig({})).toEqual({})
  })

  test('has ports, volumes and variables in order', () => {
    const given = { ExposedPorts: { '81/tcp': {}, '80/tcp': {} }, Env: ['b=1=2', 'a='], Volumes: { '/v': {} } }
    expect(JSON.stringify(normalConfig(given))).toBe(
      '{"Env":{"a":"","b":"1=2"},"ExposedPorts":["80/tcp","81/tcp"],"Volumes":["/v"]}'
    )
  })

  test('keeps the order of words', () => {
    expect(normalConfig({ Cmd: ['b', 'a'] })).toEqual({ Cmd: ['b', 'a'] })
  })
})

describe('the files', () => {
  const base = new Map([
    ['/same', file('1')],
    ['/changed', file('1')],
    ['/gone', file('1')]
  ])
  test('are those that are not as in the base', () => {
    const tree = new Map([
      ['/same', file('1')],
      ['/changed', file('2')],
      ['/new', file('3')]
    ])
    expect(filesOf(tree, base)).toEqual({
      '/changed': 'file 644 0:0 2',
      '/gone': 'gone',
      '/new': 'file 644 0:0 3'
    })
  })

  test('are not what is mounted over', () => {
    const tree = new Map([...base, ['/proc/x', file('1')], ['/etc/resolv.conf', file('1')], ['/devices', file('1')]])
    expect(filesOf(tree, base)).toEqual({ '/devices': 'file 644 0:0 1' })
  })
})

describe('the verdict', () => {
  const image: Outline = {
    base: 'busybox',
    platform: 'linux/amd64',
    config: { Env: { a: '1' }, Cmd: ['sh'] },
    files: { '/f': 'file 644 0:0 1' }
  }
  const other = { ...image, config: { Env: { a: '1', b: '2' } }, files: {} }

  test('names each difference', () => {
    expect(differences(image, image)).toEqual([])
    expect(differences(image, other)).toEqual([
      '/f: file 644 0:0 1, should be as in the base',
      'Cmd: ["sh"], should be as in the base',
      'Env b: as in the base, should be "2"'
    ])
  })

  const refused = (code: string, message: string) => ({ kind: 'refused', code, message }) as const
  test.each([
    ['same', { kind: 'built', image } as const, image],
    ['different', { kind: 'built', image } as const, other],
    ['different', { kind: 'built', image } as const, 'refused' as const],
    ['refused by both', refused('dockerfile-failed', 'no'), 'refused' as const],
    ['refused', refused('not-supported', "Dockerfile, line 3: no 'RUN --mount' here; copy it"), image],
    ['different', refused('not-supported', "Dockerfile: no 'RUN --mount' here; copy it"), image],
    ['different', refused('not-supported', "Dockerfile, line 3: no 'RUN --mount' here"), image],
    ['different', refused('not-supported', 'Dockerfile, line 3: nothing of that kind; copy it'), image],
    ['different', refused('dockerfile-failed', 'line 3 failed'), image]
  ] as const)('is %s', (verdict, outcome, reference) => {
    expect(judge(outcome, reference).verdict).toBe(verdict)
  })
})
