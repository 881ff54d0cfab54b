/** Layers on top of each other, as the image specification says, and how a path is written down. */
import { expect, test } from 'vitest'
import { applyLayer, type Entry, linesOf, type Node } from '../../parity/image/tree.ts'

const node = (parts: Partial<Node> = {}): Node => ({
  type: 'file',
  mode: 0o644,
  owner: '0:0',
  content: 'x',
  xattrs: {},
  ...parts
})
const file = (path: string, content = 'x'): Entry => ({ path, node: node({ content }) })
const directory = (path: string): Entry => ({ path, node: node({ type: 'dir', mode: 0o755, content: '' }) })
const whiteout = (path: string): Entry => ({ path, node: node({ content: '' }) })

const pathsAfter = (...layers: readonly (readonly Entry[])[]) => [
  ...layers.reduce(applyLayer, new Map<string, Node>()).keys()
]

test('a whiteout removes what lower layers have there, and what is below it', () => {
  const lower = [directory('/d'), file('/d/a'), file('/e')]
  expect(pathsAfter(lower, [whiteout('/.wh.d')])).toEqual(['/e'])
  expect(pathsAfter(lower, [whiteout('/d/.wh.a')])).toEqual(['/d', '/e'])
})

test('a whiteout leaves what its own layer has there, in whatever order', () => {
  const lower = [directory('/d'), file('/d/a')]
  expect(pathsAfter(lower, [directory('/d'), file('/d/b'), whiteout('/.wh.d')])).toEqual(['/d', '/d/b'])
  expect(pathsAfter(lower, [whiteout('/.wh.d'), directory('/d'), file('/d/b')])).toEqual(['/d', '/d/b'])
})

test('an opaque directory has only what its own layer has there', () => {
  const lower = [directory('/d'), file('/d/a')]
  expect(pathsAfter(lower, [file('/d/b'), whiteout('/d/.wh..wh..opq')])).toEqual(['/d', '/d/b'])
})

test('a file in the place of a directory removes what was below it', () => {
  expect(pathsAfter([directory('/d'), file('/d/a'), file('/da')], [file('/d')])).toEqual(['/d', '/da'])
})

test('a directory that is named again keeps what is below it', () => {
  expect(pathsAfter([directory('/d'), file('/d/a')], [directory('/d')])).toEqual(['/d', '/d/a'])
})

test('names of one file are a group, named after the first of them', () => {
  const tree = applyLayer(new Map(), [file('/b'), { path: '/a', sameAs: '/b' }, { path: '/c', sameAs: '/b' }])
  expect(Object.fromEntries(linesOf(tree))).toEqual({
    '/a': 'file 644 0:0 x',
    '/b': 'file 644 0:0 x same as /a',
    '/c': 'file 644 0:0 x same as /a'
  })
})

test('a hard link to nothing is a broken layer', () => {
  expect(() => applyLayer(new Map(), [{ path: '/a', sameAs: '/b' }])).toThrow('/b')
})

test.each([
  [node({ mode: 0o4755 }), 'file 4755 0:0 x'],
  [node({ type: 'dir', mode: 0o1777, owner: '5:6', content: '' }), 'dir 1777 5:6'],
  [node({ type: 'link', mode: 0o777, content: '../x' }), 'link 0:0 -> ../x'],
  [node({ type: 'char', content: '1:3' }), 'char 644 0:0 1:3'],
  [node({ xattrs: { 'user.b': '02', 'user.a': '01' } }), 'file 644 0:0 x user.a=01 user.b=02']
])('%o is written %s', (given, line) => {
  expect(linesOf(new Map([['/x', given]])).get('/x')).toBe(line)
})
