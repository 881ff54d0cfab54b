/** What the parity suite says of building in place: how it reads a container's files, and that each known difference is on a page. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { hashOf } from '../../parity/image/layer.ts'
import { treeOfListing } from '../../parity/image/listing.ts'
import { linesOf } from '../../parity/image/tree.ts'
import { isKnown, KNOWN_IN_PLACE } from '../../parity/known-in-place.ts'
import { isOfOtherFrontend } from '../../parity/support/frontend.ts'
import { LONGEST } from '../../support/longest-first.ts'

const root = new URL('../../../', import.meta.url)
const inBase64 = (text: string) => Buffer.from(text).toString('base64')
const sha256 = (digit: string) => digit.repeat(64)

describe('a listing', () => {
  const printed = [
    '/\0/d\0/d/a\nb\0/d/same\0/l\0/mounted\0/null\0/etc/shadow\0',
    '1:1 41ed 0:0 0:0\n1:2 43ff 5:6 0:0\n1:3 8de8 0:0 0:0\n1:3 8de8 0:0 0:0\n1:4 a1ff 0:0 0:0\n2:1 41ed 0:0 0:0\n1:5 21b6 0:0 1:3\n1:6 81a0 0:42 0:0\n',
    `${sha256('a')}  /d/a\nb\n${sha256('a')}  /d/same\n${sha256('b')}  /etc/shadow\n`,
    "'/l' -> 'to'\n",
    'root:*:20000:0\n',
    ''
  ]
    .map(inBase64)
    .join('\n')

  test('is read into the tree of the root file system, whatever names its files have', () => {
    expect(Object.fromEntries(linesOf(treeOfListing(printed)))).toEqual({
      '/': 'dir 755 0:0',
      '/d': 'dir 1777 5:6',
      '/d/a\nb': `file 6750 0:0 ${'a'.repeat(16)}`,
      '/d/same': `file 6750 0:0 ${'a'.repeat(16)} same as /d/a\nb`,
      '/l': 'link 0:0 -> to',
      '/null': 'char 666 0:0 1:3',
      '/etc/shadow': `file 640 0:42 ${hashOf('root:*::0\n')}`
    })
  })

  test('that is cut off is none', () => {
    expect(() => treeOfListing(printed.split('\n').slice(0, 2).join('\n'))).toThrow('cut off')
  })
})

test('each known difference is on the page that it names', () => {
  const told = KNOWN_IN_PLACE.map(({ page, says }) => [says, readFileSync(new URL(page, root), 'utf8').includes(says)])
  expect(told).toEqual(KNOWN_IN_PLACE.map(({ says }) => [says, true]))
  expect(isKnown('/kaniko: dir 755 0:0, should be as in the base')).toBe(true)
  expect(isKnown('/kanikos: dir 755 0:0, should be as in the base')).toBe(false)
})

test.each([
  ['# syntax=docker/dockerfile:1\nFROM a\n', true],
  ['# escape=`\n#syntax = x\nFROM a\n', true],
  ['// syntax=x\nFROM a\n', true],
  ['# just words\n# syntax=x\nFROM a\n', false],
  ['FROM a\n# syntax=x\n', false]
])('of %j it is known whether it names a frontend', (dockerfile, names) => {
  expect(isOfOtherFrontend({ name: 'a', group: 'b', dockerfile })).toBe(names)
})

test('the files that are started first are there', () => {
  expect(LONGEST.filter((name) => !existsSync(new URL(name, root)))).toEqual([])
})
