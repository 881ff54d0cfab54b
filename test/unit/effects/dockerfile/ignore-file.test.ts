/** Goal: .dockerignore means what it means to docker. Method: cases of moby/patternmatcher's documentation, by behaviour. */
import { describe, expect, it } from 'vitest'
import { parseIgnoreFile } from '../../../../src/effects/dockerfile/ignore-file.ts'

const CASES: readonly (readonly [title: string, file: string, excluded: readonly string[], kept: readonly string[]])[] =
  [
    ['an anchored name', 'foo', ['foo', 'foo/a', 'foo/a/b'], ['a/foo', 'foobar', 'afoo']],
    ['a slash at the front', '/foo', ['foo', 'foo/a'], ['a/foo']],
    ['a slash at the end', 'foo/', ['foo', 'foo/a'], ['a/foo']],
    ['a dot at the front', './foo//bar/../baz', ['foo/baz'], ['foo/bar']],
    ['a star, within one name', '*.md', ['README.md'], ['docs/README.md', 'md']],
    ['a star below a directory', '*/temp*', ['a/temp', 'a/temporary.txt'], ['temp', 'a/b/temp']],
    ['a question mark', 'a?c', ['abc'], ['ac', 'a/c', 'abbc']],
    ['a class', '[a-c]x', ['ax', 'cx'], ['dx', 'x']],
    ['a negated class', '[^a]x', ['bx'], ['ax']],
    ['a backslash', 'a\\*b', ['a*b'], ['axb']],
    ['a backslash in a class', '[\\]\\!d]x', [']x', '!x', 'dx'], ['\\x', '5x']],
    ['minus signs in a class', '[-a-c-]x', ['-x', 'bx'], ['dx']],
    ['any directories, said twice', 'a/**/**/*b', ['a/b', 'a/x/xb', 'a/x/y/b'], ['b', 'ab', 'a/x/bx']],
    ['dots and other signs, which are plain', 'a.b+(c)$', ['a.b+(c)$'], ['axb+(c)$', 'a.bb(c)$']],
    ['any directory', '**/foo', ['foo', 'a/foo', 'a/b/foo', 'a/foo/c'], ['xfoo', 'a/xfoo', 'foox']],
    ['any directory in between', 'a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['b', 'x/a/b']],
    ['everything below', 'a/**', ['a/x', 'a/x/y'], ['a', 'ab']],
    ['everything', '**', ['a', 'a/b'], []],
    ['two stars before an ending', '**.md', ['a.md', 'x/y/a.md'], ['a.mdx']],
    ['everything but one', '*\n!keep', ['a', 'b/keep'], ['keep', 'keep/x']],
    ['a file of an excluded directory', 'dir\n!dir/keep', ['dir', 'dir/a'], ['dir/keep', 'dir/keep/x']],
    [
      'the last match',
      '*.md\n!README*.md\nREADME-secret.md',
      ['a.md', 'README-secret.md'],
      ['README.md', 'README-x.md']
    ],
    ['a negation with blanks and a slash', '*\n! /keep ', ['a'], ['keep']],
    ['comments, blank lines, a BOM and CRLF', '\uFEFF# c\r\n\r\n  foo  \r\n#bar\r\n', ['foo'], ['bar', '# c']],
    ['a number sign after a blank, which is a pattern', ' #x', ['#x'], ['x']],
    ['a dot, which leaves nothing out', '.', [], ['a', '.hidden']],
    ['a directory above, which leaves nothing out', '../x', [], ['x']],
    ['letters beyond ASCII', 'gr?n', ['grün'], ['grn']]
  ]

describe('.dockerignore', () => {
  it.each(CASES)('understands %s', (_title, file, excluded, kept) => {
    const rules = parseIgnoreFile(file, '.dockerignore')
    expect(excluded.filter((path) => !rules.excludes(path))).toEqual([])
    expect(kept.filter((path) => rules.excludes(path))).toEqual([])
  })

  it.each(['!', '[', 'a[', '[]', '[^]', '[^]a]', '[a', '[a\\]', '[a-', 'a\\', '[b-a]'])(
    'refuses %s and names the line and the file',
    (pattern) => {
      expect(() => parseIgnoreFile(`ok\n${pattern}\n`, 'x.dockerignore')).toThrow(
        expect.objectContaining({
          code: 'invalid-input',
          message: expect.stringContaining(`'${pattern}' in x.dockerignore`)
        })
      )
    }
  )

  it('repeats no more of a pattern than its beginning', () => {
    const shown = 'x'.repeat(80)
    expect(() => parseIgnoreFile(`${'x'.repeat(5_000)}[`, 'x')).toThrow(`'${shown}...' in x is not a pattern`)
  })

  it('tells where a negation may take something in again', () => {
    const rules = parseIgnoreFile('*\n!a/b/c\n!d/*.txt\n', '.dockerignore')
    expect(['a', 'a/b', 'd', 'd/e'].filter((path) => !rules.mayReinclude(path))).toEqual([])
    expect(['b', 'a/x', 'a/b/c', 'e'].filter((path) => rules.mayReinclude(path))).toEqual([])
    expect(parseIgnoreFile('*\n!**/x', '.dockerignore').mayReinclude('any/where')).toBe(true)
  })
})
